//! What companies do to their shares, at the venue (strategies §11.4).

use jiff::Timestamp;
use jiff::civil::time;
use rust_decimal::Decimal;

use crate::domain::calendar::instant;
use crate::domain::corporate::{CorporateAction, CorporateActionKind, CorporateReport};
use crate::domain::execution::{AccountEvent, CashEntry, CashKind, ExecutionKind, Notice, OrderEvent};
use crate::domain::ids::ExecutionId;
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec, Symbol};
use crate::domain::money::{Price, Quantity, round_to_cents};
use crate::domain::option::OptionContract;
use crate::domain::order::{OrderRequest, OrderStatus, OrderType, Pricing, Side, TimeInForce};
use crate::domain::text::clean;

use super::Venue;
use super::fills::LegFill;

/// New shares for old ones.
#[derive(Clone, Copy)]
struct Ratio {
    numerator: Decimal,
    denominator: Decimal,
}

impl Ratio {
    fn quantity(self, before: Decimal) -> Decimal {
        before * self.numerator / self.denominator
    }

    fn price(self, before: Price) -> Price {
        Price::new(before.get() * self.denominator / self.numerator)
    }

    /// `n` for 1.
    fn whole(self) -> Option<Decimal> {
        let ratio = self.numerator.checked_div(self.denominator)?;
        (ratio.fract().is_zero() && ratio > Decimal::ONE).then_some(ratio)
    }
}

impl Venue {
    /// A corporate action takes effect, before the first trade of its ex-date.
    pub fn corporate_action(&mut self, now: Timestamp, action: &CorporateAction) {
        self.now = self.now.max(now);
        let instrument = &action.instrument;
        // Who has never asked after the shares need not hear of them.
        if self.specs.contains_key(instrument) {
            let report = CorporateReport {
                account: self.config.account.clone(),
                at: self.now,
                action: action.clone(),
            };
            self.events.push(AccountEvent::Corporate(Box::new(report)));
        }
        match &action.kind {
            CorporateActionKind::Split { numerator, denominator } if *numerator > 0 && *denominator > 0 => {
                let ratio = Ratio { numerator: (*numerator).into(), denominator: (*denominator).into() };
                self.split(instrument, ratio);
            }
            CorporateActionKind::Split { .. } => {}
            CorporateActionKind::Dividend { amount } => self.dividend(action, *amount),
            CorporateActionKind::SpecialDividend { amount } => {
                self.dividend(action, *amount);
                self.lower_strikes(instrument, *amount);
            }
            CorporateActionKind::SymbolChange { to } => self.rename(instrument, to),
            CorporateActionKind::CashMerger { amount } => self.merge(instrument, *amount),
            CorporateActionKind::Other { text } => {
                self.cancel_orders(
                    instrument,
                    "a corporate action that wants a decision of its holder",
                    |_| true,
                );
                self.frozen.insert(instrument.clone());
                self.tell_frozen(instrument, text);
            }
        }
        self.schedule();
    }

    fn split(&mut self, instrument: &Instrument, ratio: Ratio) {
        let kept = |adjust_gtc: bool, request: &OrderRequest| {
            let simple = request.subject.instrument() == Some(instrument);
            let adjusts = adjust_gtc
                && request.time_in_force == TimeInForce::Gtc
                && request.pricing.order_type() != OrderType::TrailingStop;
            simple && (adjusts || request.pricing.order_type() == OrderType::Market)
        };
        let adjust_gtc = self.config.adjust_gtc;
        self.cancel_orders(instrument, "the shares were split", |request| !kept(adjust_gtc, request));
        self.adjust_orders(instrument, ratio);
        let held = self.books.quantity(instrument);
        let after = ratio.quantity(held.get());
        let added = Quantity::new(after) - held;
        if !added.is_zero() {
            let side = if added.is_positive() { Side::Buy } else { Side::Sell };
            let leg =
                LegFill { instrument: instrument.clone(), side, quantity: added.abs(), price: Price::ZERO };
            self.outside_order(leg, ExecutionKind::CorporateAction);
        }
        // A fraction that the split made is paid; one that was held before is kept.
        let whole_before = held.get().fract().is_zero() && instrument.asset_class() == AssetClass::Equity;
        if whole_before && !after.fract().is_zero() {
            self.in_lieu.insert(instrument.clone());
        }
        if let Some(quote) = self.quotes.get_mut(instrument) {
            let scale = |price: Option<Price>| price.map(|p| ratio.price(p));
            (quote.bid, quote.ask, quote.last) = (scale(quote.bid), scale(quote.ask), scale(quote.last));
        }
        for (contract, quantity) in self.contracts_on(instrument) {
            match ratio.whole() {
                Some(times) => {
                    let strike = Price::new(contract.strike.get() / times);
                    let adjusted = OptionContract { strike, ..contract.clone() };
                    self.exchange(&contract, adjusted, quantity, times);
                }
                None => self.adjust_deliverable(&contract, quantity, ratio),
            }
        }
    }

