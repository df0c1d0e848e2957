//! The order of the rows: by a column, either way, and in groups with what the group did.

use std::cmp::Ordering;

use rust_decimal::Decimal;

use crate::domain::instrument::{AssetClass, Instrument, SymbolLookup};
use crate::domain::quote::Quote;
use crate::domain::snapshot::Snapshot;

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// The user's own order.
    #[default]
    List,
    /// The symbol, A to Z.
    Symbol,
    /// The change of the day, the largest first.
    Change,
    /// Units traded, most first.
    Volume,
    /// The last price, the highest first.
    Last,
    /// The change since the regular session's end, the largest first.
    Extended,
}

impl SortBy {
    /// Every order, as the key goes through them.
    pub const ALL: [Self; 6] =
        [Self::List, Self::Symbol, Self::Change, Self::Volume, Self::Last, Self::Extended];

    /// The next, around the end.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|sort| *sort == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    /// What the title says.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::List => "",
            Self::Symbol => " by symbol",
            Self::Change => " by change",
            Self::Volume => " by volume",
            Self::Last => " by price",
            Self::Extended => " by ext%",
        }
    }

    /// The order that a column stands for.
    #[must_use]
    pub fn of_column(title: &str) -> Option<Self> {
        Some(match title {
            "sym" => Self::Symbol,
            "last" => Self::Last,
            "chg%" => Self::Change,
            "ext%" => Self::Extended,
            "vol" => Self::Volume,
            _ => return None,
        })
    }

    fn value(self, quote: &Quote) -> Option<Decimal> {
        match self {
            Self::List | Self::Symbol => None,
            Self::Change => quote.change_percent(),
            Self::Volume => Some(quote.volume.get()),
            Self::Last => quote.last.or_else(|| quote.mid()).map(|price| price.get()),
            Self::Extended => quote.extended_percent(),
        }
    }
}

/// Sorts rows. What has no value is last either way.
pub fn sort(rows: &mut [&Instrument], by: SortBy, reversed: bool, snapshot: &Snapshot) {
    let value = |i: &Instrument| snapshot.quotes.get(i).and_then(|quote| by.value(quote));
    match by {
        SortBy::List => {}
        SortBy::Symbol => rows.sort(),
        _ => rows.sort_by(|a, b| value(b).partial_cmp(&value(a)).unwrap_or(Ordering::Equal)),
    }
    if reversed {
        rows.reverse();
    }
    if !matches!(by, SortBy::List | SortBy::Symbol) {
        rows.sort_by_key(|instrument| value(instrument).is_none());
    }
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

/// A line of the list.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<'a> {
    /// The head of a group: name, members, their mean change of the day in per cent.
    Head(String, usize, Option<Decimal>),
    /// An instrument.
    Item(&'a Instrument),
}

impl<'a> Entry<'a> {
    /// The instrument of the line.
    #[must_use]
    pub const fn item(&self) -> Option<&'a Instrument> {
        match self {
            Self::Head(..) => None,
            Self::Item(instrument) => Some(*instrument),
        }
    }
}

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
    let mut groups: Vec<(String, Vec<&'a Instrument>)> = Vec::new();
    for instrument in rows {
        let name = grouping.of(instrument, symbols);
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, members)) => members.push(instrument),
            None => groups.push((name, vec![instrument])),
        }
    }
    let mut entries = Vec::new();
    for (name, members) in groups {
        let changes: Vec<Decimal> =
            members.iter().filter_map(|i| snapshot.quotes.get(*i).and_then(Quote::change_percent)).collect();
        let mean = changes.iter().sum::<Decimal>().checked_div(Decimal::from(changes.len()));
        entries.push(Entry::Head(name, members.len(), mean));
        entries.extend(members.into_iter().map(Entry::Item));
    }
    entries
}
