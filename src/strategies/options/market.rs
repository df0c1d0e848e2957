//! What one can trade at: fresh markets of contracts and packages, price steps, and the worst prices that working orders may walk to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::chain::{Chain, ChainRow};
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::Price;
use crate::domain::option::OptionContract;
use crate::domain::order::{Order, OrderChange, OrderStatus, OrderSubject};
use crate::domain::quote::Quote;
use crate::quant::contracts::{QUOTE_AGE_MAX, is_adjusted};
use crate::quant::number::to_f64;
use crate::strategies::{Books, Decision, Output};

use super::ladder::{self, Ladder, Market, Step};
use super::{SHARES, tick};

/// Ticks of a class whose broker refused cents: 0.05 below 3.00, 0.10 from there.
const NICKEL: Decimal = Decimal::from_parts(5, 0, 0, false, 2);
const DIME: Decimal = Decimal::from_parts(10, 0, 0, false, 2);
/// Words of brokers that refuse a price between two ticks.
const TICK_WORDS: [&str; 4] = ["tick", "increment", "nickel", "price variation"];

/// Why an underlying cannot be acted on now, with the numbers compared.
pub(in crate::strategies) type Closed = (&'static str, Vec<(&'static str, f64)>);

/// The price of the shares, where something may be decided by it.
pub(in crate::strategies) fn share_price(
    books: &dyn Books,
    share: &Instrument,
    now: Timestamp,
) -> Result<Price, Closed> {
    if books.standing().halted {
        return Err(("HALTED", Vec::new()));
    }
    let quote = books.quote(share).ok_or(("STALE", Vec::new()))?;
    if quote.halted {
        return Err(("HALTED", Vec::new()));
    }
    let age = now.duration_since(quote.as_of);
    let price = two_sided(quote).then(|| quote.mark()).flatten().filter(|_| age <= QUOTE_AGE_MAX);
    price.ok_or_else(|| ("STALE", vec![("age_s", age.as_secs_f64())]))
}

/// Both sides are there and not crossed.
fn two_sided(quote: &Quote) -> bool {
    quote.bid.zip(quote.ask).is_some_and(|(bid, ask)| bid.is_positive() && ask >= bid)
}

/// A contract's row of a chain.
pub(in crate::strategies) fn row_of<'a>(chain: &'a Chain, contract: &OptionContract) -> Option<&'a ChainRow> {
    chain.rows.iter().find(|row| row.contract == *contract)
}

/// A contract's prices, fresh and not crossed: of the stream, else of the chain. What is worthless has an offer and no bid.
pub(in crate::strategies) fn prices(
    books: &dyn Books,
    chain: &Chain,
    contract: &OptionContract,
    now: Timestamp,
) -> Option<(Price, Price)> {
    let streamed = books.quote(&Instrument::Option(contract.clone()));
    let usable = |quote: &Quote| usable(quote, now).filter(|(_, ask)| ask.is_positive());
    streamed.and_then(usable).or_else(|| row_of(chain, contract).and_then(|row| usable(&row.quote)))
}

fn usable(quote: &Quote, now: Timestamp) -> Option<(Price, Price)> {
    let fresh = now.duration_since(quote.as_of) <= QUOTE_AGE_MAX && !quote.halted;
    let (bid, ask) = (quote.bid.unwrap_or_default(), quote.ask?);
    (fresh && ask >= bid).then_some((bid, ask))
}

/// The middle of a market.
pub(in crate::strategies) fn middle((bid, ask): (Price, Price)) -> Price {
    Price::new((bid.get() + ask.get()) / Decimal::TWO)
}

/// Shares that a contract delivers, as its venue says.
pub(in crate::strategies) fn delivers(books: &dyn Books, contract: &OptionContract) -> Decimal {
    let spec = books.spec(&Instrument::Option(contract.clone()));
    let usual = if is_adjusted(contract) { Decimal::ZERO } else { SHARES };
    spec.map_or(if usual.is_zero() { SHARES } else { usual }, |spec| spec.deliverable)
}

