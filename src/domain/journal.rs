//! The trader's journal: trades from their opening to their closing, with what was written beside them, and what they come to by strategy,
//! symbol, weekday, holding time and tag. Worked out from executions each time; nothing is kept here.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::Serialize;
use smol_str::SmolStr;

use super::calendar::exchange_date;
use super::execution::Execution;
use super::ids::{AccountId, ClientOrderId, OrderNumber};
use super::instrument::Instrument;
use super::money::{Price, Quantity, decimal_text, decimal_text_option};

/// Tags of one trade at most; more are not read.
pub const TAGS_MAX: usize = 20;
/// Characters of a tag at most.
pub const TAG_CHARS_MAX: usize = 32;

/// A position from its opening to its closing, first in first out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trip {
    /// Where.
    pub account: AccountId,
    /// What.
    pub instrument: Instrument,
    /// Units, signed: negative for a short trip.
    pub quantity: Quantity,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// At which price per unit.
    pub entry_price: Price,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// At which price per unit.
    pub exit_price: Price,
    /// Fees of both ends, positive.
    #[serde(with = "decimal_text")]
    pub fees: Decimal,
    /// Gain or loss, fees taken off.
    #[serde(with = "decimal_text")]
    pub pnl: Decimal,
    /// The order that opened it, where one of ours did.
    #[serde(rename = "entry_client_order_id", skip_serializing_if = "Option::is_none")]
    pub entry_order: Option<ClientOrderId>,
    /// The order that closed it, where one of ours did.
    #[serde(rename = "exit_client_order_id", skip_serializing_if = "Option::is_none")]
    pub exit_order: Option<ClientOrderId>,
}

impl Trip {
    /// How long it was held; never negative.
    #[must_use]
    pub fn held(&self) -> SignedDuration {
        self.closed_at.duration_since(self.opened_at).max(SignedDuration::ZERO)
    }
}

/// An open part of a position: what opened it, and signed units of it that are left.
type OpenLots = VecDeque<(Execution, Decimal)>;

/// Round trips of fills, first in first out by account and instrument, by closing time. The fills are oldest first.
#[must_use]
pub fn round_trips<'a>(fills: impl IntoIterator<Item = &'a Execution>) -> Vec<Trip> {
    let mut open: BTreeMap<(&AccountId, &Instrument), OpenLots> = BTreeMap::new();
    let fills = fills.into_iter();
    // Most fills open or close: room for all, so that none is moved as the list grows.
    let mut trips = Vec::with_capacity(fills.size_hint().0.div_ceil(2));
    for execution in fills {
        let lots = open.entry((&execution.account, &execution.instrument)).or_default();
        if execution.moves_units_alone() {
            spread(lots, execution.signed_quantity().get());
            continue;
        }
        // What part of a fee belongs to so many of its units; nearly always all or nothing.
        let share = |fee: Decimal, units: Decimal, of: Quantity| match of.get() {
            all if units == all => fee,
            all if fee.is_zero() || all.is_zero() => Decimal::ZERO,
            all => fee * units / all,
        };
        let mut left = execution.signed_quantity().get();
        while let Some((entry, held)) = lots.front_mut()
            && !left.is_zero()
            && held.is_sign_negative() != left.is_sign_negative()
        {
            let closed = left.abs().min(held.abs());
            let signed = if held.is_sign_negative() { -closed } else { closed };
            let fees =
                share(entry.fee, closed, entry.quantity) + share(execution.fee, closed, execution.quantity);
            let gain = (execution.price.get() - entry.price.get()) * signed * execution.multiplier;
            trips.push(Trip {
                account: execution.account.clone(),
                instrument: execution.instrument.clone(),
                quantity: Quantity::new(signed),
                opened_at: entry.at,
                entry_price: entry.price,
                closed_at: execution.at,
                exit_price: execution.price,
                fees,
                pnl: gain - fees,
                entry_order: entry.client_order_id,
                exit_order: execution.client_order_id,
            });
            *held -= signed;
            left += signed;
            if held.is_zero() {
                lots.pop_front();
            }
        }
        if !left.is_zero() {
            lots.push_back((execution.clone(), left));
        }
    }
    trips
}

/// A split: open lots get the new units, and their prices shrink in proportion.
fn spread(lots: &mut OpenLots, added: Decimal) {
    let held: Decimal = lots.iter().map(|(_, held)| *held).sum();
    if held.is_zero() || (held + added).is_zero() {
        return;
    }
    let ratio = (held + added) / held;
    for (entry, held) in lots {
        *held *= ratio;
        entry.price = Price::new(entry.price.get() / ratio);
        entry.quantity = Quantity::new(entry.quantity.get() * ratio);
    }
}

