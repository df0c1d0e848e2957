//! Multi-leg orders: whole packages at their net price, or nothing.

use rust_decimal::Decimal;

use crate::core::lifecycle::package_multiplier;
use crate::domain::money::{Price, Quantity};
use crate::domain::option::Leg;
use crate::domain::order::{OrderStatus, OrderSubject, TimeInForce};
use crate::domain::quote::Quote;

use super::Venue;
use super::fills::LegFill;
use super::slippage::Taking;

/// Legs priced together.
struct Priced {
    legs: Vec<LegFill>,
    /// Positive costs money, per package unit.
    net: Decimal,
}

impl Venue {
    /// Fills as many whole packages as every leg's displayed size allows, at the legs' own sides, while the net is within the limit.
    pub(super) fn match_package(&mut self, seq: u64) {
        let Some(order) = self.orders.get(&seq) else { return };
        let OrderSubject::Legs(legs) = &order.request.subject else { return };
        let (legs, side) = (legs.clone(), order.request.side);
        let limit = order.request.pricing.limit_price();
        let multiplier = package_multiplier(&order.request.subject);
        let whole = order.request.time_in_force == TimeInForce::Fok;
        let leaves = order.leaves();
        let Some(natural) = self.natural(&legs, multiplier) else { return };
        // On the package's own side: what a buyer pays, what a seller receives.
        let fits = |net: Decimal| {
            let net = Price::new(net * side.sign());
            limit.is_none_or(|limit| if side.is_buy() { net <= limit } else { net >= limit })
        };
        if !fits(natural.net) {
            return;
        }
        let packages = self.packages(&legs, leaves);
        if !packages.is_positive() || (whole && packages < leaves) {
            return;
        }
        let fills = self.slipped_legs(&legs, natural, packages, multiplier, fits);
        for fill in &fills {
            self.use_up(&fill.instrument, fill.side.is_buy(), fill.quantity);
        }
        self.fill_legs(seq, packages, fills, true);
    }

    /// Has a leg prices of this very event: usable ones, and on bars those of the same bar.
    fn is_current(&self, quote: &Quote) -> bool {
        if self.on_bars { quote.as_of == self.now } else { self.is_usable(quote) }
    }

    /// Every leg at the side it takes; `None` while one of them has no price of now.
    fn natural(&self, legs: &[Leg], multiplier: Decimal) -> Option<Priced> {
        let mut priced = Priced { legs: Vec::with_capacity(legs.len()), net: Decimal::ZERO };
        for leg in legs {
            let quote = self.quotes.get(&leg.instrument).filter(|quote| self.is_current(quote))?;
            let price = if leg.side.is_buy() { quote.ask } else { quote.bid }?;
            priced.net += leg.side.sign() * price.get() * self.weight(leg) / multiplier;
            priced.legs.push(LegFill {
                instrument: leg.instrument.clone(),
                side: leg.side,
                quantity: Quantity::new(leg.ratio),
                price,
            });
        }
        Some(priced)
    }

    /// Units of money per unit of a leg's price, in one package.
    fn weight(&self, leg: &Leg) -> Decimal {
        leg.ratio * self.specs.get(&leg.instrument).map_or(Decimal::ONE, |spec| spec.multiplier)
    }

    fn packages(&mut self, legs: &[Leg], leaves: Quantity) -> Quantity {
        if !self.config.partial_fills {
            return leaves;
        }
        let of_leg = |leg: &Leg| {
            let shown = self.available(&leg.instrument, leg.side.is_buy());
            shown.checked_div(leg.ratio).unwrap_or_default().floor()
        };
        Quantity::new(legs.iter().map(of_leg).min().unwrap_or_default()).min(leaves)
    }

    /// Makes leg after leg worse by its slippage, as far as the limit allows.
    fn slipped_legs(
        &mut self,
        legs: &[Leg],
        natural: Priced,
        packages: Quantity,
        multiplier: Decimal,
        fits: impl Fn(Decimal) -> bool,
    ) -> Vec<LegFill> {
        let Priced { legs: mut fills, mut net } = natural;
        for (leg, fill) in legs.iter().zip(&mut fills) {
            fill.quantity = Quantity::new(leg.ratio * packages.get());
            let buy = leg.side.is_buy();
            let volume = self.available(&leg.instrument, buy);
            let taking = Taking { buy, quantity: fill.quantity, price: fill.price, volume, limit: None };
            let slipped = self.slipped(&leg.instrument, &taking);
            let worse = net + leg.side.sign() * (slipped - fill.price).get() * self.weight(leg) / multiplier;
            if fits(worse) {
                net = worse;
                fill.price = slipped;
                self.count_slippage(&leg.instrument, &taking, slipped);
            }
        }
        fills
    }

    /// A package for now or never that has had its chance ends.
    pub(super) fn end_immediate_package(&mut self, seq: u64) {
        let immediate = |tif| matches!(tif, TimeInForce::Ioc | TimeInForce::Fok);
        if self.orders.get(&seq).is_some_and(|order| immediate(order.request.time_in_force)) {
            self.end(seq, OrderStatus::Canceled, Some("not filled in its bar".to_owned()));
            self.schedule();
        }
    }
}
