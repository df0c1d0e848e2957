//! An address as a QR code in half blocks: two modules to a character, so that it fits on a screen and a phone can take it from there.

use fast_qr::{ECL, QRBuilder};

/// Modules of quiet around the code (ISO/IEC 18004).
const QUIET: usize = 4;

/// What is drawn with blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// The dark modules: for dark on light, as the screen draws it with its own colours.
    Dark,
    /// The light ones: for plain text on a dark terminal.
    Light,
}

/// The lines of the code, all equally long; `None` when the text is too long for one.
#[must_use]
pub fn half_blocks(text: &str, blocks: Blocks) -> Option<Vec<String>> {
    // The lowest correction makes the smallest code, and a screen has no dirt on it.
    let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
    let side = code.size + 2 * QUIET;
    let drawn = |x: usize, y: usize| {
        let inside = (QUIET..QUIET + code.size).contains(&x) && (QUIET..QUIET + code.size).contains(&y);
        let dark = inside && code[y - QUIET][x - QUIET].value();
        // Below the last line there is nothing, not even quiet.
        y < side && dark == (blocks == Blocks::Dark)
    };
    let line = |y: usize| {
        (0..side)
            .map(|x| match (drawn(x, y), drawn(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            })
            .collect()
    };
    Some((0..side).step_by(2).map(line).collect())
}
