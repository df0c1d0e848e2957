//! What an order costs and what it holds back.

use std::hash::{Hash, Hasher};

use rust_decimal::Decimal;

use crate::core::book::{Line, WorkingOrders, is_plain};
use crate::core::lifecycle::package_multiplier;
use crate::core::portfolio::{Portfolio, option_strategy_margin};
use crate::domain::account::AccountKind;
use crate::domain::fees::FeeTable;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::{Currency, Price, Quantity, times};
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::{Order, OrderRequest, OrderSubject, Pricing};

use super::rates::rate;
use super::view::{MarketView, RiskView};

/// What an order would cost. Money is in the account's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CostEstimate {
    /// Price per unit it reckons with, in the instrument's currency; absent when nothing is known.
    pub price: Option<Price>,
    /// The instrument's currency, where no rate turns it into the account's; the money below is zero then, and means nothing.
    pub unrated: Option<Currency>,
    /// Cash that leaves (positive) or comes (negative), without fees.
    pub cost: Decimal,
    /// Fees, positive.
    pub fees: Decimal,
    /// What it takes off the buying power while it works and once it fills, fees included; zero when it only reduces.
    pub buying_power: Decimal,
}

impl CostEstimate {
    /// The same with its money, so far in an instrument's currency, turned into the account's.
    fn in_account_currency(
        self,
        portfolio: &Portfolio,
        market: &dyn MarketView,
        currency: Option<Currency>,
    ) -> Self {
        let account = portfolio.terms().currency;
        let Some(currency) = currency.filter(|currency| *currency != account) else { return self };
        match rate(portfolio, market, currency) {
            Some(rate) => Self {
                cost: self.cost.saturating_mul(rate),
                fees: self.fees.saturating_mul(rate),
                buying_power: self.buying_power.saturating_mul(rate),
                ..self
            },
            None => Self { price: self.price, unrated: Some(currency), ..Self::default() },
        }
    }
}

/// Reckons an order of `quantity` units: limits at their limit, stops at their trigger, the rest at the market's far side.
#[must_use]
pub fn estimate(
    portfolio: &Portfolio,
    market: &dyn MarketView,
    fees: &FeeTable,
    request: &OrderRequest,
    quantity: Quantity,
) -> CostEstimate {
    match &request.subject {
        OrderSubject::Instrument(instrument) => {
            let held = portfolio.quantity(instrument);
            single(portfolio, market, fees, (request, instrument), held, quantity)
        }
        OrderSubject::Legs(_) => package(portfolio, market, fees, request, quantity),
    }
}

/// The same for an order that finds only `held` left to close.
pub(super) fn estimate_beyond(
    view: &RiskView<'_>,
    request: &OrderRequest,
    instrument: &Instrument,
    held: Quantity,
) -> CostEstimate {
    single(view.portfolio, view.market, view.fees, (request, instrument), held, request.quantity)
}

/// Buying power that working orders hold back together. Those that close share what is held: what they would sell beyond it opens, and
/// needs money like any other (two sales of all of a position make a short one). For orders that no book keeps by instrument; in any order.
#[must_use]
pub fn reserved<'a>(
    portfolio: &Portfolio,
    market: &dyn MarketView,
    fees: &FeeTable,
    orders: impl Iterator<Item = (&'a OrderRequest, Quantity)>,
) -> Decimal {
    let mut sum = Decimal::ZERO;
    let mut singles = Vec::with_capacity(orders.size_hint().0);
    for (request, leaves) in orders.filter(|(request, _)| is_plain(request)) {
        match &request.subject {
            OrderSubject::Instrument(instrument) => {
                singles.push((mixed(instrument), instrument, (request, leaves)));
            }
            OrderSubject::Legs(_) => sum += estimate(portfolio, market, fees, request, leaves).buying_power,
        }
    }
    // Equal instruments must stand together, in whatever order: a number compares faster than a symbol.
    singles.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1)));
    let mut group = Vec::new();
    let uncovers = may_uncover(portfolio);
    for of_one in singles.chunk_by(|a, b| a.0 == b.0 && a.1 == b.1) {
        let instrument = of_one[0].1;
        let held = portfolio.quantity(instrument);
        let mut line = Line::default();
        of_one.iter().for_each(|(_, _, (request, leaves))| line.count_in(request, leaves.get()));
        if line.only_closes(held.get()) && !uncovers {
            continue;
        }
        group.clear();
        group.extend(of_one.iter().map(|single| single.2));
        sum += reserved_in(portfolio, market, fees, (instrument, held), &mut group, uncovers);
    }
    sum
}

