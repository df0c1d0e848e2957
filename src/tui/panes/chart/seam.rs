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
        let row = (top.top()..top.bottom()).find(|y| is_free(x + 1, *y, format::width(&after) + 1, top, buf));
        if let Some(y) = row {
            put(buf, x + 2, y, &after, theme.warning, top.right().saturating_sub(x + 2));
        }
        let width = format::width(&before) + 1;
        let start = x.saturating_sub(width);
        let row =
            (top.top()..top.bottom()).find(|y| x >= top.x + width && is_free(start, *y, width, top, buf));
        if let Some(y) = row {
            put(buf, start, y, &before, theme.warning, width);
        }
    }
}

fn is_free(x: u16, y: u16, width: u16, strip: Rect, buf: &Buffer) -> bool {
    x + width <= strip.right()
        && (x..x + width).all(|x| buf.cell((x, y)).is_some_and(|cell| cell.symbol() == " "))
}
