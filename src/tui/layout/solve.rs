//! From a tree of splits to rectangles. Neighbours share the line between them; what does not fit leaves, pane by pane.

use std::collections::BTreeSet;

use ratatui::layout::Rect;

use super::tree::{Axis, Leaf, Node, Part, Share};
use crate::tui::panes::PaneKind;

/// The line between two parts of a split, by which it can be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seam {
    /// The split, as places from the root.
    pub path: Vec<usize>,
    /// Which way it divides.
    pub axis: Axis,
    /// The parts before and after the line.
    pub parts: (usize, usize),
    /// The line itself, one cell thick.
    pub line: Rect,
    /// Cells of every part in view, with its place.
    cells: Vec<(usize, u16)>,
    /// The least cells of the parts before and after.
    least: (u16, u16),
}

/// Everything that is placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// The panes in view with their borders.
    pub panes: Vec<(PaneKind, Rect)>,
    /// The lines between them.
    pub seams: Vec<Seam>,
}

/// Places a tree in an area, without the panes that are hidden. Nothing is placed when all are.
#[must_use]
pub fn place(tree: &Node, area: Rect, hidden: &BTreeSet<PaneKind>) -> Placed {
    let mut placed = Placed::default();
    fill(tree, area, hidden, &mut Vec::new(), &mut placed);
    placed
}

/// The panes that have to leave for the rest to fit: optional ones as soon as they leave others less than is good, then the last ones as
/// there is less than is needed; never all.
#[must_use]
pub fn too_many(tree: &Node, area: Rect) -> BTreeSet<PaneKind> {
    let mut hidden = BTreeSet::new();
    let leaves = tree.leaves();
    let (optional, firm): (Vec<Leaf>, Vec<Leaf>) = leaves.iter().partition(|leaf| leaf.optional);
    leave(tree, area, optional, good, &mut hidden);
    if hidden.len() + 1 < leaves.len() {
        leave(tree, area, firm, least, &mut hidden);
    }
    hidden
}

/// Hides leaves from the last on, those first whose leaving helps, until the rest fits; the very last pane stays.
fn leave(
    tree: &Node,
    area: Rect,
    mut leaves: Vec<Leaf>,
    needed: fn(&Node, Axis, &BTreeSet<PaneKind>) -> u16,
    hidden: &mut BTreeSet<PaneKind>,
) {
    let count = tree.leaves().len();
    loop {
        let (width, height) = (needed(tree, Axis::Columns, hidden), needed(tree, Axis::Rows, hidden));
        if leaves.is_empty() || hidden.len() + 1 >= count || (width <= area.width && height <= area.height) {
            return;
        }
        let helps = |leaf: &Leaf| {
            let mut without = hidden.clone();
            without.insert(leaf.pane);
            (width > area.width && needed(tree, Axis::Columns, &without) < width)
                || (height > area.height && needed(tree, Axis::Rows, &without) < height)
        };
        let at = leaves.iter().rposition(helps).unwrap_or(leaves.len() - 1);
        hidden.insert(leaves.remove(at).pane);
    }
}

/// Moves a seam by so many cells, as far as both sides keep what they need at least. The sizes of its split are set by hand from then on.
pub fn shift(tree: &mut Node, seam: &Seam, by: i32) {
    let Some(parts) = tree.split_mut(&seam.path) else { return };
    let cell =
        |place| seam.cells.iter().find(|(at, _)| *at == place).map_or(0, |(_, cells)| i32::from(*cells));
    let (before, after) = (cell(seam.parts.0), cell(seam.parts.1));
    let most = (after - i32::from(seam.least.1)).max(0);
    let least = (i32::from(seam.least.0) - before).min(0);
    let by = by.clamp(least, most);
    for (place, cells) in &seam.cells {
        let moved = match *place {
            place if place == seam.parts.0 => i32::from(*cells) + by,
            place if place == seam.parts.1 => i32::from(*cells) - by,
            _ => i32::from(*cells),
        };
        if let Some(part) = parts.get_mut(*place) {
            part.share = Share::Set(u16::try_from(moved).unwrap_or(1).max(1));
        }
    }
}

/// The least cells of a node along an axis, borders included; 0 when nothing of it is in view.
fn least(node: &Node, axis: Axis, hidden: &BTreeSet<PaneKind>) -> u16 {
    needs(node, axis, hidden, &|pane| match axis {
        Axis::Columns => pane.room().width_min,
        Axis::Rows => pane.room().height_min,
    })
}

/// The cells with which it is good.
fn good(node: &Node, axis: Axis, hidden: &BTreeSet<PaneKind>) -> u16 {
    needs(node, axis, hidden, &|pane| match axis {
        Axis::Columns => pane.room().width_good,
        Axis::Rows => pane.room().height_min,
    })
}

fn needs(node: &Node, axis: Axis, hidden: &BTreeSet<PaneKind>, of: &dyn Fn(PaneKind) -> u16) -> u16 {
    match node {
        Node::Pane(leaf) if hidden.contains(&leaf.pane) => 0,
        Node::Pane(leaf) => of(leaf.pane) + 2,
        Node::Split(own, parts) => {
            let sizes = parts.iter().map(|part| needs(&part.node, axis, hidden, of)).filter(|size| *size > 0);
            match *own == axis {
                // Neighbours share a line.
                true => sizes
                    .fold(0, |sum: u16, size| sum.saturating_add(size).saturating_sub(u16::from(sum > 0))),
                false => sizes.max().unwrap_or(0),
            }
        }
    }
}

