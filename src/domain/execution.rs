//! Executions: fills as the broker reports them, and everything else a broker says about an order.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::corporate::CorporateReport;
use super::ids::{AccountId, BrokerOrderId, ClientOrderId, ExecutionId};
use super::instrument::Instrument;
use super::money::{Currency, Price, Quantity, decimal_text, times};
use super::order::{OrderSubject, Pricing, Side};
use super::statement::{BrokerUpdate, Statement};

/// Why units moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionKind {
    /// A trade.
    #[default]
    Trade,
    /// A long option was exercised.
    Exercise,
    /// A short option was assigned.
    Assignment,
    /// An option ended worthless.
    Expiration,
    /// A split, merger or other corporate action.
    CorporateAction,
    /// Reverses an earlier row that the broker took back.
    Bust,
    /// The broker closed a position that the account could not carry.
    Liquidation,
    /// A fee that was taken in the instrument's own units, at price zero: what is left bears the cost.
    Fee,
    /// Units that the broker shows and no execution explains, or the other way round. No cash moves by it.
    Adjustment,
    /// A fill that the broker's order shows and its list does not: at the price that its average leaves, without its fee. The same with the
    /// sides exchanged takes it out again once the real one comes.
    Inferred,
    /// Stands in the place of a fill that was taken back (FIX ExecType G): it counts for the books, and was counted for the order already.
    Correction,
    /// Units that came from another place, or went to one, at what they had cost or were worth: no gain, and no cash moves by it.
    Transfer,
}

impl ExecutionKind {
    /// Snake-case word, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::Exercise => "exercise",
            Self::Assignment => "assignment",
            Self::Expiration => "expiration",
            Self::CorporateAction => "corporate_action",
            Self::Bust => "bust",
            Self::Liquidation => "liquidation",
            Self::Fee => "fee",
            Self::Adjustment => "adjustment",
            Self::Inferred => "inferred",
            Self::Correction => "correction",
            Self::Transfer => "transfer",
        }
    }

    /// Do units come or go by it without any cash for them: what they are worth counts as paid in or out.
    #[must_use]
    pub const fn is_without_cash(self) -> bool {
        matches!(self, Self::Adjustment | Self::Transfer)
    }
}

/// One fill (FIX ExecType F). Keyed by account and execution id: twice is once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// The broker's id of the fill.
    pub execution_id: ExecutionId,
    /// The account.
    pub account: AccountId,
    /// Our order; absent for what happened outside (assignment, another terminal).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<ClientOrderId>,
    /// The broker's order id, where it says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker_order_id: Option<BrokerOrderId>,
    /// What traded; one leg for a package.
    pub instrument: Instrument,
    /// Bought or sold.
    pub side: Side,
    /// Units, positive.
    pub quantity: Quantity,
    /// Price per unit, before the multiplier.
    pub price: Price,
    /// Units of the underlying per unit traded.
    #[serde(with = "decimal_text")]
    pub multiplier: Decimal,
    /// Fee, positive; a rebate is negative.
    #[serde(with = "decimal_text")]
    pub fee: Decimal,
    /// Currency of price and fee.
    pub currency: Currency,
    /// When it happened.
    pub at: Timestamp,
    /// Why.
    #[serde(default)]
    pub kind: ExecutionKind,
}

impl Execution {
    /// Cash that came (positive) or left (negative), fee included. None by an adjustment or a transfer.
    #[must_use]
    pub fn cash_flow(&self) -> Decimal {
        if self.kind.is_without_cash() {
            return Decimal::ZERO;
        }
        let value = times(self.price.get() * self.quantity.get(), self.multiplier);
        if self.side.is_buy() { -value - self.fee } else { value - self.fee }
    }

    /// Does it only change how many units there are of what was paid: a split, or a fee in units.
    #[must_use]
    pub fn moves_units_alone(&self) -> bool {
        matches!(self.kind, ExecutionKind::CorporateAction | ExecutionKind::Fee) && self.price.is_zero()
    }

    /// Units added (positive) or taken (negative).
    #[must_use]
    pub fn signed_quantity(&self) -> Quantity {
        Quantity::new(self.quantity.get() * self.side.sign())
    }
}

/// A broker's refusal of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The broker's code, or ours for the paper venue, such as `BUYING_POWER`.
    pub code: SmolStr,
    /// The broker's words.
    pub message: String,
}