/// A trade with what is known and written of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalEntry {
    /// The trade.
    #[serde(flatten)]
    pub trip: Trip,
    /// The number of the order that opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_number: Option<OrderNumber>,
    /// The number of the order that closed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_number: Option<OrderNumber>,
    /// The strategy that opened it, or an empty word for a person.
    pub strategy: SmolStr,
    /// What is written beside its orders, tags left out; may be empty.
    pub note: String,
    /// Its tags, each once, without the `#`.
    pub tags: Vec<SmolStr>,
}

/// The tag that names a tax lot beside the order of a sale: `#lot:12` for what order 12 bought.
pub const LOT_TAG: &str = "lot:";

/// The tags that name these orders as the lots which a sale closes, in this order.
#[must_use]
pub fn lot_tags(lots: &[u64]) -> Vec<SmolStr> {
    lots.iter().map(|lot| SmolStr::new(format!("{LOT_TAG}{lot}"))).collect()
}

/// A note taken apart: its words, and its tags. A tag is a word that begins with `#`.
#[must_use]
pub fn read_note(text: &str) -> (String, Vec<SmolStr>) {
    let mut words = Vec::new();
    let mut tags: Vec<SmolStr> = Vec::new();
    for word in text.split_whitespace() {
        match word.strip_prefix('#').filter(|tag| is_tag(tag)) {
            Some(tag) if tags.len() < TAGS_MAX && !tags.iter().any(|known| known == tag) => {
                tags.push(tag.into());
            }
            Some(_) => {}
            None => words.push(word),
        }
    }
    (words.join(" "), tags)
}

/// A note of words and tags.
#[must_use]
pub fn write_note(words: &str, tags: &[SmolStr]) -> String {
    let mut all: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    all.extend(tags.iter().map(|tag| format!("#{tag}")));
    all.join(" ")
}

/// Is it fit to be a tag: letters, digits, `-`, `_` and `:`.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    (1..=TAG_CHARS_MAX).contains(&text.chars().count())
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ':'))
}

/// What trades are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// The strategy that opened them.
    Strategy,
    /// The symbol; of an option its underlying.
    Symbol,
    /// The exchange's weekday of the opening.
    Weekday,
    /// How long they were held.
    Holding,
    /// The tag; a trade of several counts for each.
    Tag,
    /// The account.
    Account,
}

/// How long a trade was held, in the steps of a trader's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holding {
    Minutes,
    Hour,
    Day,
    Days,
    Month,
    Longer,
}

impl Holding {
    fn of(held: SignedDuration) -> Self {
        match held {
            held if held < SignedDuration::from_mins(5) => Self::Minutes,
            held if held < SignedDuration::from_hours(1) => Self::Hour,
            held if held < SignedDuration::from_hours(24) => Self::Day,
            held if held < SignedDuration::from_hours(5 * 24) => Self::Days,
            held if held < SignedDuration::from_hours(30 * 24) => Self::Month,
            _ => Self::Longer,
        }
    }
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minutes => "under 5 minutes",
            Self::Hour => "under an hour",
            Self::Day => "under a day",
            Self::Days => "1 to 5 days",
            Self::Month => "5 to 30 days",
            Self::Longer => "30 days and more",
        })
    }
}

/// What some trades come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TradeStats {
    /// Trades.
    pub trades: u64,
    /// Those that gained; one of exactly nothing is neither.
    pub wins: u64,
    /// Those that lost.
    pub losses: u64,
    /// Gain of all, fees taken off.
    #[serde(with = "decimal_text")]
    pub pnl: Decimal,
    /// Fees, positive.
    #[serde(with = "decimal_text")]
    pub fees: Decimal,
    /// Gain of those that gained.
    #[serde(with = "decimal_text")]
    pub gross_profit: Decimal,
    /// Loss of those that lost, positive.
    #[serde(with = "decimal_text")]
    pub gross_loss: Decimal,
    /// The best one; nothing of no trades.
    #[serde(with = "decimal_text_option")]
    pub best: Option<Decimal>,
    /// The worst one.
    #[serde(with = "decimal_text_option")]
    pub worst: Option<Decimal>,
    /// Seconds all of them were held.
    pub held_seconds: i64,
}

