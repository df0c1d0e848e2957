//! The characters that draw, for terminals with and without them.

/// The characters that draw: lines, marks, candles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Plain ASCII only.
    pub ascii: bool,
    /// Before the selected row.
    pub cursor: &'static str,
    /// Price rose.
    pub up: &'static str,
    /// Price fell.
    pub down: &'static str,
    /// A check passed.
    pub pass: &'static str,
    /// A check failed.
    pub fail: &'static str,
    /// A check did not apply.
    pub skip: &'static str,
    /// A connection answers.
    pub connected: &'static str,
    /// A connection does not.
    pub disconnected: &'static str,
    /// Text goes on.
    pub ellipsis: &'static str,
    /// Leads to.
    pub arrow: &'static str,
    /// Points at the last price.
    pub price_mark: &'static str,
    /// The place where typed text appears.
    pub caret: &'static str,
    /// Between the figures of one line.
    pub times: &'static str,
    /// Eight heights, lowest first.
    pub bars: [&'static str; 8],
}

pub(super) const UNICODE: Glyphs = Glyphs {
    ascii: false,
    cursor: "▸",
    up: "▲",
    down: "▼",
    pass: "✓",
    fail: "✗",
    skip: "·",
    connected: "●",
    disconnected: "○",
    ellipsis: "…",
    arrow: "→",
    price_mark: "◂",
    caret: "▏",
    times: "×",
    bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
};

pub(super) const ASCII: Glyphs = Glyphs {
    ascii: true,
    cursor: ">",
    up: "^",
    down: "v",
    pass: "+",
    fail: "x",
    skip: "-",
    connected: "*",
    disconnected: "o",
    ellipsis: "~",
    arrow: "->",
    price_mark: "<",
    caret: "_",
    times: "x",
    bars: ["_", ".", ":", "-", "=", "+", "*", "#"],
};