fn fill(node: &Node, area: Rect, hidden: &BTreeSet<PaneKind>, path: &mut Vec<usize>, placed: &mut Placed) {
    let (axis, parts) = match node {
        Node::Pane(leaf) => {
            return placed.panes.extend((!hidden.contains(&leaf.pane)).then_some((leaf.pane, area)));
        }
        Node::Split(axis, parts) => (*axis, parts),
    };
    let shown: Vec<usize> = (0..parts.len()).filter(|at| least(&parts[*at].node, axis, hidden) > 0).collect();
    if shown.is_empty() {
        return;
    }
    let cells = sizes(parts, &shown, axis, area, hidden);
    let mut at = if axis == Axis::Columns { area.x } else { area.y };
    for (i, (place, size)) in shown.iter().zip(&cells).enumerate() {
        let room = match axis {
            Axis::Columns => Rect { x: at, width: *size, ..area },
            Axis::Rows => Rect { y: at, height: *size, ..area },
        };
        path.push(*place);
        fill(&parts[*place].node, room, hidden, path, placed);
        path.pop();
        at += size.saturating_sub(1);
        if let Some(next) = shown.get(i + 1) {
            let line = match axis {
                Axis::Columns => Rect { x: at, width: 1, ..area },
                Axis::Rows => Rect { y: at, height: 1, ..area },
            };
            placed.seams.push(Seam {
                path: path.clone(),
                axis,
                parts: (*place, *next),
                line,
                cells: shown.iter().copied().zip(cells.iter().copied()).collect(),
                least: (least(&parts[*place].node, axis, hidden), least(&parts[*next].node, axis, hidden)),
            });
        }
    }
}

/// Cells of the parts in view; they add up to the room and the lines that neighbours share.
fn sizes(parts: &[Part], shown: &[usize], axis: Axis, area: Rect, hidden: &BTreeSet<PaneKind>) -> Vec<u16> {
    let length = if axis == Axis::Columns { area.width } else { area.height };
    let total = u32::from(length) + shown.len() as u32 - 1;
    let weights: Vec<u32> = shown.iter().map(|at| u32::from(parts[*at].share.weight())).collect();
    let lows: Vec<u32> = shown.iter().map(|at| u32::from(least(&parts[*at].node, axis, hidden))).collect();
    let goods: Vec<u32> = shown
        .iter()
        .zip(&lows)
        .map(|(at, low)| match parts[*at].share {
            Share::About(_) => u32::from(good(&parts[*at].node, axis, hidden)),
            Share::Set(_) => *low,
        })
        .collect();
    let floors = if goods.iter().sum::<u32>() <= total { &goods } else { &lows };
    let mut cells = shared(total, &weights);
    if floors.iter().sum::<u32>() <= total {
        raise(&mut cells, floors);
    }
    cells.into_iter().map(|cells| u16::try_from(cells).unwrap_or(u16::MAX)).collect()
}

/// A total by weights, in whole cells.
fn shared(total: u32, weights: &[u32]) -> Vec<u32> {
    let sum: u32 = weights.iter().sum::<u32>().max(1);
    let mut before = 0;
    let mut given = 0;
    weights
        .iter()
        .map(|weight| {
            before += weight;
            let end = (u64::from(total) * u64::from(before) / u64::from(sum)) as u32;
            let cells = end - given;
            given = end;
            cells
        })
        .collect()
}

/// Lifts what lies under its floor; the others give in proportion to what they have above theirs.
fn raise(cells: &mut [u32], floors: &[u32]) {
    let missing: u32 = cells.iter().zip(floors).map(|(cells, floor)| floor.saturating_sub(*cells)).sum();
    let spare: Vec<u32> =
        cells.iter().zip(floors).map(|(cells, floor)| cells.saturating_sub(*floor)).collect();
    let give = shared(missing, &spare);
    for ((cells, floor), give) in cells.iter_mut().zip(floors).zip(give) {
        *cells = if *cells < *floor { *floor } else { *cells - give };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_are_met_and_the_sum_stays() {
        for (total, weights, floors, expected) in [
            (101, vec![40, 60], vec![10, 10], vec![40, 61]),
            (121, vec![40, 60], vec![62, 58], vec![62, 59]),
            (90, vec![10, 10, 70], vec![30, 10, 20], vec![30, 10, 50]),
            (7, vec![1, 1, 1], vec![0, 0, 0], vec![2, 2, 3]),
        ] {
            let mut cells = shared(total, &weights);
            raise(&mut cells, &floors);
            assert_eq!(cells, expected);
            assert_eq!(cells.iter().sum::<u32>(), total);
        }
    }

    #[test]
    fn a_seam_moves_as_far_as_both_sides_allow() {
        let mut tree = Node::parse("columns(quotes~50 chart~50)").unwrap();
        let area = Rect::new(0, 0, 200, 40);
        let width = |tree: &Node| place(tree, area, &BTreeSet::new()).panes[0].1.width;
        for (by, expected) in [(10, 110), (-10, 100), (1_000, 159), (-1_000, 42)] {
            let seam = place(&tree, area, &BTreeSet::new()).seams.remove(0);
            shift(&mut tree, &seam, by);
            assert_eq!(width(&tree), expected, "{by}: {tree}");
        }
    }
}