/// What a broker says about one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderEvent {
    /// It has the order.
    Acknowledged {
        /// Its id for it.
        broker_order_id: BrokerOrderId,
    },
    /// It refuses the order.
    Rejected(Reject),
    /// Some of it filled. For a package: one event per leg, the order's progress counted by the first leg.
    Filled(Execution),
    /// It ended the order at our wish or its own.
    Canceled {
        /// Why, when not at our wish.
        reason: Option<String>,
    },
    /// It could not cancel: too late, or unknown to it.
    CancelRejected(Reject),
    /// It ended the order and works another in its place.
    Replaced {
        /// Our id of the new order.
        by: ClientOrderId,
    },
    /// It could not replace; the order works on as it was.
    ReplaceRejected(Reject),
    /// Its time in force ended.
    Expired,
    /// After sending, no readable answer came: the outcome is not known.
    OutcomeUnknown {
        /// What went wrong.
        reason: String,
    },
    /// Asked once, the broker shows no such order: it may not be visible yet. The update's time is when it was asked.
    NotFound,
    /// Asked again and again, the broker has no such order.
    NeverReached,
    /// The broker changed the quantity that works (an OCO sibling filled in part).
    QuantityChanged {
        /// The new total, filled part included.
        quantity: Quantity,
    },
    /// A stop price moved (trailing).
    StopMoved {
        /// Where it stands now.
        stop_price: Price,
    },
    /// The broker changed the terms of an order that works on (FIX ExecType D): a corporate action.
    Restated {
        /// The new total, filled part included.
        quantity: Quantity,
        /// The new prices.
        pricing: Pricing,
    },
    /// What the order trades has another symbol now; it works on.
    Renamed {
        /// The same instruments by their new symbols.
        subject: OrderSubject,
    },
}

/// An event with the order it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderUpdate {
    /// The account.
    pub account: AccountId,
    /// Our id of the order.
    pub client_order_id: ClientOrderId,
    /// When the broker says it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: OrderEvent,
}

/// Why cash moved without a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CashKind {
    /// Paid in (positive) or out by the owner.
    Deposit,
    /// A dividend received (positive) or owed on a short position.
    Dividend,
    /// Interest.
    Interest,
    /// A fee outside of fills.
    Fee,
    /// What a company's action paid or took beside a dividend: fractions of shares, a merger's part in money. Zero where it moved units alone.
    Corporate,
}

/// Cash that moved without a fill. Keyed by account and id, like executions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashEntry {
    /// The broker's id of the movement.
    pub id: ExecutionId,
    /// The account.
    pub account: AccountId,
    /// Why.
    pub kind: CashKind,
    /// Positive is money to the account.
    #[serde(with = "decimal_text")]
    pub amount: Decimal,
    /// Of this currency.
    pub currency: Currency,
    /// The instrument that caused it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<Instrument>,
    /// When.
    pub at: Timestamp,
}

/// A notice that an account has little left of what it may send for ever: nothing but a person opens there until one goes on (`resume`).
pub const ADDRESS_LIMIT: &str = "ADDRESS_LIMIT";

/// Something the broker wants the account's owner to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Whose.
    pub account: AccountId,
    /// A stable code, such as [`ADDRESS_LIMIT`].
    pub code: SmolStr,
    /// One line.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// Whatever a broker reports.
///
/// A split is an [`Execution`] of kind `CorporateAction` at price zero: it adds (or takes) units and spreads the cost over what is then held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountEvent {
    /// About one order.
    Order(OrderUpdate),
    /// Units moved without an order of ours: assignment, exercise, expiration, corporate action, another terminal.
    Execution(Execution),
    /// Cash moved without a fill.
    Cash(CashEntry),
    /// A company did something to its shares; what that moves follows.
    Corporate(Box<CorporateReport>),
    /// Nothing moved, but the owner should know.
    Notice(Notice),
    /// About one order that the broker names by its own id alone.
    ByBroker(BrokerUpdate),
    /// Everything it shows of the account, as it was asked.
    Statement(Box<Statement>),
}

#[cfg(test)]
mod tests {
    use super::super::corporate::{CorporateAction, CorporateActionKind};
    use super::super::order::{OrderStatus, TimeInForce};
    use super::super::statement::{OrderReport, ReconcileReason};
    use super::*;

    fn fill(kind: ExecutionKind) -> Execution {
        Execution {
            execution_id: ExecutionId::new("x1"),
            account: AccountId::new("paper"),
            client_order_id: Some(ClientOrderId::from_u128(7)),
            broker_order_id: Some(BrokerOrderId::new("p1")),
            instrument: Instrument::equity("AAPL").unwrap(),
            side: Side::Buy,
            quantity: Quantity::from(10),
            price: "231.5".parse().unwrap(),
            multiplier: Decimal::ONE,
            fee: Decimal::ZERO,
            currency: Currency::USD,
            at: Timestamp::UNIX_EPOCH,
            kind,
        }
    }

    fn corporate() -> [CorporateAction; 6] {
        let amount: Price = "0.24".parse().unwrap();
        [
            CorporateActionKind::Split { numerator: 4, denominator: 1 },
            CorporateActionKind::Dividend { amount },
            CorporateActionKind::SpecialDividend { amount },
            CorporateActionKind::SymbolChange { to: "AAPX".parse().unwrap() },
            CorporateActionKind::CashMerger { amount },
            CorporateActionKind::Other { text: "a spin-off".to_owned() },
        ]
        .map(|kind| CorporateAction {
            instrument: Instrument::equity("AAPL").unwrap(),
            ex_date: jiff::civil::date(2026, 11, 27),
            pay_date: None,
            kind,
        })
    }