    /// Orders that stay: as many shares as before, at prices of after.
    fn adjust_orders(&mut self, instrument: &Instrument, ratio: Ratio) {
        let seqs = self.by_instrument.get(instrument).cloned().unwrap_or_default();
        for seq in seqs {
            let tick_at = |venue: &mut Self, price: Price| venue.spec_or_standard(instrument).tick_at(price);
            let Some(order) = self.orders.get(&seq) else { continue };
            let (id, pricing) = (order.request.client_order_id, order.request.pricing);
            let mut leaves = ratio.quantity(order.leaves().get());
            if order.request.quantity.get().fract().is_zero() {
                leaves = leaves.floor();
            }
            let quantity = order.filled + Quantity::new(leaves);
            if leaves.is_zero() {
                self.end(seq, OrderStatus::Canceled, Some("the shares were split".to_owned()));
                continue;
            }
            let mut scale = |price: Price| {
                let price = ratio.price(price);
                let tick = tick_at(self, price);
                price.round_to_tick(tick)
            };
            let pricing = match pricing {
                Pricing::Limit { limit_price } => Pricing::Limit { limit_price: scale(limit_price) },
                Pricing::Stop { stop_price } => Pricing::Stop { stop_price: scale(stop_price) },
                Pricing::StopLimit { stop_price, limit_price } => {
                    Pricing::StopLimit { stop_price: scale(stop_price), limit_price: scale(limit_price) }
                }
                other => other,
            };
            if let Some(order) = self.orders.get_mut(&seq) {
                (order.request.quantity, order.request.pricing) = (quantity, pricing);
            }
            self.report(id, self.now, OrderEvent::Restated { quantity, pricing });
        }
    }

    /// Pays the fraction of a share that a split left, at the first price after it.
    pub(super) fn pay_in_lieu(&mut self, instrument: &Instrument, price: Price) {
        if !price.is_positive() || !self.in_lieu.remove(instrument) {
            return;
        }
        let held = self.books.quantity(instrument);
        let fraction = Quantity::new(held.get().fract()).abs();
        if fraction.is_positive() {
            let side = if held.is_positive() { Side::Sell } else { Side::Buy };
            let leg = LegFill { instrument: instrument.clone(), side, quantity: fraction, price };
            self.outside_order(leg, ExecutionKind::CorporateAction);
            self.schedule();
        }
    }

    /// Held contracts on an instrument, signed.
    fn contracts_on(&self, instrument: &Instrument) -> Vec<(OptionContract, Quantity)> {
        self.options()
            .filter(|(contract, _)| Instrument::Option((*contract).clone()).price_driver() == *instrument)
            .map(|(contract, quantity)| (contract.clone(), quantity))
            .collect()
    }

    /// One contract becomes `times` of another. Out at cost and in at the adjusted cost: no gain, no loss.
    fn exchange(&mut self, old: &OptionContract, new: OptionContract, quantity: Quantity, times: Decimal) {
        if *old == new {
            return;
        }
        let instrument = Instrument::Option(old.clone());
        let holding = self.books.holding(&instrument);
        let (cost, mark) =
            holding.map_or((Price::ZERO, None), |holding| (holding.average_price(), holding.mark()));
        self.swap(&instrument, &Instrument::Option(new.clone()), quantity, times, cost);
        if let Some(mark) = mark {
            self.books.mark(&Instrument::Option(new), Price::new(mark.get() / times));
        }
    }