impl TradeStats {
    fn add(&mut self, trip: &Trip) {
        self.trades += 1;
        self.pnl += trip.pnl;
        self.fees += trip.fees;
        if trip.pnl > Decimal::ZERO {
            self.wins += 1;
            self.gross_profit += trip.pnl;
        } else if trip.pnl < Decimal::ZERO {
            self.losses += 1;
            self.gross_loss -= trip.pnl;
        }
        self.best = Some(self.best.map_or(trip.pnl, |best| best.max(trip.pnl)));
        self.worst = Some(self.worst.map_or(trip.pnl, |worst| worst.min(trip.pnl)));
        self.held_seconds = self.held_seconds.saturating_add(trip.held().as_secs());
    }

    /// Per cent of all trades that gained; nothing of no trades.
    #[must_use]
    pub fn win_percent(&self) -> Option<Decimal> {
        (Decimal::from(self.wins) * Decimal::ONE_HUNDRED).checked_div(Decimal::from(self.trades))
    }

    /// Profit for each unit of loss; nothing without a loss.
    #[must_use]
    pub fn profit_factor(&self) -> Option<Decimal> {
        self.gross_profit.checked_div(self.gross_loss)
    }

    /// Gain of a trade on average.
    #[must_use]
    pub fn expectancy(&self) -> Option<Decimal> {
        self.pnl.checked_div(Decimal::from(self.trades))
    }

    /// How long one was held on average.
    #[must_use]
    pub fn average_held(&self) -> Option<SignedDuration> {
        let trades = i64::try_from(self.trades).ok()?;
        self.held_seconds.checked_div(trades).map(SignedDuration::from_secs)
    }
}

/// What trades come to, put together; in the order of the groups' own kind, and those without any at the end under an empty name.
#[must_use]
pub fn statistics(entries: &[JournalEntry], by: Grouping) -> Vec<(String, TradeStats)> {
    let mut groups: BTreeMap<(bool, u8, String), TradeStats> = BTreeMap::new();
    for entry in entries {
        for key in keys(entry, by) {
            groups.entry(key).or_default().add(&entry.trip);
        }
    }
    groups.into_iter().map(|((.., name), stats)| (name, stats)).collect()
}

/// What all of them come to.
#[must_use]
pub fn total(entries: &[JournalEntry]) -> TradeStats {
    let mut total = TradeStats::default();
    for entry in entries {
        total.add(&entry.trip);
    }
    total
}

/// The groups of a trade: is it a group without a name, its place, its name.
fn keys(entry: &JournalEntry, by: Grouping) -> Vec<(bool, u8, String)> {
    let named = |name: &str| (name.is_empty(), 0, name.to_owned());
    match by {
        Grouping::Strategy => vec![named(&entry.strategy)],
        Grouping::Symbol => vec![named(entry.trip.instrument.root().as_str())],
        Grouping::Account => vec![named(entry.trip.account.as_str())],
        Grouping::Weekday => {
            let weekday = exchange_date(entry.trip.opened_at).weekday();
            let place = weekday.to_monday_zero_offset().unsigned_abs();
            vec![(false, place, weekday_name(weekday).to_owned())]
        }
        Grouping::Holding => {
            let holding = Holding::of(entry.trip.held());
            vec![(false, holding as u8, holding.to_string())]
        }
        Grouping::Tag if entry.tags.is_empty() => vec![named("")],
        Grouping::Tag => entry.tags.iter().map(|tag| named(tag)).collect(),
    }
}

