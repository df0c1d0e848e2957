//! Margin of positions: Regulation T for shares, strategy pairing for options.
//! Source: FINRA rule 4210, Cboe margin manual; strategies §11.5.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::domain::instrument::{AssetClass, Instrument, Symbol};
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{OptionContract, Right};

use super::{Holding, Portfolio};

/// What positions need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarginNeed {
    /// To open them.
    pub initial: Decimal,
    /// To keep them.
    pub maintenance: Decimal,
    /// Cash that short puts hold in a cash account: the whole strike.
    pub secured: Decimal,
}

/// Values and margin as the positions are gone through.
#[derive(Default)]
pub(super) struct PositionSums<'a> {
    /// Signed values in the account's currency, by asset class and whether sold short: few, and each position costs one addition.
    values: Vec<((AssetClass, bool), Decimal)>,
    options: BTreeMap<&'a Symbol, Vec<(&'a OptionContract, Quantity, Price)>>,
}

impl<'a> PositionSums<'a> {
    /// One position, with its value in the account's currency.
    pub(super) fn add(&mut self, instrument: &'a Instrument, holding: &Holding, value: Decimal) {
        if let Instrument::Option(contract) = instrument {
            let mark = holding.mark.unwrap_or_else(|| holding.average_price());
            let legs = self.options.entry(&contract.underlying).or_default();
            legs.push((contract, holding.quantity, mark));
        }
        let kind = (instrument.asset_class(), holding.quantity.is_negative());
        match self.values.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, sum)) => *sum += value,
            None => self.values.push((kind, value)),
        }
    }

    /// Values of what is held and of what is sold short, the latter negative.
    pub(super) fn long_and_short(&self) -> (Decimal, Decimal) {
        self.values.iter().fold((Decimal::ZERO, Decimal::ZERO), |(long, short), ((_, is_short), value)| {
            if *is_short { (long, short + value) } else { (long + value, short) }
        })
    }

    /// What all of them need, options paired with each other and with shares.
    pub(super) fn finish(self, books: &Portfolio) -> MarginNeed {
        let mut need = MarginNeed::default();
        for ((class, short), value) in self.values {
            if class != AssetClass::Option {
                let rates = rates(class, short);
                need.initial += value.abs() * Decimal::new(rates.initial, 2);
                need.maintenance += value.abs() * Decimal::new(rates.maintenance, 2);
            }
        }
        for (underlying, legs) in self.options {
            let share = books.holding(&Instrument::Equity { symbol: underlying.clone() });
            let shares = share.map(|holding| holding.quantity).unwrap_or_default();
            let options = option_strategy(&legs, shares, share.and_then(|holding| holding.mark));
            // Options lend nothing: what net liquidation counts for them is no collateral, be it a premium paid or a spread's value.
            let options = (options.margin + options.value).max(Decimal::ZERO);
            need.initial += options;
            need.maintenance += options;
            need.secured += secured_by_cash(&legs);
        }
        need
    }
}

/// Margin of a position without options, in per cent of its value.
struct Rates {
    initial: i64,
    maintenance: i64,
}

const fn rates(class: AssetClass, short: bool) -> Rates {
    let (initial, maintenance) = match class {
        // A short sale brings its proceeds in as cash: 150 % at first and 130 % later are 50 % and 30 % beyond them, on top of the
        // 100 % that stands against the short value itself. Net liquidation has taken that 100 % off already.
        AssetClass::Equity if short => (50, 30),
        AssetClass::Equity => (50, 25),
        AssetClass::Fx => (5, 3),
        AssetClass::Perpetual => (20, 10),
        // Coins are paid in full.
        _ => (100, 100),
    };
    Rates { initial, maintenance }
}

/// Cash that secures all short puts of these options (signed quantities): the strikes, those of a spread less the width they are protected
/// by. Contracts of one underlying stand together, in any order.
pub fn cash_securing_puts<'a>(options: impl Iterator<Item = (&'a OptionContract, Quantity)>) -> Decimal {
    let puts = options.filter(|(contract, quantity)| contract.right == Right::Put && !quantity.is_zero());
    let mut legs: Vec<_> = puts.map(|(contract, quantity)| (contract, quantity, Price::ZERO)).collect();
    if !legs.iter().any(|(_, quantity, _)| quantity.is_negative()) {
        return Decimal::ZERO;
    }
    legs.sort_by(|a, b| a.0.cmp(b.0));
    legs.chunk_by(|a, b| a.0.underlying == b.0.underlying).map(secured_by_cash).sum()
}