/// The same for the orders of a book, which are not gone through where they only close: most of them are exits.
#[must_use]
pub fn reserved_by(
    portfolio: &Portfolio,
    market: &dyn MarketView,
    fees: &FeeTable,
    orders: WorkingOrders<'_>,
) -> Decimal {
    let mut sum = Decimal::ZERO;
    for order in orders.packages().filter(|order| is_plain(&order.request)) {
        sum += estimate(portfolio, market, fees, &order.request, order.leaves_quantity()).buying_power;
    }
    let mut group = Vec::new();
    let uncovers = may_uncover(portfolio);
    for (instrument, line, held) in along(portfolio, orders.lines()) {
        if line.only_closes(held) && !uncovers {
            continue;
        }
        let plain = |order: &&Order| is_plain(&order.request) && order.request.subject.instrument().is_some();
        let of_one = orders.naming(instrument).filter(plain);
        group.clear();
        group.extend(of_one.map(|order| (&order.request, order.leaves_quantity())));
        sum += reserved_in(portfolio, market, fees, (instrument, Quantity::new(held)), &mut group, uncovers);
    }
    sum
}

/// Lines with the signed units that are held of each. Both are sorted by instrument: they are gone through side by side.
pub(super) fn along<'a>(
    portfolio: &'a Portfolio,
    lines: impl Iterator<Item = (&'a Instrument, &'a Line)>,
) -> impl Iterator<Item = (&'a Instrument, &'a Line, Decimal)> {
    let mut holdings = portfolio.holdings().peekable();
    lines.map(move |(instrument, line)| {
        while holdings.next_if(|(held, _)| *held < instrument).is_some() {}
        let held = holdings.peek().filter(|(held, _)| *held == instrument);
        (instrument, line, held.map_or(Decimal::ZERO, |(_, holding)| holding.quantity.get()))
    })
}

/// Buying power held back by orders in one instrument, which share what is held of it, and of which sales may uncover calls. Sorts them by side and age.
fn reserved_in(
    portfolio: &Portfolio,
    market: &dyn MarketView,
    fees: &FeeTable,
    (instrument, held): (&Instrument, Quantity),
    orders: &mut [(&OrderRequest, Quantity)],
    uncovers: bool,
) -> Decimal {
    let mut sum = Decimal::ZERO;
    orders.sort_unstable_by_key(|(request, _)| (request.side.is_buy(), request.client_order_id));
    for of_side in orders.chunk_by(|a, b| a.0.side.is_buy() == b.0.side.is_buy()) {
        let buy = of_side[0].0.side.is_buy();
        let mut left = held;
        for (n, (request, leaves)) in of_side.iter().enumerate() {
            // Of orders of which one cancels the other only one can take from the position.
            let alternative = request.contingency.oco_group.is_some()
                && of_side[..n].iter().any(|o| o.0.contingency.oco_group == request.contingency.oco_group);
            let before = if alternative { held } else { left };
            if !opening_part(before, buy, *leaves).is_zero() || (uncovers && !buy) {
                sum += single(portfolio, market, fees, (request, instrument), before, *leaves).buying_power;
            }
            if !alternative {
                left = after_closing(left, buy, *leaves);
            }
        }
    }
    sum
}

/// A number that is the same for the same instrument, and rarely for others.
fn mixed(instrument: &Instrument) -> u64 {
    struct Mixer(u64);
    impl Hasher for Mixer {
        fn write(&mut self, bytes: &[u8]) {
            for chunk in bytes.chunks(8) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                self.0 =
                    (self.0.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517c_c1b7_2722_0a95);
            }
        }
        fn finish(&self) -> u64 {
            self.0
        }
    }
    let mut mixer = Mixer(0);
    instrument.hash(&mut mixer);
    mixer.finish()
}

/// What is left to close once an order has closed all it can.
pub(super) fn after_closing(held: Quantity, buy: bool, quantity: Quantity) -> Quantity {
    if held.is_zero() || held.is_positive() == buy {
        return held;
    }
    let left = (held.abs() - quantity).get().max(Decimal::ZERO);
    Quantity::new(if held.is_negative() { -left } else { left })
}

fn market_price(market: &dyn MarketView, instrument: &Instrument, buy: bool) -> Option<Price> {
    let quote = market.quote(instrument)?;
    if buy { quote.ask } else { quote.bid }.or_else(|| quote.mark())
}

