//! What a strategy may look at: its own positions and orders, the account's money and rights, prices, chains, dates. Read only; what is
//! absent is absent, never a default price and never zero.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::account::AccountKind;
use crate::domain::calendar::Calendar;
use crate::domain::chain::Chain;
use crate::domain::events::UnderlyingEvents;
use crate::domain::fees::FeeTable;
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{Instrument, InstrumentSpec, Symbol};
use crate::domain::money::{Price, Quantity, decimal_text};
use crate::domain::order::{Order, OrderStatus, OrderSubject, PositionEffect, Side};
use crate::domain::quote::{Bar, Interval, Quote};

/// What a strategy may look at besides its input. Positions are those it claims: what its own orders, assignments and adoptions brought.
pub trait Books {
    /// Units it claims of an instrument, signed; zero when flat.
    fn position(&self, instrument: &Instrument) -> Quantity;

    /// The instrument with what it cost, where it claims any.
    fn held(&self, instrument: &Instrument) -> Option<Held>;

    /// The options of an underlying that it claims, by contract. Adjusted ones are among them.
    fn options_of(&self, underlying: &Symbol) -> Vec<Held>;

    /// Units the whole account holds, signed: its own, other strategies' and the user's.
    fn account_position(&self, instrument: &Instrument) -> Quantity {
        self.position(instrument)
    }

    /// Options of an underlying that the whole account holds, signed, by contract.
    fn account_options_of(&self, underlying: &Symbol) -> Vec<(Instrument, Quantity)> {
        self.options_of(underlying).into_iter().map(|held| (held.instrument, held.quantity)).collect()
    }

    /// Cash and positions at their marks, in the account's currency.
    fn equity(&self) -> Decimal;

    /// Settled cash after every reservation of the account: working orders, and the strikes of short puts of every strategy.
    fn free_cash(&self) -> Decimal;

    /// What new positions may cost by the broker's own rules, reservations taken off.
    fn buying_power(&self) -> Decimal;

    /// What an entry in an instrument may come to beside free cash, and what its closed trades came to: for sizes.
    fn room(&self, instrument: &Instrument) -> Room;

    /// Is an order of this strategy working in the instrument.
    fn is_working(&self, instrument: &Instrument) -> bool;

    /// Its working orders in the instrument alone, oldest first. Packages are not among them.
    fn working(&self, instrument: &Instrument) -> Vec<Working>;

    /// Its working orders in the underlying's shares and options, packages included, oldest first.
    fn working_on(&self, underlying: &Symbol) -> Vec<Working>;

    /// What the account may do now.
    fn standing(&self) -> Standing;

    /// The newest prices; kept for its instruments, for what it holds and for what works.
    fn quote(&self, instrument: &Instrument) -> Option<&Quote>;

    /// What the venue says of an instrument; absent where nobody asked yet, and the usual terms hold.
    fn spec(&self, instrument: &Instrument) -> Option<&InstrumentSpec>;

    /// The chain it asked for last. Its rows carry their own times.
    fn chain(&self, _underlying: &Symbol) -> Option<&Chain> {
        None
    }

    /// Complete bars, oldest first, as many as it asked for; empty where it did not, or there are none.
    fn bars(&self, _instrument: &Instrument, _interval: Interval) -> &[Bar] {
        &[]
    }

    /// Dividends and earnings; absent where nobody knows.
    fn events(&self, _underlying: &Symbol) -> Option<&UnderlyingEvents> {
        None
    }

    /// The exchange's sessions.
    fn calendar(&self) -> &Calendar;

    /// What fills cost.
    fn fees(&self) -> &FeeTable;

    /// The yearly rate option values are worked out with, 0.04 for 4 %.
    fn risk_free(&self) -> f64;
}

/// What it claims of one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What.
    pub instrument: Instrument,
    /// Units or contracts, signed: negative when short. Never zero.
    pub quantity: Quantity,
    /// Average cost per unit, before the multiplier, without fees: of a short option the credit.
    pub average_price: Price,
}

/// What an entry may come to, beside free cash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Money of its own capital that is not at work; absent where it has none of its own. May be negative.
    pub capital: Option<Decimal>,
    /// Units or contracts in one order, by the account's limits.
    pub order_units: Decimal,
    /// Money in one order, by the account's limits.
    pub order_money: Decimal,
    /// Money in one position, by the account's limits.
    pub position_money: Decimal,
    /// Average daily volume of 20 sessions, in units; absent while nobody knows it.
    pub average_volume: Option<Decimal>,
    /// What its closed trades came to.
    pub closed: ClosedTrades,
}

/// What closed trades came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedTrades {
    /// Those with a gain.
    pub wins: u32,
    /// Those with a loss.
    pub losses: u32,
    /// What was gained, positive.
    #[serde(with = "decimal_text")]
    pub won: Decimal,
    /// What was lost, positive.
    #[serde(with = "decimal_text")]
    pub lost: Decimal,
}

impl ClosedTrades {
    /// One more; zero is neither.
    pub fn add(&mut self, pnl: Decimal) {
        if pnl > Decimal::ZERO {
            self.wins = self.wins.saturating_add(1);
            self.won += pnl;
        } else if pnl < Decimal::ZERO {
            self.losses = self.losses.saturating_add(1);
            self.lost -= pnl;
        }
    }
}

/// What an account may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Cash or margin.
    pub kind: AccountKind,
    /// Options level 0 to 4: 1 covered calls and cash-secured puts, 2 long options, 3 spreads, 4 uncovered.
    pub options_level: u8,
    /// Several legs as one order.
    pub multi_leg: bool,
    /// A working order can be changed in place.
    pub replace: bool,
    /// The broker lets it close positions alone.
    pub closing_only: bool,
    /// The kill switch is on: nothing is opened.
    pub halted: bool,
}

/// A working order of a strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Working {
    /// Which.
    pub id: ClientOrderId,
    /// What it trades.
    pub subject: OrderSubject,
    /// Buy or sell; of a package, what is done with it as written.
    pub side: Side,
    /// Open or close, where it says so.
    pub position_effect: Option<PositionEffect>,
    /// Units or packages asked for, positive.
    pub quantity: Quantity,
    /// Units not filled yet, positive.
    pub leaves: Quantity,
    /// Its limit, where it has one.
    pub limit_price: Option<Price>,
    /// Where it stands.
    pub status: OrderStatus,
    /// When the first order of the line of replacements was made.
    pub since: Timestamp,
    /// When this one was made, and so its price.
    pub priced_at: Timestamp,
}

impl Working {
    /// An order as a strategy sees it. `since` is when the first one of its line was made, before it was replaced.
    #[must_use]
    pub fn of(order: &Order, since: Timestamp) -> Self {
        Self {
            id: order.request.client_order_id,
            subject: order.request.subject.clone(),
            side: order.request.side,
            position_effect: order.request.position_effect,
            quantity: order.request.quantity,
            leaves: order.leaves_quantity(),
            limit_price: order.request.pricing.limit_price(),
            status: order.status,
            since,
            priced_at: order.created_at,
        }
    }

    /// Is a cancel or a replacement on its way, or is nobody sure of it: it is left alone until that is known.
    #[must_use]
    pub const fn is_in_doubt(&self) -> bool {
        matches!(
            self.status,
            OrderStatus::PendingSubmit
                | OrderStatus::PendingCancel
                | OrderStatus::PendingReplace
                | OrderStatus::Unknown
        )
    }
}
