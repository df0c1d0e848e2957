//! Frames of fixed data at fixed sizes.

use super::harness::Runner;

#[test]
fn trade_screen() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let runner = Runner::new((width, height));
        insta::assert_snapshot!(format!("trade_{width}x{height}"), runner.frame());
    }
}