fn single(
    portfolio: &Portfolio,
    market: &dyn MarketView,
    fees: &FeeTable,
    (request, instrument): (&OrderRequest, &Instrument),
    held: Quantity,
    quantity: Quantity,
) -> CostEstimate {
    let buy = request.side.is_buy();
    let now = market_price(market, instrument, buy);
    let price = match request.pricing {
        // A marketable limit fills at the market, but holds its limit back.
        Pricing::Limit { limit_price }
        | Pricing::StopLimit { limit_price, .. }
        | Pricing::Oco { limit_price, .. } => Some(limit_price),
        Pricing::Twap(slices) => slices.limit_price.or(now),
        Pricing::Stop { stop_price } => Some(stop_price),
        Pricing::Market | Pricing::TrailingStop { .. } => now,
    };
    let Some(price) = price else { return CostEstimate::default() };
    let spec = market.spec(instrument);
    let multiplier = spec.map_or(Decimal::ONE, |spec| spec.multiplier);
    let value = times(price.get() * quantity.get(), multiplier);
    let fee = fees.fee(instrument.asset_class(), quantity, price, true);
    let cost = if buy { value } else { -value };
    let opening = opening_part(held, buy, quantity);
    let share = match opening {
        _ if quantity.is_zero() => Decimal::ZERO,
        all if all == quantity => Decimal::ONE,
        some => some.get() / quantity.get(),
    };
    let margin = portfolio.terms().kind == AccountKind::Margin;
    let need = if opening.is_zero() {
        Decimal::ZERO
    } else {
        match (instrument, buy) {
            (Instrument::Option(contract), false) => {
                // A cash account puts the premium towards the strike; a margin account's margin stands beside it.
                let premium = if margin { Decimal::ZERO } else { value * share };
                short_option_need(portfolio, market, contract, opening) - premium + fee
            }
            _ => times(value.abs(), share) * weight(instrument.asset_class(), margin) + fee,
        }
    };
    let uncovering = uncovering_need(portfolio, market, (instrument, held), value, (quantity, buy));
    let buying_power = need.max(Decimal::ZERO) + uncovering;
    CostEstimate { price: Some(price), unrated: None, cost, fees: fee, buying_power }.in_account_currency(
        portfolio,
        market,
        spec.map(|spec| spec.currency),
    )
}

/// Buying power per money of value. A margin account's buying power is twice its free equity: shares take half of their value
/// as margin, what must be paid in full takes twice its value.
fn weight(class: AssetClass, margin: bool) -> Decimal {
    match (class, margin) {
        (_, false) | (AssetClass::Equity, true) => Decimal::ONE,
        (AssetClass::Fx, true) => Decimal::new(10, 2),
        (AssetClass::Perpetual, true) => Decimal::new(40, 2),
        (_, true) => Decimal::TWO,
    }
}

/// The part of an order that opens, beyond what it closes.
pub(super) fn opening_part(held: Quantity, buy: bool, quantity: Quantity) -> Quantity {
    let closes = if held.is_zero() || held.is_positive() == buy { Quantity::ZERO } else { held.abs() };
    if quantity > closes { quantity - closes } else { Quantity::ZERO }
}

/// The options level that may write uncovered.
const UNCOVERED_LEVEL: u8 = 4;

/// Can selling shares leave short calls naked here: the account may write them so, and has written some.
fn may_uncover(portfolio: &Portfolio) -> bool {
    let terms = portfolio.terms();
    terms.options_level >= UNCOVERED_LEVEL
        && terms.kind == AccountKind::Margin
        && portfolio.holdings().any(|(instrument, holding)| {
            holding.quantity.is_negative()
                && matches!(instrument, Instrument::Option(contract) if contract.right == Right::Call)
        })
}

/// Buying power that a sale of shares takes by leaving short calls naked, beyond what the shares themselves give back: their margin is half
/// of their value, and buying power counts twice. One share may be what covers a whole contract.
fn uncovering_need(
    portfolio: &Portfolio,
    market: &dyn MarketView,
    (instrument, held): (&Instrument, Quantity),
    value: Decimal,
    (quantity, buy): (Quantity, bool),
) -> Decimal {
    let Instrument::Equity { symbol } = instrument else { return Decimal::ZERO };
    if buy || !held.is_positive() || !quantity.is_positive() || !may_uncover(portfolio) {
        return Decimal::ZERO;
    }
    let spot = market.quote(instrument).and_then(crate::domain::quote::Quote::mark);
    let legs: Vec<(&OptionContract, Quantity, Price)> = portfolio
        .holdings()
        .filter_map(|(held, holding)| Some((held.as_option()?, holding.quantity, Price::ZERO)))
        .filter(|(contract, _, _)| contract.underlying == *symbol)
        .collect();
    let closing = quantity.min(held);
    let margin = |shares: Quantity| option_strategy_margin(&legs, shares, spot);
    let more = (margin(held - closing) - margin(held)) * Decimal::TWO;
    let given_back = value * closing.get() / quantity.get();
    (more - given_back).max(Decimal::ZERO)
}

