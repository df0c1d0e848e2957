//! Legs gathered from the chain: their net price, what they are worth at expiry, and the order that they make.

use jiff::Timestamp;
use jiff::civil::{Date, Time, time};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::client::message::Chain;
use crate::command::types::{Amount, Command, Place, PriceTerms, Subject};
use crate::domain::calendar::instant;
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{Leg, OptionContract};
use crate::domain::order::{OrderType, PositionEffect, PriceEffect, Side, TimeInForce};
use crate::quant::greeks::years_of_seconds;
use crate::quant::payoff::{LiveLeg, PayoffLeg};

/// Legs at most, as brokers take them.
pub const LEGS_MAX: usize = 4;
/// Options expire with the regular session, New York.
const EXPIRY_TIME: Time = time(16, 0, 0, 0);
/// Contracts of one leg per package, and packages.
const COUNT_MAX: u32 = 99;

/// A leg as picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    /// What.
    pub contract: OptionContract,
    /// Bought or sold.
    pub side: Side,
    /// Contracts per package, at least 1.
    pub ratio: u32,
}

impl Picked {
    /// Contracts, positive when bought.
    #[must_use]
    pub fn signed(&self) -> Decimal {
        Decimal::from(self.ratio) * self.side.sign()
    }
}

/// The legs of an order to be.
#[derive(Clone, Debug)]
pub struct Builder {
    legs: Vec<Picked>,
    /// Moved off the middle by so much, per share.
    offset: Decimal,
    quantity: u32,
}

impl Default for Builder {
    fn default() -> Self {
        Self { legs: Vec::new(), offset: Decimal::ZERO, quantity: 1 }
    }
}

impl Builder {
    /// The legs, in the order of picking.
    #[must_use]
    pub fn legs(&self) -> &[Picked] {
        &self.legs
    }

    /// Packages.
    #[must_use]
    pub const fn quantity(&self) -> u32 {
        self.quantity
    }

    /// One contract more on this side; on the other side one less, until the leg is gone. False when there are too many legs.
    pub fn pick(&mut self, contract: &OptionContract, side: Side) -> bool {
        self.offset = Decimal::ZERO;
        match self.legs.iter().position(|leg| leg.contract == *contract) {
            Some(at) if self.legs[at].side == side => {
                self.legs[at].ratio = (self.legs[at].ratio + 1).min(COUNT_MAX);
            }
            Some(at) if self.legs[at].ratio > 1 => self.legs[at].ratio -= 1,
            Some(at) => drop(self.legs.remove(at)),
            None if self.legs.len() == LEGS_MAX => return false,
            None => self.legs.push(Picked { contract: contract.clone(), side, ratio: 1 }),
        }
        true
    }

    /// Takes a leg off.
    pub fn remove(&mut self, contract: &OptionContract) {
        self.legs.retain(|leg| leg.contract != *contract);
        self.offset = Decimal::ZERO;
    }

    /// Moves the price by so many cents of a package's share.
    pub fn step_price(&mut self, cents: i64) {
        self.offset += Decimal::new(cents, 2);
    }

    /// One package more or less.
    pub fn step_quantity(&mut self, more: bool) {
        let next = if more { self.quantity + 1 } else { self.quantity.saturating_sub(1) };
        self.quantity = next.clamp(1, COUNT_MAX);
    }

    /// Net price of a package per share, in whole cents: positive is paid, negative received. Absent while a leg has no price.
    #[must_use]
    pub fn net(&self, chain: &Chain) -> Option<Decimal> {
        let mut net = Decimal::ZERO;
        for leg in &self.legs {
            let row = chain.rows.iter().find(|row| row.contract == leg.contract)?;
            let one_sided = if leg.side.is_buy() { row.quote.ask } else { row.quote.bid };
            net += row.quote.mid().or(one_sided)?.get() * leg.signed();
        }
        (!self.legs.is_empty()).then(|| net.round_dp(2) + self.offset)
    }

