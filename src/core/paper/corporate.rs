//! Splits and dividends at the venue.

use jiff::Timestamp;
use jiff::civil::time;
use rust_decimal::Decimal;

use crate::domain::calendar::instant;
use crate::domain::corporate::{CorporateAction, CorporateActionKind};
use crate::domain::execution::{AccountEvent, CashEntry, CashKind, ExecutionKind};
use crate::domain::ids::ExecutionId;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity, round_to_cents};
use crate::domain::option::OptionContract;
use crate::domain::order::{OrderStatus, OrderType, Side};

use super::Venue;
use super::fills::LegFill;

impl Venue {
    /// A corporate action takes effect, before the first trade of its ex-date.
    pub fn corporate_action(&mut self, now: Timestamp, action: &CorporateAction) {
        self.now = self.now.max(now);
        match action.kind {
            CorporateActionKind::Split { numerator, denominator } if numerator > 0 && denominator > 0 => {
                self.split(&action.instrument, Decimal::from(numerator), Decimal::from(denominator));
            }
            CorporateActionKind::Split { .. } => {}
            CorporateActionKind::Dividend { amount } => self.dividend(action, amount),
        }
        self.schedule();
    }

    fn split(&mut self, instrument: &Instrument, numerator: Decimal, denominator: Decimal) {
        self.cancel_priced_orders(instrument);
        let held = self.books.quantity(instrument);
        let after = held.get() * numerator / denominator;
        let added = Quantity::new(after) - held;
        if !added.is_zero() {
            self.spread(instrument, added);
        }
        if let Some(quote) = self.quotes.get_mut(instrument) {
            let scale = |price: Option<Price>| price.map(|p| Price::new(p.get() * denominator / numerator));
            (quote.bid, quote.ask, quote.last) = (scale(quote.bid), scale(quote.ask), scale(quote.last));
        }
        if numerator % denominator == Decimal::ZERO {
            self.split_options(instrument, numerator / denominator);
        }
    }

    /// A whole-number split: contracts times the ratio, strikes over it.
    fn split_options(&mut self, instrument: &Instrument, ratio: Decimal) {
        let held: Vec<(OptionContract, Quantity, Price)> = self
            .books
            .holdings()
            .filter(|(option, _)| option.as_option().is_some_and(|_| option.price_driver() == *instrument))
            .filter_map(|(option, holding)| {
                Some((option.as_option()?.clone(), holding.quantity, holding.average_price()))
            })
            .collect();
        for (contract, quantity, cost) in held {
            let strike = Price::new(contract.strike.get() / ratio);
            let adjusted = OptionContract { strike, ..contract.clone() };
            let (out, back) =
                if quantity.is_positive() { (Side::Sell, Side::Buy) } else { (Side::Buy, Side::Sell) };
            let leg = |contract, side, quantity, price| LegFill {
                instrument: Instrument::Option(contract),
                side,
                quantity,
                price,
            };
            // Out at cost and in at the adjusted cost: no gain, no loss.
            self.outside_order(leg(contract, out, quantity.abs(), cost), ExecutionKind::CorporateAction);
            let (contracts, price) =
                (Quantity::new(quantity.abs().get() * ratio), Price::new(cost.get() / ratio));
            self.outside_order(leg(adjusted, back, contracts, price), ExecutionKind::CorporateAction);
        }
    }

    fn spread(&mut self, instrument: &Instrument, added: Quantity) {
        let side = if added.is_positive() { Side::Buy } else { Side::Sell };
        let leg = LegFill { instrument: instrument.clone(), side, quantity: added.abs(), price: Price::ZERO };
        self.outside_order(leg, ExecutionKind::CorporateAction);
    }

    fn cancel_priced_orders(&mut self, instrument: &Instrument) {
        let priced: Vec<u64> = self
            .orders
            .iter()
            .filter(|(_, order)| order.request.subject.instruments().any(|i| i.price_driver() == *instrument))
            .filter(|(_, order)| order.request.pricing.order_type() != OrderType::Market)
            .map(|(seq, _)| *seq)
            .collect();
        for seq in priced {
            self.end(seq, OrderStatus::Canceled, Some("the shares were split".to_owned()));
        }
    }

    /// Whoever holds at the close before the ex-date is paid; whoever is short pays.
    fn dividend(&mut self, action: &CorporateAction, amount: Price) {
        let held = self.books.quantity(&action.instrument);
        if held.is_zero() {
            return;
        }
        let currency = self.spec_or_standard(&action.instrument).currency;
        let number = self.next_execution;
        self.next_execution += 1;
        let at = action.pay_date.map_or(self.now, |day| instant(day, time(9, 0, 0, 0)).max(self.now));
        self.payable.push(CashEntry {
            id: ExecutionId::new(format!("d{number}")),
            account: self.config.account.clone(),
            kind: CashKind::Dividend,
            amount: round_to_cents(held.get() * amount.get()),
            currency,
            instrument: Some(action.instrument.clone()),
            at,
        });
        self.pay_dividends();
    }

    /// Credits what is due.
    pub(super) fn pay_dividends(&mut self) {
        let now = self.now;
        for entry in self.payable.extract_if(.., |entry| entry.at <= now) {
            self.books.apply_cash(&entry);
            self.events.push(AccountEvent::Cash(entry));
        }
    }
}
