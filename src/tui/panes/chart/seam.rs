//! Where bars of another origin begin: a line between two candles, and words on both sides of it. A trader must not take the jump from a
//! file's prices to a market's for a move.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::series::{Series, View};
use crate::client::bars::{BarOrigin, Seam};
use crate::domain::text::clean;
use crate::tui::env::Look;
use crate::tui::format;
use crate::tui::widgets::candles::column_of;
use crate::tui::widgets::put;

/// Columns of a name at a seam.
const NAME_MAX: u16 = 20;

/// An origin in a few words.
fn words(origin: &BarOrigin, look: &Look<'_>) -> String {
    match origin {
        BarOrigin::Imported(name) => {
            format::fit(&format!("imported {}", clean(name)), NAME_MAX, look.theme.glyphs.ellipsis)
                .to_string()
        }
        BarOrigin::Recorded => "recorded".to_owned(),
        BarOrigin::Simulated => "SIM".to_owned(),
        BarOrigin::Broker => "broker".to_owned(),
    }
}

/// The first candle of each seam in view but the oldest bars' own, with its origin and that of the candle before.
fn in_view<'a>(seams: &'a [Seam], view: &View) -> Vec<(usize, &'a BarOrigin, &'a BarOrigin)> {
    let pairs = seams.windows(2).filter_map(|pair| match pair {
        [before, after] => Some((before, after)),
        _ => None,
    });
    pairs
        .filter_map(|(before, after)| {
            let first = view.starts.partition_point(|start| *start < after.from);
            (0 < first && first < view.starts.len()).then_some((first, &before.origin, &after.origin))
        })
        .collect()
}

/// Draws the seams in view: down the empty cells of the strips, with the words in the highest row that has room for them.
pub fn draw(
    series: &Series,
    view: &View,
    step: u16,
    (top, bottom): (Rect, Rect),
    look: &Look<'_>,
    buf: &mut Buffer,
) {
    let theme = look.theme;
    let glyph = if theme.glyphs.ascii { "|" } else { "│" };
    for (first, before, after) in in_view(&series.seams, view) {
        let Some(x) = column_of(first, view.starts.len(), step, top) else { continue };
        // Candles two columns apart have their gap behind them, wider ones before them too.
        let x = if step == 2 { x.saturating_sub(1).max(top.x) } else { x };
        for y in top.top()..bottom.bottom() {
            if let Some(cell) = buf.cell_mut((x, y))
                && cell.symbol() == " "
            {
                cell.set_symbol(glyph).set_style(theme.warning);
            }
        }
        let (before, after) = (words(before, look), words(after, look));
        let right = format::width(&after) + 1;
        // At the right edge the words go over the line.
        let start = (x + 1).min(top.right().saturating_sub(right)).max(top.x);
        if let Some(y) = emptiest(start, right, top, buf) {
            put(buf, start, y, &format!(" {after}"), theme.warning, right);
        }
        // What ends is said where that hides nothing: its own beginning may be in view too.
        let left = format::width(&before) + 1;
        let start = x.saturating_sub(left);
        let row = (top.top()..top.bottom()).find(|y| x >= top.x + left && filled(start, *y, left, buf) == 0);
        if let Some(y) = row {
            put(buf, start, y, &before, theme.warning, left);
        }
    }
}

/// The row in which a text hides least, the highest of them; none where it would not fit.
fn emptiest(x: u16, width: u16, strip: Rect, buf: &Buffer) -> Option<u16> {
    let fits = x + width <= strip.right();
    (strip.top()..strip.bottom()).filter(|_| fits).min_by_key(|y| filled(x, *y, width, buf))
}

/// Cells with something in them.
fn filled(x: u16, y: u16, width: u16, buf: &Buffer) -> usize {
    (x..x + width).filter(|x| buf.cell((*x, y)).is_none_or(|cell| cell.symbol() != " ")).count()
}
