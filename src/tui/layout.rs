//! Where everything stands, from the size alone: one column with tabs, two columns, or the whole desk.

use ratatui::layout::{Rect, Size};

use super::panes::PaneKind;

/// Narrower or lower than this, a note stands instead of the screen.
pub const WIDTH_MIN: u16 = 40;
/// See `WIDTH_MIN`.
pub const HEIGHT_MIN: u16 = 12;
/// From here on there are two columns.
const TWO_COLUMNS_MIN: u16 = 100;
/// A ticket with its estimate beside it.
const TICKET_WIDTH: u16 = 58;
/// A chain with bid, ask and delta of both sides, or a chart.
const BESIDE_WIDTH_MIN: u16 = 62;
/// From here on every pane has its own place.
const DESK_HEIGHT_MIN: u16 = 34;

/// What the desk gives its room to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// Chart over ticket.
    #[default]
    Trade,
    /// The chart alone at the right.
    Chart,
    /// Chain over ticket.
    Options,
}

impl Preset {
    /// The next preset, around the end.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Trade => Self::Chart,
            Self::Chart => Self::Options,
            Self::Options => Self::Trade,
        }
    }

    /// Its name, for the notice.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::Chart => "chart",
            Self::Options => "options",
        }
    }
}

/// The places of one screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Account, badges, clock.
    pub header: Rect,
    /// Tabs, where not every pane has its own place.
    pub tabs: Option<Rect>,
    /// Panes in view with their borders; neighbours share a line.
    pub panes: Vec<(PaneKind, Rect)>,
    /// The command bar.
    pub bar: Rect,
    /// The keys.
    pub hint: Rect,
}

impl Layout {
    /// The places for a size and a focused pane, which has them all when it is zoomed; none when the screen is too small for any.
    #[must_use]
    pub fn new(size: Size, focus: PaneKind, preset: Preset, zoomed: bool) -> Option<Self> {
        let Size { width, height } = size;
        if width < WIDTH_MIN || height < HEIGHT_MIN {
            return None;
        }
        let line = |y| Rect::new(0, y, width, 1);
        let frame = |tabs, panes| {
            Some(Self { header: line(0), tabs, panes, bar: line(height - 2), hint: line(height - 1) })
        };
        let body = |top: u16| Rect::new(0, top, width, height - 2 - top);
        if width < TWO_COLUMNS_MIN || zoomed {
            return frame(Some(line(1)), vec![(focus, body(2))]);
        }
        if height < DESK_HEIGHT_MIN {
            return frame(Some(line(1)), two_columns(body(2), focus));
        }
        frame(None, desk(body(1), focus, preset))
    }

    /// The place of a pane, if it is in view.
    #[must_use]
    pub fn pane(&self, kind: PaneKind) -> Option<Rect> {
        self.panes.iter().find(|(k, _)| *k == kind).map(|(_, area)| *area)
    }
}

/// The watchlist stays beside whatever has the keys.
fn two_columns(body: Rect, focus: PaneKind) -> Vec<(PaneKind, Rect)> {
    let left = left_width(body.width);
    let other = if focus == PaneKind::Watchlist { PaneKind::Chart } else { focus };
    vec![
        (PaneKind::Watchlist, Rect { width: left, ..body }),
        (other, Rect { x: body.x + left - 1, width: body.width - left + 1, ..body }),
    ]
}

/// Quotes over positions at the left, orders and activity below, and at the right what the preset says. A pane that has no place of its
/// own takes the large one while it has the keys.
fn desk(body: Rect, focus: PaneKind, preset: Preset) -> Vec<(PaneKind, Rect)> {
    let left = left_width(body.width);
    // Neighbours overlap by the line they share.
    let bottom = (body.height * 24 / 100).clamp(8, 16);
    let middle = (body.height * 32 / 100).clamp(13, 18);
    let top = body.height - bottom - middle + 2;
    let middle_y = body.y + top - 1;
    let bottom_y = middle_y + middle - 1;
    let log = (body.width * 32 / 100).clamp(30, 80);
    let right = |y, height| Rect { x: body.x + left - 1, y, width: body.width - left + 1, height };
    let mut panes = vec![
        (PaneKind::Watchlist, Rect { width: left, height: top, ..body }),
        (PaneKind::Positions, Rect { y: middle_y, width: left, height: middle, ..body }),
        (PaneKind::Orders, Rect { y: bottom_y, width: body.width - log + 1, height: bottom, ..body }),
        (PaneKind::Activity, Rect { x: body.right() - log, y: bottom_y, width: log, height: bottom }),
    ];
    let (large, beside) = match preset {
        Preset::Trade => (PaneKind::Chart, PaneKind::Chain),
        Preset::Options => (PaneKind::Chain, PaneKind::Chart),
        Preset::Chart => (PaneKind::Chart, PaneKind::Chart),
    };
    if preset != Preset::Chart {
        let row = right(middle_y, middle);
        let room_beside = row.width >= TICKET_WIDTH + BESIDE_WIDTH_MIN;
        let ticket = if room_beside { Rect { width: TICKET_WIDTH, ..row } } else { row };
        panes.push((PaneKind::Ticket, ticket));
        if room_beside {
            let x = ticket.right() - 1;
            panes.push((beside, Rect { x, width: row.right() - x, ..row }));
        }
    }
    let large = if panes.iter().any(|(kind, _)| *kind == focus) { large } else { focus };
    let height = if preset == Preset::Chart { top + middle - 1 } else { top };
    panes.push((large, right(body.y, height)));
    panes
}

/// The quotes of a list of shares, currencies and coins take 62 columns with bid and ask, 80 with all the rest; on the largest screens
/// names and the day's range follow.
fn left_width(width: u16) -> u16 {
    match width {
        0..=111 => 49,
        _ => (width * 40 / 100).clamp(62, 132),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_fill_the_body_and_share_one_line() {
        for (width, height) in [(80, 24), (100, 30), (120, 40), (133, 34), (200, 60), (300, 100)] {
            for (focus, preset) in PaneKind::ALL
                .iter()
                .copied()
                .flat_map(|f| [Preset::Trade, Preset::Chart, Preset::Options].map(|p| (f, p)))
            {
                let layout = Layout::new(Size::new(width, height), focus, preset, false).unwrap();
                let top = if layout.tabs.is_some() { 2 } else { 1 };
                for y in top..height - 2 {
                    for x in 0..width {
                        let over = layout.panes.iter().filter(|(_, a)| a.contains((x, y).into())).count();
                        assert!(over >= 1, "{width}x{height} {focus:?} leaves {x},{y} empty");
                    }
                }
                for (kind, area) in &layout.panes {
                    assert!(area.right() <= width && area.bottom() <= height - 2, "{kind:?} {area:?}");
                }
                assert!(layout.pane(focus).is_some(), "{focus:?} is in view");
                let alone = Layout::new(Size::new(width, height), focus, preset, true).unwrap();
                assert_eq!(alone.panes, [(focus, Rect::new(0, 2, width, height - 4))]);
            }
        }
        assert!(Layout::new(Size::new(39, 24), PaneKind::Chart, Preset::Trade, false).is_none());
        assert!(Layout::new(Size::new(80, 11), PaneKind::Chart, Preset::Trade, false).is_none());
    }
}
