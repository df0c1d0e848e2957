//! Dollar-cost averaging: the same amount of money at every step of the calendar, whatever the price.
//!
//! What cannot be spent, because a share costs more than what is due or because a limit lets no more be bought, is carried to the next time. So
//! is what an order did not spend that was denied, or ended before it filled.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::calendar::exchange_date;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{OrderStatus, OrderSubject, Side};
use crate::quant::number::to_f64;

use super::params::{ParamError, ParamKind, ParamSpec, Params};
use super::{
    Books, Decision, Head, MONEY_MAX, MemoryError, Output, Strategy, StrategyInput, market, memory, sizing,
    steps, units_for,
};

/// What it does.
pub(super) const ABOUT: &str = "buys for the same amount of money at each step of the calendar";

/// Its parameters.
pub(super) const PARAMS: &[ParamSpec] = &[
    ParamSpec {
        name: "amount",
        kind: ParamKind::Number { min: Decimal::ONE, max: MONEY_MAX },
        default: "500",
        about: "money spent on each instrument at each step",
    },
    ParamSpec {
        name: "every",
        kind: ParamKind::Choice(steps::STEPS),
        default: "month",
        about: "a step of the calendar: its first bar buys",
    },
    ParamSpec {
        name: "total",
        kind: ParamKind::Number { min: Decimal::ZERO, max: MONEY_MAX },
        default: "0",
        about: "money spent on each instrument in all; 0 sets no end",
    },
];

/// Version of what it remembers.
const VERSION: u32 = 1;

/// What it remembers: its plans by the instruments' keys.
#[derive(Serialize, Deserialize)]
struct Memory {
    slots: BTreeMap<String, Slot>,
}

/// One instrument's plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Slot {
    /// Day of the last step.
    last: Option<Date>,
    /// Money due and not spent.
    carried: Decimal,
    /// Money spent, at the prices of the bars.
    spent: Decimal,
    /// What the order under way was counted as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<Asked>,
}

/// An order's units, and the price that they were counted at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Asked {
    units: Quantity,
    price: Price,
}

impl Slot {
    /// So many units of the order under way were not bought: their money is due again.
    fn give_back(&mut self, units: Quantity) {
        let Some(Asked { price, .. }) = self.asked.take() else { return };
        let money = price.notional(units);
        self.carried += money;
        self.spent -= money;
    }
}

/// The averaging strategy.
#[derive(Clone, Debug)]
struct Dca {
    head: Head,
    slots: Vec<Slot>,
    amount: Decimal,
    every: &'static str,
    total: Option<Decimal>,
}

/// Makes one.
pub(super) fn make(
    name: SmolStr,
    instruments: Vec<Instrument>,
    params: &Params,
) -> Result<Box<dyn Strategy>, ParamError> {
    let values = params.read("dca", PARAMS)?;
    Ok(Box::new(Dca {
        slots: vec![Slot::default(); instruments.len()],
        head: Head::new("dca", name, instruments),
        amount: values.number("amount"),
        every: values.word("every"),
        total: Some(values.number("total")).filter(|total| !total.is_zero()),
    }))
}

impl Dca {
    fn on_close(
        &mut self,
        day: Date,
        instrument: &Instrument,
        close: Price,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        let Some(index) = self.head.index_of(instrument) else { return };
        if self.slots[index].last.is_some_and(|last| !steps::begins(self.every, last, day)) {
            return;
        }
        let (amount, total) = (self.amount, self.total);
        let slot = &mut self.slots[index];
        let left = total.map_or(amount, |total| (total - slot.spent - slot.carried).min(amount));
        if left <= Decimal::ZERO && slot.carried.is_zero() || books.is_working(instrument) {
            return;
        }
        slot.last = Some(day);
        slot.carried += left.max(Decimal::ZERO);
        let meant = units_for(slot.carried, close, instrument);
        let quantity = sizing::within_caps(instrument, meant, close, books);
        let values = vec![
            ("due", to_f64(slot.carried)),
            ("spent", to_f64(slot.spent)),
            ("close", to_f64(close.get())),
        ];
        let decision = |code| Decision::new(code, Some(instrument.clone()), values);
        if quantity.is_positive() {
            out.push(Output::Propose(market(instrument, Side::Buy, quantity, false), decision("DCA_BUY")));
            let cost = quantity.get() * close.get();
            slot.carried -= cost;
            slot.spent += cost;
            slot.asked = Some(Asked { units: quantity, price: close });
        } else {
            out.push(Output::Decision(Decision { skip: true, ..decision("SIZE_ZERO") }));
        }
        out.push(Output::Remember);
    }

    /// Its order was denied, or has ended.
    fn on_end(&mut self, of: &OrderSubject, bought: Quantity, out: &mut Vec<Output>) {
        let Some(index) = of.instrument().and_then(|instrument| self.head.index_of(instrument)) else {
            return;
        };
        let slot = &mut self.slots[index];
        if let Some(asked) = slot.asked {
            slot.give_back((asked.units - bought).max(Quantity::ZERO));
            out.push(Output::Remember);
        }
    }
}

