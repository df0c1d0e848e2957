//! Where everything stands: a tree of splits as data, and from the size of the screen how much of it is shown. One pane with tabs, two
//! panes, or all of it.

pub mod desk;
pub mod presets;
mod solve;
mod tree;

use std::collections::BTreeSet;

use ratatui::layout::{Position, Rect, Size};

use super::panes::PaneKind;

pub use desk::Desk;
pub use solve::{Placed, Seam};
pub use tree::{Axis, Node};

/// Narrower or lower than this, a note stands instead of the screen.
pub const WIDTH_MIN: u16 = 40;
/// See `WIDTH_MIN`.
pub const HEIGHT_MIN: u16 = 12;
/// From here on panes stand side by side.
const WIDE_MIN: u16 = 100;
/// From here on every pane has its own place.
const TALL_MIN: u16 = 34;

/// The places of one screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Account, badges, clock.
    pub header: Rect,
    /// Tabs, where not every pane has its own place.
    pub tabs: Option<Rect>,
    /// Panes in view with their borders; neighbours share a line.
    pub panes: Vec<(PaneKind, Rect)>,
    /// The lines by which the panes' sizes can be changed.
    pub seams: Vec<Seam>,
    /// The command bar.
    pub bar: Rect,
    /// The keys.
    pub hint: Rect,
}

impl Layout {
    /// The places for a size and a focused pane, which has them all when it is zoomed; none when the screen is too small for any.
    #[must_use]
    pub fn new(size: Size, focus: PaneKind, tree: &Node, zoomed: bool) -> Option<Self> {
        let Size { width, height } = size;
        if width < WIDTH_MIN || height < HEIGHT_MIN {
            return None;
        }
        let line = |y| Rect::new(0, y, width, 1);
        let frame = |tabs, Placed { panes, seams }: Placed| {
            Some(Self { header: line(0), tabs, panes, seams, bar: line(height - 2), hint: line(height - 1) })
        };
        let body = |top: u16| Rect::new(0, top, width, height - 2 - top);
        let (wide, tall) = (width >= WIDE_MIN, height >= TALL_MIN);
        let few = tree.leaves().len() <= 2;
        if zoomed || !(wide || tall) {
            return frame(Some(line(1)), Placed { panes: vec![(focus, body(2))], seams: Vec::new() });
        }
        if wide && (tall || (few && tree.has(focus))) {
            return frame(None, all(tree, body(1), focus));
        }
        frame(Some(line(1)), pair(tree, body(2), focus, wide))
    }

    /// The place of a pane, if it is in view.
    #[must_use]
    pub fn pane(&self, kind: PaneKind) -> Option<Rect> {
        self.panes.iter().find(|(k, _)| *k == kind).map(|(_, area)| *area)
    }

    /// The line at a place by which sizes can be changed.
    #[must_use]
    pub fn seam_at(&self, place: Position) -> Option<&Seam> {
        self.seams.iter().find(|seam| seam.line.contains(place))
    }

    /// The nearest pane in view in a direction: columns forward is right, rows forward is down.
    #[must_use]
    pub fn neighbour(&self, of: PaneKind, axis: Axis, forward: bool) -> Option<PaneKind> {
        let from = self.pane(of)?;
        let ends = |area: Rect| match axis {
            Axis::Columns => ((area.left(), area.right()), (area.top(), area.bottom())),
            Axis::Rows => ((area.top(), area.bottom()), (area.left(), area.right())),
        };
        let ((start, end), (low, high)) = ends(from);
        let candidates = self.panes.iter().filter(|(kind, _)| *kind != of).filter_map(|(kind, area)| {
            let ((s, e), (l, h)) = ends(*area);
            let gap = if forward { (s + 1).checked_sub(end)? } else { (start + 1).checked_sub(e)? };
            let overlap = high.min(h).saturating_sub(low.max(l));
            (overlap > 1).then_some((gap, u16::MAX - overlap, *kind))
        });
        candidates.min().map(|(_, _, kind)| kind)
    }
}

/// The whole tree, as far as it fits. A pane without a place borrows one while it has the keys.
fn all(tree: &Node, body: Rect, focus: PaneKind) -> Placed {
    let mut placed = solve::place(tree, body, &solve::too_many(tree, body));
    if !placed.panes.iter().any(|(kind, _)| *kind == focus) {
        let lender = tree.leaves().into_iter().find(|leaf| leaf.lends).map(|leaf| leaf.pane);
        let area =
            |kind: PaneKind| placed.panes.iter().find(|(k, _)| *k == kind).map(|(_, area)| area.area());
        let largest = placed.panes.iter().map(|(kind, _)| *kind).max_by_key(|kind| area(*kind));
        let lender = lender.filter(|kind| area(*kind).is_some()).or(largest);
        for (kind, _) in &mut placed.panes {
            if Some(*kind) == lender {
                *kind = focus;
            }
        }
    }
    placed
}

