//! A layout as data: a tree of splits with panes for leaves, and its one line of text.
//!
//! `columns(rows(quotes positions)~40 chart!~60)`: side by side, a column of quotes over positions and the chart. `~40` is a share that
//! yields to what a pane needs, `=40` one that was set by hand. `!` marks the place that a pane without one of its own borrows while it has
//! the keys, `?` a pane that leaves first where room is short. Panes that this version does not know are left out.

use std::fmt;

use crate::tui::panes::PaneKind;

/// Longest text of a layout, in bytes.
pub const TEXT_MAX: usize = 1_024;
/// Splits inside splits.
const DEPTH_MAX: usize = 8;
/// Largest share that can be written.
const SHARE_MAX: u16 = 10_000;

/// Which way a split divides its room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Side by side.
    Columns,
    /// One over the other.
    Rows,
}

/// A part's share of its split's room; shares are relative to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// About so much, but what its panes need comes first.
    About(u16),
    /// So much, as set by hand.
    Set(u16),
}

impl Share {
    /// Its weight.
    #[must_use]
    pub const fn weight(self) -> u16 {
        match self {
            Self::About(weight) | Self::Set(weight) => weight,
        }
    }
}

/// One part of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its share.
    pub share: Share,
    /// What stands there.
    pub node: Node,
}

/// A pane in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Which.
    pub pane: PaneKind,
    /// Its place is lent to panes that have none.
    pub lends: bool,
    /// It leaves first where room is short.
    pub optional: bool,
}

/// A layout, or a part of one. A split has at least two parts; no pane stands twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A pane.
    Pane(Leaf),
    /// Parts beside each other.
    Split(Axis, Vec<Part>),
}

/// What is wrong with the text of a layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// It does not read.
    #[error("'{0}' is no layout (such as columns(quotes~40 rows(chart ticket)~60))")]
    Unreadable(String),
    /// No pane of it is known.
    #[error("the layout has no pane that is known here")]
    Empty,
}

impl Node {
    /// Reads the text.
    ///
    /// # Errors
    /// When it does not read, or names no pane that is known.
    pub fn parse(text: &str) -> Result<Self, LayoutError> {
        let unreadable = || LayoutError::Unreadable(text.chars().take(60).collect());
        if text.len() > TEXT_MAX {
            return Err(unreadable());
        }
        let mut reader = Reader { rest: text.trim(), seen: Vec::new() };
        let (node, _) = reader.part(0).ok_or_else(unreadable)?;
        if !reader.rest.is_empty() {
            return Err(unreadable());
        }
        node.ok_or(LayoutError::Empty)
    }

    /// Its panes, from left to right and top to bottom.
    #[must_use]
    pub fn leaves(&self) -> Vec<Leaf> {
        match self {
            Self::Pane(leaf) => vec![*leaf],
            Self::Split(_, parts) => parts.iter().flat_map(|part| part.node.leaves()).collect(),
        }
    }

    /// Has it this pane.
    #[must_use]
    pub fn has(&self, pane: PaneKind) -> bool {
        match self {
            Self::Pane(leaf) => leaf.pane == pane,
            Self::Split(_, parts) => parts.iter().any(|part| part.node.has(pane)),
        }
    }

    /// Without a pane; none when it was the only one.
    #[must_use]
    pub fn without(self, pane: PaneKind) -> Option<Self> {
        match self {
            Self::Pane(leaf) if leaf.pane == pane => None,
            Self::Pane(leaf) => Some(Self::Pane(leaf)),
            Self::Split(axis, parts) => {
                let kept = parts
                    .into_iter()
                    .filter_map(|Part { share, node }| Some(Part { share, node: node.without(pane)? }))
                    .collect();
                Self::joined(axis, kept)
            }
        }
    }

    /// A split of these parts; parts of the same direction become its own.
    fn joined(axis: Axis, mut parts: Vec<Part>) -> Option<Self> {
        if parts.len() < 2 {
            return parts.pop().map(|part| part.node);
        }
        Some(Self::Split(axis, parts))
    }

