//! Numbers that look random and are a function of what they are asked for: the same seed gives the same market and the same faults.

/// SplitMix64's mix: every bit of the input decides every bit of the output.
#[must_use]
pub const fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// FNV-1a of a text.
#[must_use]
pub fn hash_text(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of SplitMix64 seeded with 0, and FNV's own examples.
    #[test]
    fn the_published_values() {
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!((hash_text(""), hash_text("a")), (0xCBF2_9CE4_8422_2325, 0xAF63_DC4C_8601_EC8C));
    }
}
