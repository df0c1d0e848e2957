//! Everything known about an instrument: its name and terms, its prices and how old they are, what is held, ordered, noted and watched of it.

use rust_decimal::Decimal;

use super::dialogs::report::Report;
use super::env::At;
use super::format;
use super::sources;
use crate::domain::instrument::{Instrument, InstrumentSpec, Listing};
use crate::domain::money::Price;
use crate::domain::note::SymbolNote;
use crate::domain::quote::Quote;
use crate::domain::snapshot::Snapshot;
use crate::domain::text::clean;

type Pairs = Vec<(String, String)>;

fn say(pairs: &mut Pairs, name: &str, value: String) {
    if !value.is_empty() {
        pairs.push((name.to_owned(), value));
    }
}

/// The report of an instrument; what is not known is left out.
#[must_use]
pub fn about(instrument: &Instrument, at: &At<'_>) -> Report {
    let listing = at.env.symbols.as_ref().and_then(|symbols| symbols.listing(&instrument.to_string()));
    let mut pairs = Pairs::new();
    if let Some(listing) = &listing {
        listed(listing, &mut pairs);
    }
    if let Some(quote) = at.snapshot.quotes.get(instrument) {
        quoted(quote, at, &mut pairs);
    }
    terms(instrument, at, &mut pairs);
    own(instrument, at, &mut pairs);
    let name = listing.map(|listing| format!("  {}", clean(&listing.name))).unwrap_or_default();
    Report::pairs(&format!("{instrument}{name}"), pairs)
}

fn listed(listing: &Listing, pairs: &mut Pairs) {
    say(pairs, "exchange", clean(&listing.exchange).into_owned());
    say(pairs, "sector", clean(&listing.sector).into_owned());
    let indices: Vec<String> = listing.indices.iter().map(|index| clean(index).into_owned()).collect();
    say(pairs, "indices", indices.join(", "));
}

fn quoted(quote: &Quote, at: &At<'_>, pairs: &mut Pairs) {
    let decimals = format::decimals_of(at.snapshot, &quote.instrument);
    let price = |price: Price| format::price(price, decimals);
    let per_cent =
        |change: Option<Decimal>| change.map(|c| format!(" ({})", format::percent(c))).unwrap_or_default();
    let or_none = |value: Option<Price>| value.map(price).unwrap_or_default();
    say(pairs, "last", or_none(quote.last.or_else(|| quote.mid())));
    if let Some(change) = quote.change() {
        let words = format!("{}{}", format::signed(change.get(), decimals), per_cent(quote.change_percent()));
        say(pairs, "change", words);
    }
    if let Some(extended) = quote.extended_percent() {
        say(pairs, "since the close", format::percent(extended));
    }
    let side = |side: Option<Price>, size: Decimal| match side {
        Some(value) => format!("{} for {}", price(value), format::quantity(size)),
        None => String::new(),
    };
    say(pairs, "bid", side(quote.bid, quote.bid_size.get()));
    say(pairs, "ask", side(quote.ask, quote.ask_size.get()));
    if let (Some(spread), Some(mid)) = (quote.spread(), quote.mid()) {
        let points = (spread.get() * Decimal::from(10_000)).checked_div(mid.get()).unwrap_or_default();
        say(pairs, "spread", format!("{}, {} bp", price(spread), format::grouped(points, 1)));
    }
    if let (Some(low), Some(high)) = (quote.low, quote.high) {
        say(pairs, "day's range", format!("{} to {}", price(low), price(high)));
    }
    say(pairs, "open", or_none(quote.open));
    say(pairs, "close before", or_none(quote.previous_close));
    say(pairs, "volume", format::quantity(quote.volume.get()));
    let age =
        sources::stale(quote, at).map(|age| format!(", {}", sources::stale_words(age))).unwrap_or_default();
    let when = format::near(quote.as_of, at.snapshot.now, &at.env.zone);
    say(pairs, "prices", format!("{}, {when}{age}", sources::word(quote.feed)));
    if quote.halted {
        say(pairs, "trading", "halted".to_owned());
    }
}