/// The market of a working order as its side sees it; net of the legs for a package, per share.
fn market_of(books: &dyn Books, subject: &OrderSubject, buys: bool, now: Timestamp) -> Option<Market> {
    let prices = |instrument: &Instrument| usable(books.quote(instrument)?, now);
    let side = |buys: bool, (bid, ask): (Price, Price)| if buys { ask } else { bid };
    match subject {
        OrderSubject::Instrument(instrument) => {
            let prices = prices(instrument)?;
            Some(Market { mid: middle(prices), natural: side(buys, prices) })
        }
        OrderSubject::Legs(legs) => {
            let (mut mid, mut natural) = (Price::ZERO, Price::ZERO);
            for leg in legs {
                let prices = prices(&leg.instrument)?;
                let unit = if leg.instrument.as_option().is_some() { Decimal::ONE } else { SHARES };
                let weight = leg.side.sign() * leg.ratio / unit;
                mid += middle(prices) * weight;
                natural += side(leg.side.is_buy(), prices) * weight;
            }
            Some(Market { mid, natural })
        }
    }
}

/// What a traded thing is remembered by.
fn subject_key(subject: &OrderSubject) -> String {
    let keys: Vec<String> = subject.instruments().map(Instrument::key).collect();
    keys.join(" / ")
}

/// What is remembered of prices: the worst of what is being traded, and a class that goes in nickels and dimes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::strategies) struct Limits {
    /// Worst price of what is being traded, by instrument or package.
    worst: BTreeMap<String, Price>,
    /// Prices of this class go in nickels and dimes, as a broker said.
    wide_ticks: bool,
}

impl Limits {
    /// Remembers the worst price of what is proposed.
    pub(in crate::strategies) fn remember(&mut self, subject: &OrderSubject, worst: Price) {
        self.worst.insert(subject_key(subject), worst);
    }

    /// The price step of an option, wide where a broker has said so.
    pub(in crate::strategies) fn tick(
        &self,
        books: &dyn Books,
        instrument: &Instrument,
        price: Price,
    ) -> Decimal {
        let usual = tick(books, instrument, price);
        if !self.wide_ticks || instrument.as_option().is_none() {
            return usual;
        }
        usual.max(if price >= Price::from(3) { DIME } else { NICKEL })
    }

    /// An order has ended: it is forgotten, but for one that goes on as another, and a refusal because of its tick is learnt from.
    pub(in crate::strategies) fn ended(&mut self, order: &Order) {
        if order.status == OrderStatus::Replaced {
            return;
        }
        self.worst.remove(&subject_key(&order.request.subject));
        let words = order.reason.as_deref().unwrap_or_default().to_ascii_lowercase();
        let of_ticks = TICK_WORDS.iter().any(|word| words.contains(word));
        self.wide_ticks |= order.status == OrderStatus::Rejected && of_ticks;
    }

    /// Moves or ends the working orders in an underlying.
    pub(in crate::strategies) fn step(
        &self,
        steps: Ladder,
        books: &dyn Books,
        symbol: &Symbol,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        for order in books.working_on(symbol) {
            let worst = self.worst.get(&subject_key(&order.subject)).copied();
            let market = market_of(books, &order.subject, order.side.is_buy(), now);
            let tick = match &order.subject {
                OrderSubject::Instrument(of) => self.tick(books, of, order.limit_price.unwrap_or_default()),
                OrderSubject::Legs(_) => Decimal::new(1, 2),
            };
            let instrument = || order.subject.instruments().next().cloned();
            match ladder::next(steps, &order, market, worst, tick, now) {
                Step::Move(limit) if books.standing().replace => {
                    let from = order.limit_price.map_or(f64::NAN, |price| to_f64(price.get()));
                    let values = vec![("from", from), ("to", to_f64(limit.get()))];
                    let change = OrderChange { limit_price: Some(limit), ..OrderChange::default() };
                    let decision = Decision::new("LADDER_STEP", instrument(), values);
                    out.push(Output::Replace(order.id, change, decision));
                }
                Step::Wait | Step::Move(_) => {}
                Step::End => {
                    out.push(Output::Cancel(order.id));
                    let left = vec![("left", to_f64(order.leaves.get()))];
                    out.push(Output::Decision(Decision::skip("LADDER_END", instrument(), left)));
                }
            }
        }
    }
}