/// Cash that short puts tie up in a cash account, those of a spread less the width they are protected by.
fn secured_by_cash(legs: &[(&OptionContract, Quantity, Price)]) -> Decimal {
    let mut longs = long_legs(legs, Right::Put);
    let mut secured = Decimal::ZERO;
    for (contract, quantity, _) in legs.iter().filter(|(c, q, _)| c.right == Right::Put && q.is_negative()) {
        let mut left = quantity.abs();
        for (strike, expiry, free) in &mut longs {
            if *expiry >= contract.expiry && left.is_positive() && free.is_positive() {
                let paired = left.min(*free);
                let width = (contract.strike - *strike).get().max(Decimal::ZERO);
                secured += width * paired.get() * Decimal::ONE_HUNDRED;
                left -= paired;
                *free -= paired;
            }
        }
        secured += contract.strike.get() * left.get() * Decimal::ONE_HUNDRED;
    }
    secured
}

fn long_legs(
    legs: &[(&OptionContract, Quantity, Price)],
    right: Right,
) -> Vec<(Price, jiff::civil::Date, Quantity)> {
    legs.iter()
        .filter(|(contract, quantity, _)| contract.right == right && quantity.is_positive())
        .map(|(contract, quantity, _)| (contract.strike, contract.expiry, *quantity))
        .collect()
}

/// Margin of the options on one underlying: short calls are covered by shares first, then paired with longs that expire no earlier
/// (the width), then naked. Legs are (contract, signed quantity, mark). Without a spot, a strike stands for it.
#[must_use]
pub fn option_strategy_margin(
    legs: &[(&OptionContract, Quantity, Price)],
    shares: Quantity,
    spot: Option<Price>,
) -> Decimal {
    option_strategy(legs, shares, spot).margin
}

/// What the options on one underlying tie up.
#[derive(Default)]
struct OptionStrategy {
    /// Widths and naked margins.
    margin: Decimal,
    /// Market value of the longs, less that of the shorts paired with them.
    value: Decimal,
}

fn option_strategy(
    legs: &[(&OptionContract, Quantity, Price)],
    shares: Quantity,
    spot: Option<Price>,
) -> OptionStrategy {
    let mut sum = OptionStrategy::default();
    let worth = |mark: Price, contracts: Quantity| mark.get() * contracts.get() * Decimal::ONE_HUNDRED;
    sum.value +=
        legs.iter().filter(|leg| leg.1.is_positive()).map(|leg| worth(leg.2, leg.1)).sum::<Decimal>();
    let mut covered = Quantity::new((shares.get() / Decimal::ONE_HUNDRED).floor().max(Decimal::ZERO));
    for right in [Right::Call, Right::Put] {
        let mut longs = long_legs(legs, right);
        for (contract, quantity, mark) in legs.iter().filter(|(c, q, _)| c.right == right && q.is_negative())
        {
            let mut left = quantity.abs();
            if right == Right::Call {
                let by_shares = left.min(covered);
                covered -= by_shares;
                left -= by_shares;
            }
            for (strike, expiry, free) in &mut longs {
                if *expiry < contract.expiry || !free.is_positive() || !left.is_positive() {
                    continue;
                }
                let paired = left.min(*free);
                let risk = match right {
                    Right::Call => *strike - contract.strike,
                    Right::Put => contract.strike - *strike,
                };
                sum.margin += risk.get().max(Decimal::ZERO) * paired.get() * Decimal::ONE_HUNDRED;
                sum.value -= worth(*mark, paired);
                left -= paired;
                *free -= paired;
            }
            sum.margin += naked(contract, spot.unwrap_or(contract.strike)) * left.get();
        }
    }
    sum
}

/// Margin of one naked contract beyond its premium, which the net liquidation carries already: max(20 % of spot less out-of-the-money, 10 % of strike (put) or spot (call)); index 15 %.
fn naked(contract: &OptionContract, spot: Price) -> Decimal {
    let share = if contract.is_cash_settled_index() { Decimal::new(15, 2) } else { Decimal::new(20, 2) };
    let out = match contract.right {
        Right::Call => contract.strike - spot,
        Right::Put => spot - contract.strike,
    };
    let floor = match contract.right {
        Right::Call => spot,
        Right::Put => contract.strike,
    };
    let risk = (spot.get() * share - out.get().max(Decimal::ZERO)).max(floor.get() * Decimal::new(10, 2));
    risk * Decimal::ONE_HUNDRED
}