    pub(super) fn swap(
        &mut self,
        old: &Instrument,
        new: &Instrument,
        held: Quantity,
        times: Decimal,
        cost: Price,
    ) {
        let (out, back) = if held.is_positive() { (Side::Sell, Side::Buy) } else { (Side::Buy, Side::Sell) };
        let leg = |instrument: &Instrument, side, quantity, price| LegFill {
            instrument: instrument.clone(),
            side,
            quantity,
            price,
        };
        self.outside_order(leg(old, out, held.abs(), cost), ExecutionKind::CorporateAction);
        let (units, price) = (Quantity::new(held.abs().get() * times), Price::new(cost.get() / times));
        self.outside_order(leg(new, back, units, price), ExecutionKind::CorporateAction);
    }

    /// Any other split: strike and multiplier stay, the deliverable changes, and the root gets a digit.
    fn adjust_deliverable(&mut self, contract: &OptionContract, quantity: Quantity, ratio: Ratio) {
        let Some(root) = next_root(contract) else { return };
        let adjusted = OptionContract { root: Some(root), ..contract.clone() };
        let before = self.spec_or_standard(&Instrument::Option(contract.clone())).clone();
        let spec = InstrumentSpec {
            instrument: Instrument::Option(adjusted.clone()),
            deliverable: ratio.quantity(before.deliverable),
            adjusted: true,
            ..before
        };
        self.adjusted.push(spec.clone());
        self.set_spec(spec);
        self.exchange(contract, adjusted, quantity, Decimal::ONE);
    }

    fn lower_strikes(&mut self, instrument: &Instrument, amount: Price) {
        for (contract, quantity) in self.contracts_on(instrument) {
            let strike = contract.strike - amount;
            if strike.is_positive() {
                let adjusted = OptionContract { strike, ..contract.clone() };
                self.exchange(&contract, adjusted, quantity, Decimal::ONE);
            }
        }
    }

    /// Whoever holds what is frozen hears of it: nothing else would tell before the next order is refused.
    fn tell_frozen(&mut self, instrument: &Instrument, what: &str) {
        let held = self.books.holdings().filter(|(it, _)| it.price_driver() == *instrument);
        let held: Vec<String> = held.map(|(it, holding)| format!("{} {it}", holding.quantity)).collect();
        if held.is_empty() {
            return;
        }
        let text = format!("frozen by a corporate action ({}): {}", clean(what), held.join(", "));
        let (account, at) = (self.config.account.clone(), self.now);
        self.events.push(AccountEvent::Notice(Notice { account, code: "POSITION_FROZEN".into(), text, at }));
    }

    /// Shares become money, options what they are worth at it.
    fn merge(&mut self, instrument: &Instrument, amount: Price) {
        self.cancel_orders(instrument, "the company was bought", |_| true);
        for (contract, quantity) in self.contracts_on(instrument) {
            let value = self.intrinsic(&contract, amount);
            let kind =
                if value.is_zero() { ExecutionKind::Expiration } else { ExecutionKind::CorporateAction };
            self.close_option(&contract, quantity, value, kind);
        }
        let held = self.books.quantity(instrument);
        if !held.is_zero() {
            let side = if held.is_positive() { Side::Sell } else { Side::Buy };
            let leg = LegFill { instrument: instrument.clone(), side, quantity: held.abs(), price: amount };
            self.outside_order(leg, ExecutionKind::CorporateAction);
        }
        self.frozen.insert(instrument.clone());
    }

    /// Cancels orders on the instrument and its options.
    fn cancel_orders(&mut self, instrument: &Instrument, why: &str, which: impl Fn(&OrderRequest) -> bool) {
        let gone: Vec<u64> = self
            .orders
            .iter()
            .filter(|(_, order)| order.request.subject.instruments().any(|i| i.price_driver() == *instrument))
            .filter(|(_, order)| which(&order.request))
            .map(|(seq, _)| *seq)
            .collect();
        for seq in gone {
            self.end(seq, OrderStatus::Canceled, Some(why.to_owned()));
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

/// The root with its next digit (`AAPL`, `AAPL1`, `AAPL2`); `None` after 9.
fn next_root(contract: &OptionContract) -> Option<Symbol> {
    let root = contract.root.as_ref().unwrap_or(&contract.underlying).as_str();
    let name = root.trim_end_matches(|c: char| c.is_ascii_digit());
    let digit = root[name.len()..].parse::<u8>().unwrap_or_default() + 1;
    (digit <= 9).then(|| Symbol::new(&format!("{name}{digit}")).ok()).flatten()
}
