//! The order of the rows: what a row has in each column, and groups with what the group did.

use rust_decimal::Decimal;

use crate::domain::instrument::{AssetClass, Instrument, SymbolLookup};
use crate::domain::money::Price;
use crate::domain::quote::Quote;
use crate::domain::snapshot::Snapshot;
use crate::tui::widgets::sorted::{self, SortKey};

/// What an instrument has in a column.
#[must_use]
pub fn sort_key(
    instrument: &Instrument,
    title: &str,
    symbols: Option<&dyn SymbolLookup>,
    snapshot: &Snapshot,
) -> SortKey {
    match title {
        "sym" => return SortKey::Text(instrument.to_string()),
        "name" => {
            let listing = symbols.and_then(|symbols| symbols.listing(&instrument.to_string()));
            return SortKey::Text(listing.map(|listing| listing.name.to_string()).unwrap_or_default());
        }
        "note" => {
            let newest = snapshot.notes_on(instrument).first();
            return SortKey::Text(newest.map(|note| note.text.clone()).unwrap_or_default());
        }
        _ => {}
    }
    let value = |quote: &Quote| match title {
        "last" => quote.last.or_else(|| quote.mid()).map(Price::get),
        "chg%" => quote.change_percent(),
        "bid" => quote.bid.map(Price::get),
        "ask" => quote.ask.map(Price::get),
        "low" => quote.low.map(Price::get),
        "high" => quote.high.map(Price::get),
        "vol" => Some(quote.volume.get()),
        "ext%" => quote.extended_percent(),
        _ => None,
    };
    SortKey::Number(snapshot.quotes.get(instrument).and_then(value))
}

/// What rows are gathered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// Not at all.
    #[default]
    None,
    /// Shares, options, coins and so on.
    Class,
    /// Sectors, and kinds of funds.
    Sector,
}

impl Grouping {
    /// The next, around the end.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::None => Self::Class,
            Self::Class => Self::Sector,
            Self::Sector => Self::None,
        }
    }

    /// What the title says.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Class => " in classes",
            Self::Sector => " in sectors",
        }
    }

    fn of(self, instrument: &Instrument, symbols: Option<&dyn SymbolLookup>) -> String {
        let class = match instrument.asset_class() {
            AssetClass::Equity => "shares and funds",
            AssetClass::Option => "options",
            AssetClass::Crypto => "crypto",
            AssetClass::Perpetual => "perpetuals",
            AssetClass::Fx => "currencies",
            AssetClass::Token => "tokens",
        };
        if self == Self::Class {
            return class.to_owned();
        }
        let listing = symbols.and_then(|symbols| symbols.listing(&instrument.to_string()));
        let sector = listing.map(|listing| listing.sector).filter(|sector| !sector.is_empty());
        sector.map_or_else(|| class.to_owned(), |sector| sector.to_string())
    }
}

/// A line of the list; a group's head has the mean change of the day of its members, in per cent.
pub type Entry<'a> = sorted::Entry<&'a Instrument, Option<Decimal>>;

/// Gathers sorted rows: groups in the order of their first member, members in theirs.
#[must_use]
pub fn gather<'a>(
    rows: Vec<&'a Instrument>,
    grouping: Grouping,
    symbols: Option<&dyn SymbolLookup>,
    snapshot: &Snapshot,
) -> Vec<Entry<'a>> {
    if grouping == Grouping::None {
        return rows.into_iter().map(Entry::Item).collect();
    }
    let mean = |members: &[&Instrument]| {
        let changes = members.iter().filter_map(|i| snapshot.quotes.get(*i).and_then(Quote::change_percent));
        let changes: Vec<Decimal> = changes.collect();
        changes.iter().sum::<Decimal>().checked_div(Decimal::from(changes.len()))
    };
    sorted::gather(rows, |instrument| grouping.of(instrument, symbols), mean)
}
