//! The layouts that come with the program. Panes that a build does not have are left out of them.

use super::tree::Node;
use crate::tui::panes::PaneKind;

/// Name and text of each, in the order in which a key goes through them.
pub const PRESETS: &[(&str, &str)] = &[
    (
        "trade",
        "rows(columns(rows(quotes~58 positions~42)~40 rows(chart!~58 columns(ticket~50 chain?~50)~42)~60)~78 \
         columns(orders~68 strategies?~42 log~32)~22)",
    ),
    ("chart", "rows(columns(rows(quotes~58 positions~42)~40 chart!~60)~78 columns(orders~68 log~32)~22)"),
    (
        "options",
        "rows(columns(rows(quotes~58 positions~42)~40 rows(chain!~58 columns(ticket~50 chart?~50)~42)~60)~78 \
         columns(orders~68 log~32)~22)",
    ),
    (
        "depth",
        "rows(columns(quotes~36 rows(chart!~55 ticket~45)~36 rows(depth~55 tape~45)~28)~76 columns(orders~68 log~32)~24)",
    ),
    (
        "portfolio",
        "rows(columns(portfolio!~50 rows(positions~60 risk~40)~50)~60 columns(history~50 orders~50)~40)",
    ),
    ("monitor", "rows(columns(orders!~60 log~40)~50 columns(connections~34 alerts~33 notifications~33)~50)"),
];

/// The tree of a layout that comes with the program.
#[must_use]
pub fn preset(name: &str) -> Option<Node> {
    let (_, text) = PRESETS.iter().find(|(known, _)| *known == name)?;
    Node::parse(text).ok()
}

/// Those with more than one pane in this build.
pub fn usable() -> impl Iterator<Item = &'static str> {
    PRESETS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| preset(name).is_some_and(|tree| tree.leaves().len() > 1))
}

/// What is shown when nothing else can be.
#[must_use]
pub fn fallback() -> Node {
    use super::tree::Leaf;
    preset("trade").unwrap_or(Node::Pane(Leaf { pane: PaneKind::Watchlist, lends: true, optional: false }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_reads() {
        for (name, _) in PRESETS {
            let tree = preset(name).unwrap_or_else(|| panic!("{name}"));
            assert!(tree.leaves().iter().filter(|leaf| leaf.lends).count() <= 1, "{name}");
        }
        assert!(usable().count() >= 3);
        assert_eq!(preset("nonsense"), None);
    }
}