/// The first pane of the tree and the one that has the keys, side by side or one over the other.
fn pair(tree: &Node, body: Rect, focus: PaneKind, wide: bool) -> Placed {
    let leaves = tree.leaves();
    let lender = leaves.iter().find(|leaf| leaf.lends).map(|leaf| leaf.pane);
    let first = leaves.first().map_or(focus, |leaf| leaf.pane);
    let second = leaves.get(1).map(|leaf| leaf.pane);
    let other = match (focus == first, lender.filter(|kind| *kind != first).or(second)) {
        (false, _) => focus,
        (true, Some(other)) => other,
        (true, None) => return Placed { panes: vec![(focus, body)], seams: Vec::new() },
    };
    let (axis, share) = if wide { ("columns", 40) } else { ("rows", 36) };
    let text = format!("{axis}({}~{share} {}~{})", first.name(), other.name(), 100 - share);
    let two = Node::parse(&text).unwrap_or_else(|_| tree.clone());
    let placed = solve::place(&two, body, &BTreeSet::new());
    // They belong to no split of the tree that could be changed.
    Placed { seams: Vec::new(), ..placed }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [(u16, u16); 9] =
        [(40, 12), (80, 24), (80, 50), (100, 30), (100, 34), (120, 40), (133, 34), (200, 60), (300, 100)];

    #[test]
    fn panes_fill_the_body_and_share_one_line() {
        for (width, height) in SIZES {
            for (name, focus) in
                presets::usable().flat_map(|name| PaneKind::ALL.iter().map(move |kind| (name, *kind)))
            {
                let tree = presets::preset(name).unwrap();
                let layout = Layout::new(Size::new(width, height), focus, &tree, false).unwrap();
                let top = if layout.tabs.is_some() { 2 } else { 1 };
                for y in top..height - 2 {
                    for x in 0..width {
                        let over = layout.panes.iter().filter(|(_, a)| a.contains((x, y).into())).count();
                        assert!(over >= 1, "{name} {width}x{height} {focus:?} leaves {x},{y} empty");
                    }
                }
                for (i, (kind, area)) in layout.panes.iter().enumerate() {
                    assert!(area.right() <= width && area.bottom() <= height - 2, "{kind:?} {area:?}");
                    for (other, area_of_other) in &layout.panes[i + 1..] {
                        let shared = area.intersection(*area_of_other);
                        assert!(shared.width <= 1 || shared.height <= 1, "{name}: {kind:?} over {other:?}");
                    }
                }
                assert!(layout.pane(focus).is_some(), "{focus:?} is in view");
                let alone = Layout::new(Size::new(width, height), focus, &tree, true).unwrap();
                assert_eq!(alone.panes, [(focus, Rect::new(0, 2, width, height - 4))]);
            }
        }
        let trade = presets::fallback();
        assert!(Layout::new(Size::new(39, 24), PaneKind::Chart, &trade, false).is_none());
        assert!(Layout::new(Size::new(80, 11), PaneKind::Chart, &trade, false).is_none());
    }

    #[test]
    fn panes_leave_by_rank_where_room_is_short() {
        let trade = presets::fallback();
        let shown = |width, height| {
            let layout = Layout::new(Size::new(width, height), PaneKind::Watchlist, &trade, false).unwrap();
            layout.panes.iter().map(|(kind, _)| kind.name()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(80, 24), "quotes");
        assert_eq!(shown(80, 50), "quotes chart");
        assert_eq!(shown(110, 26), "quotes chart");
        assert_eq!(shown(120, 40), "quotes positions chart ticket orders log");
        assert_eq!(shown(240, 60), "quotes positions chart ticket chain orders strategies log");
    }

    #[test]
    fn the_keys_move_to_what_lies_there() {
        let layout = Layout::new(Size::new(120, 40), PaneKind::Chart, &presets::fallback(), false).unwrap();
        for (from, axis, forward, to) in [
            (PaneKind::Watchlist, Axis::Columns, true, Some(PaneKind::Chart)),
            (PaneKind::Watchlist, Axis::Rows, true, Some(PaneKind::Positions)),
            (PaneKind::Positions, Axis::Rows, true, Some(PaneKind::Orders)),
            (PaneKind::Orders, Axis::Columns, true, Some(PaneKind::Activity)),
            (PaneKind::Ticket, Axis::Columns, false, Some(PaneKind::Positions)),
            (PaneKind::Watchlist, Axis::Columns, false, None),
        ] {
            assert_eq!(layout.neighbour(from, axis, forward), to, "{from:?} {axis:?} {forward}");
        }
    }
}