impl Strategy for Dca {
    fn head(&self) -> &Head {
        &self.head
    }

    fn warm_up_bars(&self) -> usize {
        1
    }

    fn memory(&self) -> String {
        let slots =
            self.head.instruments.iter().map(Instrument::key).zip(self.slots.iter().cloned()).collect();
        memory::write(VERSION, &Memory { slots })
    }

    fn restore(&mut self, memory: &str) -> Result<(), MemoryError> {
        let Some(mut read) = memory::read::<Memory>(VERSION, memory)? else { return Ok(()) };
        for (instrument, slot) in self.head.instruments.iter().zip(&mut self.slots) {
            *slot = read.slots.remove(&instrument.key()).unwrap_or_default();
        }
        Ok(())
    }

    fn on_input(
        &mut self,
        now: Timestamp,
        input: StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        match input {
            StrategyInput::Bar { instrument, bar, .. } => {
                self.on_close(exchange_date(now), instrument, bar.close, books, out);
            }
            StrategyInput::Denied { subject, .. } => self.on_end(subject, Quantity::ZERO, out),
            // An exit of its plan is no purchase, and what was replaced goes on under another number.
            StrategyInput::OrderChanged(order)
                if order.request.side.is_buy()
                    && order.status.is_terminal()
                    && order.status != OrderStatus::Replaced =>
            {
                self.on_end(&order.request.subject, order.filled_quantity, out);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Paper, codes, proposed};
    use super::*;

    fn strategy(pairs: &[(&str, &str)]) -> Box<dyn Strategy> {
        let params = Params::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        make("test".into(), vec![Instrument::equity("AAPL").unwrap()], &params).unwrap()
    }

    /// What is bought on each of these days after 1970-01-01, a Thursday.
    fn bought(pairs: &[(&str, &str)], days: &[(i64, &str)]) -> Vec<String> {
        let (mut strategy, mut books) = (strategy(pairs), Paper::with(100_000));
        let aapl = Instrument::equity("AAPL").unwrap();
        days.iter()
            .map(|(day, close)| {
                let out = books.day(strategy.as_mut(), &aapl, *day, close);
                proposed(&out).first().map_or_else(|| codes(&out).join(" "), |(_, text)| text.clone())
            })
            .collect()
    }

    #[test]
    fn the_first_bar_of_each_step_buys() {
        let days = [(0, "50"), (1, "50"), (4, "40"), (5, "40"), (32, "25"), (33, "25")];
        assert_eq!(
            bought(&[("every", "day")], &days),
            ["buy 10", "buy 10", "buy 12", "buy 13", "buy 20", "buy 20"]
        );
        assert_eq!(bought(&[("every", "week")], &days), ["buy 10", "", "buy 12", "", "buy 20", ""]);
        assert_eq!(bought(&[], &days), ["buy 10", "", "", "", "buy 20", ""]);
    }

    #[test]
    fn a_restart_goes_on_with_the_plan() {
        let pairs = [("every", "month"), ("amount", "100"), ("total", "450")];
        let aapl = Instrument::equity("AAPL").unwrap();
        let (mut first, mut books) = (strategy(&pairs), Paper::with(100_000));
        let out = books.day(first.as_mut(), &aapl, 0, "60");
        assert_eq!((proposed(&out)[0].1.as_str(), out.last()), ("buy 1", Some(&Output::Remember)));
        let mut second = strategy(&pairs);
        second.restore(&first.memory()).unwrap();
        assert_eq!(second.memory(), first.memory());
        assert!(books.day(second.as_mut(), &aapl, 1, "60").is_empty(), "the month's step is done");
        assert_eq!(proposed(&books.day(second.as_mut(), &aapl, 40, "60"))[0].1, "buy 2", "40 were carried");
    }

    #[test]
    fn what_is_too_little_for_a_share_is_carried() {
        let days = [(0, "300"), (1, "300"), (2, "300"), (3, "300")];
        assert_eq!(
            bought(&[("every", "day"), ("amount", "100")], &days),
            ["SIZE_ZERO", "SIZE_ZERO", "buy 1", "SIZE_ZERO"]
        );
    }

    /// An order that was denied has spent nothing: its money is due again, and `total` is not used up by it.
    #[test]
    fn money_of_an_order_that_was_denied_is_due_again() {
        let aapl = Instrument::equity("AAPL").unwrap();
        let mut strategy = strategy(&[("every", "day"), ("amount", "500"), ("total", "1000")]);
        let mut books = Paper::with(100_000);
        let mut on = |strategy: &mut dyn Strategy, day| {
            proposed(&books.day(strategy, &aapl, day, "50")).first().map(|(_, text)| text.clone())
        };
        assert_eq!(on(strategy.as_mut(), 0).as_deref(), Some("buy 10"));
        let subject = OrderSubject::Instrument(aapl.clone());
        let denied = || StrategyInput::Denied {
            code: crate::domain::denial::DenialCode::MarketClosed,
            subject: &subject,
        };
        let mut out = Vec::new();
        strategy.on_input(Timestamp::UNIX_EPOCH, denied(), &Paper::with(0), &mut out);
        assert_eq!(out, [Output::Remember]);
        let memory = strategy.memory();
        // Twice the same is one.
        strategy.on_input(Timestamp::UNIX_EPOCH, denied(), &Paper::with(0), &mut out);
        assert_eq!(strategy.memory(), memory);
        assert_eq!(on(strategy.as_mut(), 1).as_deref(), Some("buy 20"), "what was carried, and today's");
        assert_eq!(on(strategy.as_mut(), 2), None, "all of it is spent");
    }

    /// What an order that ended has not bought is due again; what it bought is not, and an exit of its plan is no purchase.
    #[test]
    fn money_of_what_was_not_bought_is_due_again() {
        use crate::domain::ids::{AccountId, ClientOrderId, OrderNumber};
        use crate::domain::order::{Order, OrderRequest, Origin, OriginKind, Pricing};
        let aapl = Instrument::equity("AAPL").unwrap();
        let ended = |side, status, filled: i64| {
            let subject = OrderSubject::Instrument(aapl.clone());
            let origin = Origin { kind: OriginKind::Strategy, name: Some("test".into()) };
            let (id, account) = (ClientOrderId::from_parts(1, 1), AccountId::new("paper"));
            let units = Quantity::from(10);
            let request = OrderRequest::plain(id, account, origin, subject, side, units, Pricing::Market);
            let mut order = Order::new(OrderNumber(1), request, status, Timestamp::UNIX_EPOCH);
            order.filled_quantity = Quantity::from(filled);
            order
        };
        for (order, next) in [
            (ended(Side::Buy, OrderStatus::Canceled, 4), "buy 16"),
            (ended(Side::Buy, OrderStatus::Expired, 0), "buy 20"),
            (ended(Side::Buy, OrderStatus::Filled, 10), "buy 10"),
            (ended(Side::Buy, OrderStatus::Replaced, 0), "buy 10"),
            (ended(Side::Buy, OrderStatus::PartiallyFilled, 4), "buy 10"),
            (ended(Side::Sell, OrderStatus::Canceled, 0), "buy 10"),
        ] {
            let mut strategy = strategy(&[("every", "day"), ("amount", "500")]);
            let mut books = Paper::with(100_000);
            assert_eq!(proposed(&books.day(strategy.as_mut(), &aapl, 0, "50"))[0].1, "buy 10");
            let input = StrategyInput::OrderChanged(&order);
            strategy.on_input(Timestamp::UNIX_EPOCH, input, &Paper::with(0), &mut Vec::new());
            let out = books.day(strategy.as_mut(), &aapl, 1, "50");
            assert_eq!(proposed(&out)[0].1, next, "{:?} {}", order.request.side, order.status);
        }
    }

    #[test]
    fn what_a_cap_leaves_is_carried() {
        let aapl = Instrument::equity("AAPL").unwrap();
        let mut strategy = strategy(&[("every", "day"), ("amount", "500")]);
        let mut books = Paper::with(320);
        assert_eq!(proposed(&books.day(strategy.as_mut(), &aapl, 0, "50"))[0].1, "buy 6");
        books.cash = Decimal::from(10_000);
        assert_eq!(proposed(&books.day(strategy.as_mut(), &aapl, 1, "50"))[0].1, "buy 14");
    }

    #[test]
    fn it_ends_where_it_was_told_to() {
        let days = [(0, "50"), (1, "50"), (2, "50"), (3, "50")];
        assert_eq!(
            bought(&[("every", "day"), ("amount", "500"), ("total", "1200")], &days),
            ["buy 10", "buy 10", "buy 4", ""]
        );
    }

    #[test]
    fn coins_are_bought_in_parts_and_not_while_an_order_works() {
        let btc = Instrument::crypto("BTC", "USD").unwrap();
        let mut strategy = make("test".into(), vec![btc.clone()], &Params::default()).unwrap();
        let mut books = Paper::with(100_000);
        let order = super::super::Working {
            id: crate::domain::ids::ClientOrderId::from_parts(1, 1),
            ..super::super::testing::working(&btc, Side::Buy, 1, None)
        };
        books.working.push((btc.clone(), order));
        assert!(books.day(strategy.as_mut(), &btc, 0, "90000").is_empty());
        books.working.clear();
        let out = books.day(strategy.as_mut(), &btc, 1, "90000");
        assert_eq!(proposed(&out)[0].1, "buy 0.005555");
    }
}