    /// Puts a pane beside or below another; one that stands somewhere else moves.
    #[must_use]
    pub fn with(self, new: PaneKind, at: PaneKind, axis: Axis) -> Self {
        if new == at || !self.has(at) {
            return self;
        }
        match self.clone().without(new) {
            Some(mut tree) => {
                tree.insert(new, at, axis);
                tree
            }
            None => self,
        }
    }

    fn insert(&mut self, new: PaneKind, at: PaneKind, axis: Axis) {
        let leaf = Self::Pane(Leaf { pane: new, lends: false, optional: false });
        match self {
            Self::Pane(here) if here.pane == at => {
                let half = |node| Part { share: Share::About(50), node };
                *self = Self::Split(axis, vec![half(Self::Pane(*here)), half(leaf)]);
            }
            Self::Pane(_) => {}
            Self::Split(own, parts) => {
                let is_at = |part: &Part| matches!(&part.node, Self::Pane(here) if here.pane == at);
                match parts.iter().position(is_at) {
                    Some(place) if *own == axis => {
                        let share = Share::About((parts[place].share.weight() / 2).max(1));
                        parts[place].share = share;
                        parts.insert(place + 1, Part { share, node: leaf });
                    }
                    _ => parts.iter_mut().for_each(|part| part.node.insert(new, at, axis)),
                }
            }
        }
    }

    /// Two panes change places.
    pub fn swap(&mut self, a: PaneKind, b: PaneKind) {
        match self {
            Self::Pane(leaf) if leaf.pane == a => leaf.pane = b,
            Self::Pane(leaf) if leaf.pane == b => leaf.pane = a,
            Self::Pane(_) => {}
            Self::Split(_, parts) => parts.iter_mut().for_each(|part| part.node.swap(a, b)),
        }
    }

    /// Turns the innermost split around a pane the other way.
    pub fn turn(&mut self, pane: PaneKind) {
        if let Self::Split(axis, parts) = self {
            if parts.iter().any(|part| matches!(&part.node, Self::Pane(leaf) if leaf.pane == pane)) {
                *axis = if *axis == Axis::Columns { Axis::Rows } else { Axis::Columns };
            } else {
                parts.iter_mut().for_each(|part| part.node.turn(pane));
            }
        }
    }

    /// Every part gets what it needs again, as if no size had ever been set by hand.
    pub fn even(&mut self) {
        if let Self::Split(_, parts) = self {
            for part in parts {
                part.share = Share::About(50);
                part.node.even();
            }
        }
    }

    /// The split at a path of places from the root.
    pub fn split_mut(&mut self, path: &[usize]) -> Option<&mut Vec<Part>> {
        let Self::Split(_, parts) = self else { return None };
        match path.split_first() {
            None => Some(parts),
            Some((first, rest)) => parts.get_mut(*first)?.node.split_mut(rest),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pane(leaf) => {
                f.write_str(leaf.pane.name())?;
                f.write_str(if leaf.lends { "!" } else { "" })?;
                f.write_str(if leaf.optional { "?" } else { "" })
            }
            Self::Split(axis, parts) => {
                f.write_str(if *axis == Axis::Columns { "columns(" } else { "rows(" })?;
                for (i, part) in parts.iter().enumerate() {
                    f.write_str(if i > 0 { " " } else { "" })?;
                    match part.share {
                        Share::About(weight) => write!(f, "{}~{weight}", part.node)?,
                        Share::Set(weight) => write!(f, "{}={weight}", part.node)?,
                    }
                }
                f.write_str(")")
            }
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    seen: Vec<PaneKind>,
}

impl Reader<'_> {
    /// A node with its share; the node is none where nothing of it is known, or where it stood before.
    fn part(&mut self, depth: usize) -> Option<(Option<Node>, Share)> {
        let end =
            self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        let node = match word {
            "" => return None,
            "columns" | "rows" if rest.starts_with('(') => {
                let axis = if word == "columns" { Axis::Columns } else { Axis::Rows };
                self.parts(axis, depth)?
            }
            name => {
                let (lends, optional) = (self.takes('!'), self.takes('?'));
                let pane = PaneKind::of_name(name).filter(|pane| !self.seen.contains(pane));
                self.seen.extend(pane);
                pane.map(|pane| Node::Pane(Leaf { pane, lends, optional }))
            }
        };
        Some((node, self.share()?))
    }

    fn parts(&mut self, axis: Axis, depth: usize) -> Option<Option<Node>> {
        if depth >= DEPTH_MAX || !self.takes('(') {
            return None;
        }
        let mut parts = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if self.takes(')') {
                return Some(Node::joined(axis, parts));
            }
            let (node, share) = self.part(depth + 1)?;
            parts.extend(node.map(|node| Part { share, node }));
        }
    }