/// Buying power that writing contracts takes, before the premium that comes in.
fn short_option_need(
    portfolio: &Portfolio,
    market: &dyn MarketView,
    contract: &OptionContract,
    contracts: Quantity,
) -> Decimal {
    let share = Instrument::Equity { symbol: contract.underlying.clone() };
    if portfolio.terms().kind == AccountKind::Cash {
        return match contract.right {
            Right::Put => contract.strike.get() * contracts.get() * Decimal::ONE_HUNDRED,
            // Covered or not is a check of its own.
            Right::Call => Decimal::ZERO,
        };
    }
    let spot = market.quote(&share).and_then(crate::domain::quote::Quote::mark);
    let mut legs: Vec<(&OptionContract, Quantity, Price)> = Vec::new();
    for (instrument, holding) in portfolio.holdings() {
        if let Instrument::Option(held) = instrument
            && held.underlying == contract.underlying
        {
            legs.push((held, holding.quantity, Price::ZERO));
        }
    }
    let shares = portfolio.quantity(&share);
    let before = option_strategy_margin(&legs, shares, spot);
    legs.push((contract, -contracts, Price::ZERO));
    (option_strategy_margin(&legs, shares, spot) - before) * Decimal::TWO
}

fn package(
    portfolio: &Portfolio,
    market: &dyn MarketView,
    fees: &FeeTable,
    request: &OrderRequest,
    quantity: Quantity,
) -> CostEstimate {
    let OrderSubject::Legs(legs) = &request.subject else { return CostEstimate::default() };
    let multiplier = package_multiplier(&request.subject);
    let mut natural = Some(Decimal::ZERO);
    let mut fee = Decimal::ZERO;
    for leg in legs {
        let units = Quantity::new(leg.ratio * quantity.get());
        let price = market_price(market, &leg.instrument, leg.side.is_buy());
        let leg_multiplier = market.spec(&leg.instrument).map_or(Decimal::ONE, |spec| spec.multiplier);
        natural = natural
            .zip(price)
            .map(|(sum, p)| sum + leg.side.sign() * p.get() * leg.ratio * leg_multiplier / multiplier);
        fee += fees.fee(leg.instrument.asset_class(), units, price.unwrap_or_default(), true);
    }
    // Net price of the package as bought leg by leg: positive costs money. A limit is said on the package's own side.
    let net = match request.pricing.limit_price() {
        Some(limit) => Some(limit.get() * request.side.sign()),
        None => natural,
    };
    let Some(net) = net else { return CostEstimate { fees: fee, ..CostEstimate::default() } };
    let cost = net * quantity.get() * multiplier;
    let margin = portfolio.terms().kind == AccountKind::Margin;
    let before = package_margin(portfolio, market, &[]);
    let added: Vec<(&Instrument, Quantity)> = legs
        .iter()
        .map(|leg| (&leg.instrument, Quantity::new(leg.ratio * quantity.get() * leg.side.sign())))
        .collect();
    let risk = (package_margin(portfolio, market, &added) - before).max(Decimal::ZERO);
    let factor = if margin { Decimal::TWO } else { Decimal::ONE };
    let buying_power = ((risk + cost) * factor + fee).max(Decimal::ZERO);
    let price = Some(Price::new(net * request.side.sign()));
    let currency = legs.first().and_then(|leg| market.spec(&leg.instrument)).map(|spec| spec.currency);
    CostEstimate { price, unrated: None, cost, fees: fee, buying_power }
        .in_account_currency(portfolio, market, currency)
}

/// Margin of all options of the packages' underlyings, with these units added.
fn package_margin(
    portfolio: &Portfolio,
    market: &dyn MarketView,
    added: &[(&Instrument, Quantity)],
) -> Decimal {
    use std::collections::BTreeMap;
    let mut options: BTreeMap<OptionContract, Quantity> = BTreeMap::new();
    let mut shares: BTreeMap<Instrument, Quantity> = BTreeMap::new();
    let held = portfolio.holdings().map(|(instrument, holding)| (instrument, holding.quantity));
    for (instrument, quantity) in held.chain(added.iter().copied()) {
        match instrument {
            Instrument::Option(contract) => *options.entry(contract.clone()).or_default() += quantity,
            other => *shares.entry(other.clone()).or_default() += quantity,
        }
    }
    let mut by_underlying: BTreeMap<Instrument, Vec<(&OptionContract, Quantity, Price)>> = BTreeMap::new();
    for (contract, quantity) in &options {
        let share = Instrument::Equity { symbol: contract.underlying.clone() };
        by_underlying.entry(share).or_default().push((contract, *quantity, Price::ZERO));
    }
    by_underlying
        .iter()
        .map(|(share, legs)| {
            let spot = market.quote(share).and_then(crate::domain::quote::Quote::mark);
            option_strategy_margin(legs, shares.get(share).copied().unwrap_or_default(), spot)
        })
        .sum()
}