fn terms(instrument: &Instrument, at: &At<'_>, pairs: &mut Pairs) {
    let spec = at.snapshot.specs.get(instrument).cloned();
    let spec = spec.unwrap_or_else(|| InstrumentSpec::standard(instrument.clone()));
    let near = at.snapshot.quotes.get(instrument).and_then(|quote| quote.last.or(quote.bid));
    let tick = spec.tick_at(near.unwrap_or(Price::new(Decimal::TEN)));
    say(pairs, "tick", format!("{} {}", tick.normalize(), spec.currency));
    if spec.multiplier != Decimal::ONE {
        say(pairs, "multiplier", format::quantity(spec.multiplier));
    }
    let least =
        format!("{} and multiples of {}", spec.quantity_min.normalize(), spec.quantity_increment.normalize());
    say(pairs, "order size", least);
    let mut words = Vec::new();
    words.extend((!spec.tradable).then_some("not traded now"));
    words.extend((!spec.shortable).then_some("not sold short"));
    words.extend((spec.shortable && !spec.easy_to_borrow).then_some("hard to borrow"));
    words.extend(spec.adjusted.then_some("adjusted: closing trades only"));
    words.extend(spec.cash_settled.then_some("settles in cash"));
    say(pairs, "limits", words.join(", "));
}

fn own(instrument: &Instrument, at: &At<'_>, pairs: &mut Pairs) {
    let decimals = format::decimals_of(at.snapshot, instrument);
    for position in at.snapshot.positions.iter().filter(|position| position.instrument == *instrument) {
        let gain =
            position.unrealized_pnl.map(|gain| format!(", {}", format::signed(gain, 2))).unwrap_or_default();
        let words = format!(
            "{} at {}{gain} ({})",
            format::quantity(position.quantity.get()),
            format::price(position.average_price, decimals),
            position.account
        );
        say(pairs, "held", words);
    }
    let working =
        at.snapshot.orders.iter().filter(|order| {
            order.is_working() && order.request.subject.instruments().any(|of| of == instrument)
        });
    let numbers: Vec<String> = working.map(|order| format!("#{}", order.number)).collect();
    say(pairs, "working orders", numbers.join(" "));
    for note in notes_about([instrument], at) {
        say(pairs, "note", note_line(note, instrument, at));
    }
    for alert in at.snapshot.alerts.iter().filter(|alert| alert.waits() && alert.instrument == *instrument) {
        say(pairs, "alert", alert.words());
    }
}

/// What was written about these instruments, about options' shares too: each note once, the newest of each instrument first.
#[must_use]
pub fn notes_about<'a, 'b>(
    instruments: impl IntoIterator<Item = &'b Instrument>,
    at: &At<'a>,
) -> Vec<&'a SymbolNote> {
    let mut found: Vec<&SymbolNote> = Vec::new();
    for instrument in instruments {
        let share =
            instrument.as_option().map(|contract| Instrument::Equity { symbol: contract.underlying.clone() });
        for of in std::iter::once(instrument).chain(share.as_ref()) {
            let new = at.snapshot.notes_on(of).iter();
            let new: Vec<&SymbolNote> =
                new.filter(|note| found.iter().all(|known| known.id != note.id)).collect();
            found.extend(new);
        }
    }
    found
}

/// A note with its day; with its instrument too, where that is not the one that is looked at.
#[must_use]
pub fn note_line(note: &SymbolNote, looked_at: &Instrument, at: &At<'_>) -> String {
    let of = if note.instrument == *looked_at { String::new() } else { format!("{}, ", note.instrument) };
    format!("{of}{}: {}", format::day(note.at, &at.env.zone), clean(&note.text))
}

/// An instrument as rows and titles name it: with a mark where there are notes on it, for which few have room.
#[must_use]
pub fn marked(instrument: &Instrument, snapshot: &Snapshot) -> String {
    let mark = if snapshot.notes_on(instrument).is_empty() { "" } else { "*" };
    format!("{instrument}{mark}")
}