    #[test]
    fn corporate_actions_read_as_one_line() {
        let lines = corporate().map(|action| action.to_string());
        assert_eq!(
            lines,
            [
                "AAPL is split 4 for 1",
                "AAPL pays 0.24 a share",
                "AAPL pays 0.24 a share out of the ordinary",
                "AAPL trades as AAPX from now on",
                "AAPL is bought for 0.24 a share",
                "AAPL: a spin-off",
            ]
        );
    }

    /// What is stored must come back: an event that cannot be read again is a lost fill.
    #[test]
    fn every_event_survives_being_written_down() {
        let reject = || Reject { code: "BUYING_POWER".into(), message: "needs 10 and has 5".to_owned() };
        let events = [
            OrderEvent::Acknowledged { broker_order_id: BrokerOrderId::new("p1") },
            OrderEvent::Rejected(reject()),
            OrderEvent::Filled(fill(ExecutionKind::Trade)),
            OrderEvent::Canceled { reason: Some("day".to_owned()) },
            OrderEvent::CancelRejected(reject()),
            OrderEvent::Replaced { by: ClientOrderId::from_u128(8) },
            OrderEvent::ReplaceRejected(reject()),
            OrderEvent::Expired,
            OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() },
            OrderEvent::NeverReached,
            OrderEvent::QuantityChanged { quantity: Quantity::from(5) },
            OrderEvent::StopMoved { stop_price: "229.01".parse().unwrap() },
            OrderEvent::Restated {
                quantity: Quantity::from(20),
                pricing: Pricing::Limit { limit_price: "115".parse().unwrap() },
            },
            OrderEvent::Renamed { subject: OrderSubject::Instrument(Instrument::equity("APPL").unwrap()) },
        ];
        let about = |event| {
            AccountEvent::Order(OrderUpdate {
                account: AccountId::new("paper"),
                client_order_id: ClientOrderId::from_u128(7),
                at: Timestamp::UNIX_EPOCH,
                event,
            })
        };
        let cash = CashEntry {
            id: ExecutionId::new("d1"),
            account: AccountId::new("paper"),
            kind: CashKind::Dividend,
            amount: Decimal::new(8_500, 2),
            currency: Currency::USD,
            instrument: None,
            at: Timestamp::UNIX_EPOCH,
        };
        let mut all: Vec<AccountEvent> = events.map(about).into();
        all.push(AccountEvent::Execution(fill(ExecutionKind::Assignment)));
        all.push(AccountEvent::Cash(cash));
        all.push(AccountEvent::Execution(fill(ExecutionKind::Fee)));
        all.push(AccountEvent::Execution(fill(ExecutionKind::Adjustment)));
        all.push(AccountEvent::Execution(fill(ExecutionKind::Transfer)));
        all.push(AccountEvent::Notice(Notice {
            account: AccountId::new("paper"),
            code: "POSITION_FROZEN".into(),
            text: "AAPL is frozen".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        }));
        all.push(AccountEvent::Execution(fill(ExecutionKind::Inferred)));
        all.extend(corporate().map(|action| {
            let report =
                CorporateReport { account: AccountId::new("paper"), at: Timestamp::UNIX_EPOCH, action };
            AccountEvent::Corporate(Box::new(report))
        }));
        all.push(AccountEvent::Execution(fill(ExecutionKind::Correction)));
        all.push(AccountEvent::ByBroker(BrokerUpdate {
            account: AccountId::new("paper"),
            broker_order_id: BrokerOrderId::new("b1"),
            at: Timestamp::UNIX_EPOCH,
            event: OrderEvent::Filled(fill(ExecutionKind::Trade)),
        }));
        let statement =
            Statement::asked(AccountId::new("paper"), ReconcileReason::Doubt, Timestamp::UNIX_EPOCH);
        let report = OrderReport {
            client_order_id: None,
            broker_order_id: BrokerOrderId::new("b1"),
            status: OrderStatus::Submitted,
            subject: OrderSubject::Instrument(Instrument::equity("AAPL").unwrap()),
            side: Side::Buy,
            quantity: Quantity::from(5),
            pricing: Pricing::Limit { limit_price: "115".parse().unwrap() },
            time_in_force: TimeInForce::Day,
            filled_quantity: Quantity::ZERO,
            average_price: None,
            entered_at: Timestamp::UNIX_EPOCH,
            native_type: None,
            oco_group: None,
        };
        all.push(AccountEvent::Statement(Box::new(Statement { orders: Some(vec![report]), ..statement })));
        for event in all {
            let text = serde_json::to_string(&event).unwrap();
            let read: AccountEvent = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(read, event, "{text}");
        }
    }
}