    /// The legs as a payoff sees them at `now`, and what is paid for all packages; absent while a leg has no price or no volatility. Legs
    /// without a volatility are taken at that of another leg.
    #[must_use]
    pub fn live_legs(
        &self,
        chain: &Chain,
        multiplier: Decimal,
        now: Timestamp,
    ) -> Option<(Vec<LiveLeg>, f64)> {
        let packages = Decimal::from(self.quantity) * multiplier;
        let row = |leg: &Picked| chain.rows.iter().find(|row| row.contract == leg.contract);
        let usual = self.legs.iter().filter_map(|leg| row(leg)?.iv).next();
        let legs = self.legs.iter().map(|leg| {
            Some(LiveLeg {
                leg: PayoffLeg {
                    right: Some(leg.contract.right),
                    strike: leg.contract.strike.get().to_f64()?,
                    units: (leg.signed() * packages).to_f64()?,
                },
                volatility: row(leg)?.iv.or(usual)?,
                years: years_until(leg.contract.expiry, now),
            })
        });
        Some((legs.collect::<Option<Vec<_>>>()?, (self.net(chain)? * packages).to_f64()?))
    }

    /// Do all legs expire on one day.
    #[must_use]
    pub fn has_one_expiry(&self) -> bool {
        self.legs.windows(2).all(|pair| pair[0].contract.expiry == pair[1].contract.expiry)
    }

    /// The order that the legs make, at a limit of their net price: debit packages are bought, credit packages sold, one leg alone is an
    /// order of its own.
    #[must_use]
    pub fn command(&self, chain: &Chain) -> Option<Command> {
        let net = self.net(chain)?;
        let effect = match net {
            net if net.is_zero() => PriceEffect::Even,
            net if net.is_sign_negative() => PriceEffect::Credit,
            _ => PriceEffect::Debit,
        };
        let place = match &self.legs[..] {
            [leg] => Place {
                side: leg.side,
                position_effect: Some(PositionEffect::Open),
                subject: Subject::Instrument(leg.contract.clone().into_instrument()),
                amount: Amount::Quantity(Quantity::new(Decimal::from(leg.ratio * self.quantity))),
                terms: terms((net / Decimal::from(leg.ratio)).abs().round_dp(2), None),
                exit_plan: None,
            },
            legs => Place {
                side: if effect == PriceEffect::Credit { Side::Sell } else { Side::Buy },
                position_effect: None,
                subject: Subject::Legs(
                    legs.iter()
                        .map(|leg| Leg {
                            side: leg.side,
                            position_effect: PositionEffect::Open,
                            ratio: leg.ratio.into(),
                            instrument: leg.contract.clone().into_instrument(),
                        })
                        .collect(),
                ),
                amount: Amount::Quantity(Quantity::new(self.quantity.into())),
                terms: terms(net.abs(), Some(effect)),
                exit_plan: None,
            },
        };
        Some(Command::Place(place))
    }
}

fn terms(limit: Decimal, price_effect: Option<PriceEffect>) -> PriceTerms {
    PriceTerms {
        order_type: OrderType::Limit,
        limit_price: Some(Price::new(limit)),
        price_effect,
        ..PriceTerms::market(TimeInForce::Day)
    }
}

