//! From exact numbers to floating ones.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Powers of ten that a double holds exactly.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];
/// Whole numbers up to here are doubles.
const WHOLE_MAX: i128 = 1 << 53;

/// The nearest double. Of a price, whose digits and power of ten are both doubles, one division gives it; that is what a backtest does most.
#[must_use]
pub fn to_f64(number: Decimal) -> f64 {
    let digits = number.mantissa();
    match TENS.get(number.scale() as usize) {
        Some(tens) if (-WHOLE_MAX..=WHOLE_MAX).contains(&digits) => digits as i64 as f64 / tens,
        _ => number.to_f64().unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// Reading the text of a number as a double is the nearest one by definition.
        #[test]
        fn the_nearest_double(digits in -9_007_199_254_740_992_i64..=9_007_199_254_740_992, scale in 0..=22_u32) {
            let number = Decimal::from_i128_with_scale(i128::from(digits), scale);
            proptest::prop_assert_eq!(to_f64(number), number.to_string().parse::<f64>().unwrap());
        }
    }

    #[test]
    fn large_ones_too() {
        assert_eq!(to_f64(Decimal::MAX), 79_228_162_514_264_337_593_543_950_335.0);
    }
}
