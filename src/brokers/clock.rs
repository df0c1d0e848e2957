//! The wall clock of the wire: what requests are signed with and answers are dated by. Brokers live on now and on nothing else; a replay has
//! none.

use jiff::Timestamp;

/// Now.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "a broker's clock is the world's")]
pub fn wall() -> Timestamp {
    Timestamp::now()
}