const fn weekday_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::execution::ExecutionKind;
    use crate::domain::ids::ExecutionId;
    use crate::domain::money::Currency;
    use crate::domain::order::Side;

    fn fill(account: &str, symbol: &str, units: i64, price: i64, at: &str) -> Execution {
        Execution {
            execution_id: ExecutionId::new(at),
            account: AccountId::new(account),
            client_order_id: Some(ClientOrderId::from_u128(at.bytes().map(u128::from).sum())),
            broker_order_id: None,
            instrument: Instrument::equity(symbol).unwrap(),
            side: if units > 0 { Side::Buy } else { Side::Sell },
            quantity: Quantity::from(units.abs()),
            price: Price::from(price),
            multiplier: Decimal::ONE,
            fee: Decimal::ONE,
            currency: Currency::USD,
            at: at.parse().unwrap(),
            kind: ExecutionKind::Trade,
        }
    }

    fn entry(trip: Trip, strategy: &str, note: &str) -> JournalEntry {
        let (note, tags) = read_note(note);
        JournalEntry { trip, entry_number: None, exit_number: None, strategy: strategy.into(), note, tags }
    }

    #[test]
    fn trips_are_first_in_first_out_by_account_and_instrument() {
        let fills = [
            fill("a", "X", 10, 100, "2026-11-23T15:00:00Z"),
            fill("b", "X", -5, 100, "2026-11-23T15:01:00Z"),
            fill("a", "X", 10, 110, "2026-11-23T16:00:00Z"),
            fill("a", "X", -15, 120, "2026-11-24T15:00:00Z"),
            fill("b", "X", 5, 90, "2026-11-24T15:30:00Z"),
        ];
        let trips = round_trips(&fills);
        let shown: Vec<_> = trips
            .iter()
            .map(|t| (t.account.as_str(), t.quantity, t.entry_price, t.pnl.round_dp(4).normalize()))
            .collect();
        let money = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(
            shown,
            [
                // 10 x 20, less the fee of the buy and two thirds of that of the sale.
                ("a", 10.into(), 100.into(), money("198.3333")),
                ("a", 5.into(), 110.into(), money("49.1667")),
                ("b", (-5).into(), 100.into(), money("48")),
            ]
        );
        assert_eq!(
            (trips[0].entry_order, trips[0].exit_order),
            (fills[0].client_order_id, fills[3].client_order_id)
        );
        assert_eq!(trips[0].held(), SignedDuration::from_hours(24));
    }

    #[test]
    fn notes_hold_words_and_tags() {
        let (words, tags) = read_note("too early #momentum again #lot:12 #momentum # #a,b");
        assert_eq!((words.as_str(), tags.len()), ("too early again # #a,b", 2));
        assert_eq!(tags, ["momentum", "lot:12"]);
        assert_eq!(write_note(&words, &tags), "too early again # #a,b #momentum #lot:12");
        assert_eq!(read_note(""), (String::new(), Vec::new()));
        for (text, fits) in
            [("a", true), ("", false), ("a b", false), (&"x".repeat(33), false), ("größe_1-2:3", true)]
        {
            assert_eq!(is_tag(text), fits, "{text}");
        }
        let many: Vec<String> = (0..30).map(|n| format!("#t{n}")).collect();
        assert_eq!(read_note(&many.join(" ")).1.len(), TAGS_MAX);
    }

    #[test]
    fn trades_are_summed_by_what_is_asked() {
        let fills = [
            fill("a", "X", 10, 100, "2026-11-23T15:00:00Z"),
            fill("a", "X", -10, 110, "2026-11-23T15:04:00Z"),
            fill("a", "Y", 10, 100, "2026-11-24T15:00:00Z"),
            fill("a", "Y", -10, 95, "2026-11-27T15:00:00Z"),
            fill("a", "X", 10, 100, "2026-11-30T15:00:00Z"),
            fill("a", "X", -10, 106, "2027-01-04T15:00:00Z"),
        ];
        let mut trips = round_trips(&fills).into_iter();
        let mut next = |strategy, note| entry(trips.next().unwrap(), strategy, note);
        let entries = [next("trend", "#news"), next("", "#news #late"), next("trend", "")];
        let by = |by| -> Vec<(String, u64, Decimal)> {
            statistics(&entries, by)
                .into_iter()
                .map(|(name, stats)| (name, stats.trades, stats.pnl))
                .collect()
        };
        let row = |name: &str, trades, pnl: i64| (name.to_owned(), trades, Decimal::from(pnl));
        assert_eq!(by(Grouping::Strategy), [row("trend", 2, 156), row("", 1, -52)]);
        assert_eq!(by(Grouping::Symbol), [row("X", 2, 156), row("Y", 1, -52)]);
        assert_eq!(by(Grouping::Weekday), [row("Monday", 2, 156), row("Tuesday", 1, -52)]);
        assert_eq!(
            by(Grouping::Holding),
            [row("under 5 minutes", 1, 98), row("1 to 5 days", 1, -52), row("30 days and more", 1, 58)]
        );
        assert_eq!(by(Grouping::Tag), [row("late", 1, -52), row("news", 2, 46), row("", 1, 58)]);
        assert_eq!(by(Grouping::Account), [row("a", 3, 104)]);
        let all = total(&entries);
        assert_eq!((all.wins, all.losses, all.fees), (2, 1, Decimal::from(6)));
        assert_eq!(all.profit_factor(), Some(Decimal::from(3)));
        assert_eq!((all.best, all.worst), (Some(Decimal::from(98)), Some(Decimal::from(-52))));
        assert_eq!(all.win_percent().map(|it| it.round_dp(1)), Some(Decimal::new(667, 1)));
        assert_eq!(all.expectancy().map(|it| it.round_dp(2)), Some(Decimal::new(3467, 2)));
        let none = total(&[]);
        assert_eq!(
            (none.win_percent(), none.profit_factor(), none.expectancy(), none.average_held()),
            (None, None, None, None)
        );
    }
}
