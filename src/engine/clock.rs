//! Where time comes from: the one place that reads the system's clock.

use jiff::Timestamp;

/// The system's clock.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the one place that may")]
pub fn system_now() -> Timestamp {
    Timestamp::now()
}

/// A seed from the system's entropy, for ids.
#[must_use]
pub fn entropy() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library seeds its hasher from the system; two of them make 64 bits that no other process has.
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}