/// Years until the options of a day expire; a minute at least.
#[must_use]
pub fn years_until(expiry: Date, now: Timestamp) -> f64 {
    let expires = instant(expiry, EXPIRY_TIME);
    years_of_seconds(expires.duration_since(now).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;

    use super::*;
    use crate::client::message::ChainRow;
    use crate::domain::instrument::Symbol;
    use crate::domain::option::Right;
    use crate::domain::quote::{Feed, Quote};

    fn contract(strike: i64, day: i8) -> OptionContract {
        OptionContract {
            underlying: Symbol::new("AAPL").unwrap(),
            expiry: Date::constant(2026, 12, day),
            strike: Price::from(strike),
            right: Right::Call,
            root: None,
        }
    }

    /// Two calls, worth 5.05 and 2.05 in the middle.
    fn chain() -> Chain {
        let row = |strike, bid: &str, ask: &str| {
            let contract = contract(strike, 18);
            let mut quote = Quote::empty(
                contract.clone().into_instrument(),
                jiff::Timestamp::UNIX_EPOCH,
                Feed::Simulated,
            );
            quote.bid = Some(Price::new(bid.parse().unwrap()));
            quote.ask = Some(Price::new(ask.parse().unwrap()));
            let none = None;
            ChainRow {
                contract,
                quote,
                open_interest: None,
                iv: Some(0.25),
                delta: none,
                gamma: none,
                theta: none,
                vega: none,
            }
        };
        Chain {
            underlying: Symbol::new("AAPL").unwrap(),
            spot: None,
            expiries: vec![Date::constant(2026, 12, 18)],
            rows: vec![row(100, "5.00", "5.10"), row(105, "2.00", "2.10")],
        }
    }

    fn place(builder: &Builder) -> Place {
        match builder.command(&chain()) {
            Some(Command::Place(place)) => place,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_leg_is_an_order_of_its_own() {
        let mut builder = Builder::default();
        builder.pick(&contract(100, 18), Side::Sell);
        builder.pick(&contract(100, 18), Side::Sell);
        builder.step_quantity(true);
        let place = place(&builder);
        assert!(matches!(place.subject, Subject::Instrument(_)));
        assert_eq!((place.side, place.amount), (Side::Sell, Amount::Quantity(Quantity::new(4.into()))));
        assert_eq!(place.terms.limit_price, Some(Price::new(Decimal::new(505, 2))), "per contract");
    }

    #[test]
    fn debits_are_bought_and_credits_sold() {
        for (first, second, side, effect) in [
            (Side::Buy, Side::Sell, Side::Buy, PriceEffect::Debit),
            (Side::Sell, Side::Buy, Side::Sell, PriceEffect::Credit),
        ] {
            let mut builder = Builder::default();
            builder.pick(&contract(100, 18), first);
            builder.pick(&contract(105, 18), second);
            let place = place(&builder);
            assert_eq!((place.side, place.terms.price_effect), (side, Some(effect)));
            assert_eq!(place.terms.limit_price, Some(Price::from(3)));
            let now = "2026-12-01T21:00:00Z".parse().unwrap();
            let (legs, paid) = builder.live_legs(&chain(), Decimal::ONE_HUNDRED, now).unwrap();
            assert_eq!(
                (legs[0].leg.units, legs[1].leg.units, paid),
                (100.0 * paid / 300.0, -100.0 * paid / 300.0, paid)
            );
            assert!((legs[0].years - 17.0 / 365.0).abs() < 1e-9, "{}", legs[0].years);
            assert!(builder.has_one_expiry());
        }
    }

    #[test]
    fn a_leg_without_a_price_makes_no_order() {
        let mut builder = Builder::default();
        builder.pick(&contract(100, 18), Side::Buy);
        builder.pick(&contract(100, 24), Side::Sell);
        assert_eq!((builder.net(&chain()), builder.command(&chain())), (None, None));
        assert_eq!(builder.live_legs(&chain(), Decimal::ONE_HUNDRED, jiff::Timestamp::UNIX_EPOCH), None);
        assert!(!builder.has_one_expiry());
        // What nobody bids for has a price to buy, and none to sell.
        let mut thin = chain();
        thin.rows[1].quote.bid = None;
        for (side, net) in [(Side::Buy, Some(Decimal::new(21, 1))), (Side::Sell, None)] {
            let mut builder = Builder::default();
            builder.pick(&contract(105, 18), side);
            assert_eq!(builder.net(&thin), net);
        }
        for strike in [101, 102] {
            assert!(builder.pick(&contract(strike, 18), Side::Buy));
        }
        assert!(!builder.pick(&contract(103, 18), Side::Buy), "four legs at most");
    }
}
