//! Positions in groups with their sums: by underlying, kind, strategy or account.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::client::message::HistoryQuery;
use crate::client::{Reply, Request};
use crate::domain::ids::AccountId;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::Quantity;
use crate::domain::order::{Order, OrderSubject, OriginKind};
use crate::domain::position::Position;
use crate::domain::snapshot::Snapshot;
use crate::tui::widgets::sorted;

/// Orders looked through for who opened what is held.
const ORDERS_MAX: u32 = 2_000;

/// What positions are gathered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// Not at all.
    #[default]
    None,
    /// Shares and all options on them.
    Underlying,
    /// Shares, options, coins and so on.
    Class,
    /// Who opened them: a strategy, a bot, oneself.
    Strategy,
    /// The account.
    Account,
}

impl Grouping {
    /// Every one, as the key goes through them.
    pub const ALL: [Self; 5] = [Self::None, Self::Underlying, Self::Class, Self::Strategy, Self::Account];

    /// The next, around the end.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::None => Self::Underlying,
            Self::Underlying => Self::Class,
            Self::Class => Self::Strategy,
            Self::Strategy => Self::Account,
            Self::Account => Self::None,
        }
    }

    /// What the title says.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Underlying => " by underlying",
            Self::Class => " by class",
            Self::Strategy => " by strategy",
            Self::Account => " by account",
        }
    }

    /// The group of a position.
    #[must_use]
    pub fn of(self, position: &Position, openers: &Openers) -> String {
        match self {
            Self::None => String::new(),
            Self::Underlying => position.instrument.root().to_string(),
            Self::Class => class(position.instrument.asset_class()).to_owned(),
            Self::Strategy => openers.of(position),
            Self::Account => position.account.to_string(),
        }
    }
}

const fn class(class: AssetClass) -> &'static str {
    match class {
        AssetClass::Equity => "shares",
        AssetClass::Option => "options",
        AssetClass::Crypto => "crypto",
        AssetClass::Perpetual => "perpetuals",
        AssetClass::Fx => "currencies",
        AssetClass::Token => "tokens",
    }
}

/// The sums of a group, in its one currency; absent where a member has no such figure, or the members have several currencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Market value, signed.
    pub value: Option<Decimal>,
    /// Gain since the account day began.
    pub day: Option<Decimal>,
    /// Gain if closed now.
    pub open: Option<Decimal>,
}

impl Sums {
    /// Those of some positions.
    #[must_use]
    pub fn of(members: &[&Position]) -> Self {
        let one_currency = members.windows(2).all(|pair| pair[0].currency == pair[1].currency);
        let sum = |pick: fn(&Position) -> Option<Decimal>| {
            let all: Option<Decimal> = members.iter().map(|position| pick(position)).sum();
            all.filter(|_| one_currency)
        };
        Self { value: sum(|p| p.market_value), day: sum(|p| p.day_pnl), open: sum(|p| p.unrealized_pnl) }
    }
}

/// A line of the list.
pub type Entry<'a> = sorted::Entry<&'a Position, Sums>;

/// Gathers sorted positions: groups in the order of their first member, members in theirs.
#[must_use]
pub fn gather<'a>(rows: Vec<&'a Position>, grouping: Grouping, openers: &Openers) -> Vec<Entry<'a>> {
    if grouping == Grouping::None {
        return rows.into_iter().map(Entry::Item).collect();
    }
    sorted::gather(rows, |position| grouping.of(position, openers), Sums::of)
}

/// Who opened what is held, by the orders of the past.
#[derive(Debug, Default)]
pub struct Openers {
    found: BTreeMap<(AccountId, Instrument), String>,
    /// The orders of the snapshot that it was asked for with.
    asked_with: Option<Arc<Vec<Order>>>,
}

impl Openers {
    /// The question, when what is known is older than the orders.
    pub fn ask(&mut self, snapshot: &Snapshot) -> Option<Request> {
        if self.asked_with.as_ref().is_some_and(|orders| Arc::ptr_eq(orders, &snapshot.orders)) {
            return None;
        }
        self.asked_with = Some(Arc::clone(&snapshot.orders));
        Some(Request::OrderHistory(HistoryQuery { limit: ORDERS_MAX, ..HistoryQuery::default() }))
    }

    /// The answer. Of a position the newest orders are looked at, back to where it was opened.
    pub fn take(&mut self, reply: &Reply, snapshot: &Snapshot) {
        let Reply::Orders(orders) = reply else { return };
        self.found = snapshot
            .positions
            .iter()
            .filter_map(|position| {
                let name = opener(position, orders)?;
                Some(((position.account.clone(), position.instrument.clone()), name))
            })
            .collect();
    }

    fn of(&self, position: &Position) -> String {
        let key = (position.account.clone(), position.instrument.clone());
        self.found.get(&key).cloned().unwrap_or_else(|| "not known".to_owned())
    }
}

/// Who opened a position, by orders from the newest on; absent where they do not reach back to its opening.
fn opener(position: &Position, orders: &[Order]) -> Option<String> {
    let mut held = position.quantity;
    let mut names: Vec<String> = Vec::new();
    for order in orders.iter().filter(|order| order.request.account == position.account) {
        let filled = filled_of(order, &position.instrument);
        if filled.is_zero() {
            continue;
        }
        let before = held - filled;
        // Only what made the position larger opened it.
        if filled.is_negative() == position.quantity.is_negative() {
            let name = name_of(order);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        held = before;
        if held.is_zero() || held.is_negative() != position.quantity.is_negative() {
            return match names.as_slice() {
                [] => None,
                [one] => Some(one.clone()),
                _ => Some("several".to_owned()),
            };
        }
    }
    None
}

/// Units of an instrument that an order has filled, signed as a position is.
fn filled_of(order: &Order, instrument: &Instrument) -> Quantity {
    let filled = order.filled_quantity;
    match &order.request.subject {
        OrderSubject::Instrument(own) if own == instrument => signed(filled, order.request.side.is_buy()),
        OrderSubject::Instrument(_) => Quantity::ZERO,
        OrderSubject::Legs(legs) => legs
            .iter()
            .filter(|leg| leg.instrument == *instrument)
            .map(|leg| signed(Quantity::new(filled.get() * leg.ratio), leg.side.is_buy()))
            .sum(),
    }
}

fn signed(quantity: Quantity, is_buy: bool) -> Quantity {
    if is_buy { quantity } else { Quantity::ZERO - quantity }
}

fn name_of(order: &Order) -> String {
    let origin = &order.request.origin;
    match (&origin.name, origin.kind) {
        (Some(name), _) => crate::domain::text::clean(name).into_owned(),
        (None, OriginKind::Ticket | OriginKind::Command | OriginKind::Cli) => "by hand".to_owned(),
        (None, OriginKind::External) => "outside".to_owned(),
        (None, OriginKind::Exit) => "exits".to_owned(),
        (None, OriginKind::Strategy) => "a strategy".to_owned(),
        (None, OriginKind::Bot) => "a bot".to_owned(),
        (None, OriginKind::Agent | OriginKind::Mcp) => "an agent".to_owned(),
    }
}
