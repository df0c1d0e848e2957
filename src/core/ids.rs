//! Ids from a seeded generator kept in the state: the same seed and the same inputs give the same ids.

use jiff::Timestamp;

use crate::domain::ids::ClientOrderId;

/// Makes client order ids: 48 bits of time, 80 bits from the generator, always rising.
#[derive(Clone, Debug)]
pub struct IdGenerator {
    state: u64,
    last: u128,
}

impl IdGenerator {
    /// From a seed: the system's entropy live, a fixed number in tests.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed, last: 0 }
    }

    /// The next id at this time.
    pub fn next(&mut self, now: Timestamp) -> ClientOrderId {
        let unix_ms = u64::try_from(now.as_millisecond()).unwrap_or_default();
        let random = (u128::from(self.next_u64()) << 16) ^ u128::from(self.next_u64() & 0xFFFF);
        let fresh = ClientOrderId::from_parts(unix_ms, random).as_u128();
        // Rising even within one millisecond or when the clock stood still, so that ids sort as they were made.
        self.last = fresh.max(self.last + 1);
        ClientOrderId::from_u128(self.last)
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): one addition and a mix, and every state is fine.
    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_even_when_the_clock_does_not() {
        let mut ids = IdGenerator::new(7);
        let now = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let made: Vec<_> = (0..1_000).map(|_| ids.next(now)).collect();
        assert!(made.is_sorted() && made.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(IdGenerator::new(7).next(now), made[0], "a seed decides");
    }
}
