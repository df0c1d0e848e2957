//! What stands beside the order: the market it goes into, what is held of the instrument, and what was written about it.

use ratatui::text::{Line, Span};

use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::tui::about::{note_line, notes_about};
use crate::tui::env::Look;
use crate::tui::flash::Field;
use crate::tui::format;
use crate::tui::preview::{Part, pack};
use crate::tui::sources;

/// Fewer columns than this take the prices alone.
const NARROW: u16 = 40;
/// Lines of a note at most: what the order would do is worth more.
const NOTE_LINES_MAX: usize = 2;

/// Bid, ask and last, the position and the newest note, in so many columns; what there is not is left out.
#[must_use]
pub fn lines(instrument: &Instrument, look: &Look<'_>, columns: u16) -> Vec<Line<'static>> {
    let (snapshot, theme) = (look.snapshot, look.theme);
    let narrow = columns < NARROW;
    let decimals = format::decimals_of(snapshot, instrument);
    let mut lines = Vec::new();
    if let Some(quote) = snapshot.quotes.get(instrument) {
        let stale = sources::stale(quote, &look.at());
        let one = |name: &'static str, price: Option<Price>, size: Option<Quantity>, field| -> Part {
            let text = price.map_or_else(|| "-".to_owned(), |price| format::price(price, decimals));
            let style = if stale.is_some() { theme.dim } else { look.flashed(instrument, field, theme.text) };
            let mut part = vec![Span::styled(name, theme.dim), Span::styled(text, style)];
            if let Some(size) = size.filter(|size| price.is_some() && size.is_positive()) {
                let size = format!("{}{}", theme.glyphs.times, format::compact(size.get()));
                part.push(Span::styled(size, theme.dim));
            }
            part
        };
        let parts = if narrow {
            let mut both = one("", quote.bid, None, Field::Bid);
            both.push(Span::styled("/", theme.dim));
            both.extend(one("", quote.ask, None, Field::Ask));
            vec![both, one("last ", quote.last, None, Field::Last)]
        } else {
            vec![
                one("bid ", quote.bid, Some(quote.bid_size), Field::Bid),
                one("ask ", quote.ask, Some(quote.ask_size), Field::Ask),
                one("last ", quote.last, None, Field::Last),
            ]
        };
        let source = sources::beside(quote.feed, snapshot);
        let old = stale.map(|seconds| vec![Span::styled(sources::stale_words(seconds), theme.warning)]);
        let source = source.map(|word| vec![Span::styled(word, theme.dim)]);
        let parts = parts.into_iter().chain(old).chain(source).collect();
        lines.extend(pack(parts, 2, 0, columns));
    }
    let held = snapshot
        .positions
        .iter()
        .find(|position| position.instrument == *instrument && position.account == snapshot.default_account);
    if let Some(position) = held {
        let word = if position.quantity.is_negative() { "short " } else { "held " };
        let mut first = vec![
            Span::styled(word, theme.dim),
            Span::styled(format::quantity(position.quantity.get().abs()), theme.text),
        ];
        if !narrow {
            first.push(Span::styled(" at ", theme.dim));
            first.push(Span::styled(format::price(position.average_price, decimals), theme.text));
        }
        let mut parts: Vec<Part> = vec![first];
        if let Some(gain) = position.unrealized_pnl {
            parts.push(vec![Span::styled(format::signed(gain, 2), theme.money(gain.round_dp(2)))]);
        }
        lines.extend(pack(parts, 2, 0, columns));
    }
    if let Some(note) = notes_about([instrument], &look.at()).first() {
        let text = format!("note {}", note_line(note, instrument, &look.at()));
        let wrapped = format::wrap(&text, columns);
        lines.extend(wrapped.into_iter().take(NOTE_LINES_MAX).map(|line| Line::styled(line, theme.accent)));
    }
    lines
}