    fn takes(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn share(&mut self) -> Option<Share> {
        let share: fn(u16) -> Share = match self.rest.chars().next() {
            Some('~') => Share::About,
            Some('=') => Share::Set,
            _ => return Some(Share::About(50)),
        };
        let digits = &self.rest[1..];
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        self.rest = &digits[end..];
        digits[..end].parse().ok().filter(|weight| (1..=SHARE_MAX).contains(weight)).map(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        Node::parse(text).unwrap()
    }

    #[test]
    fn layouts_read_and_write() {
        for text in [
            "chart",
            "columns(quotes~40 chart!~60)",
            "rows(columns(rows(quotes~58 positions~42)~40 rows(chart!~58 columns(ticket~50 chain?~50)~42)~60)~78 log=22)",
        ] {
            assert_eq!(tree(text).to_string(), text);
        }
        assert_eq!(tree(" columns( quotes  chart ) ").to_string(), "columns(quotes~50 chart~50)");
    }

    #[test]
    fn what_is_not_known_is_left_out_and_nothing_stands_twice() {
        for (text, expected) in [
            ("columns(quotes rows(weather chart))", "columns(quotes~50 chart~50)"),
            ("columns(quotes~10 rows(weather gossip))", "quotes"),
            ("columns(quotes quotes chart)", "columns(quotes~50 chart~50)"),
        ] {
            assert_eq!(tree(text).to_string(), expected);
        }
    }

    #[test]
    fn what_does_not_read_is_refused() {
        let deep = "rows(".repeat(20);
        for text in [
            "",
            "columns(",
            "columns(quotes",
            "quotes)",
            "quotes~",
            "quotes~0",
            "quotes~99999",
            "quotes chart",
            "é",
            &deep,
        ] {
            assert!(matches!(Node::parse(text), Err(LayoutError::Unreadable(_))), "{text}");
        }
        assert!(matches!(Node::parse(&"x".repeat(TEXT_MAX + 1)), Err(LayoutError::Unreadable(_))));
        assert_eq!(
            Node::parse("columns(").unwrap_err().to_string(),
            "'columns(' is no layout (such as columns(quotes~40 rows(chart ticket)~60))"
        );
        assert_eq!(Node::parse("rows(weather gossip)").unwrap_err(), LayoutError::Empty);
        assert_eq!(
            Node::parse("rows(weather gossip)").unwrap_err().to_string(),
            "the layout has no pane that is known here"
        );
    }

    #[test]
    fn panes_come_go_and_move() {
        let start = || tree("columns(quotes~40 chart!~60)");
        for (changed, expected) in [
            (
                start().with(PaneKind::Orders, PaneKind::Watchlist, Axis::Rows),
                "columns(rows(quotes~50 orders~50)~40 chart!~60)",
            ),
            (
                start().with(PaneKind::Orders, PaneKind::Watchlist, Axis::Columns),
                "columns(quotes~20 orders~20 chart!~60)",
            ),
            (start().with(PaneKind::Watchlist, PaneKind::Chart, Axis::Rows), "rows(chart!~50 quotes~50)"),
            (
                start().with(PaneKind::Watchlist, PaneKind::Watchlist, Axis::Rows),
                "columns(quotes~40 chart!~60)",
            ),
            (start().without(PaneKind::Watchlist).unwrap(), "chart!"),
        ] {
            assert_eq!(changed.to_string(), expected);
        }
        assert_eq!(tree("chart").without(PaneKind::Chart), None);
        let mut swapped = start();
        swapped.swap(PaneKind::Watchlist, PaneKind::Chart);
        assert_eq!(swapped.to_string(), "columns(chart~40 quotes!~60)");
        swapped.turn(PaneKind::Watchlist);
        assert_eq!(swapped.to_string(), "rows(chart~40 quotes!~60)");
    }
}
