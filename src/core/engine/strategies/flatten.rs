//! Closing what a strategy owns once it is stopped for good: written options first, then those it holds, then shares, so that no call is left
//! without what covers it. What had to wait for another closing is tried again when that has filled.

use smol_str::SmolStr;

use crate::core::engine::Engine;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::Quantity;
use crate::domain::order::{
    OrderRequest, OrderSubject, Origin, OriginKind, PositionEffect, Pricing, Side, TimeInForce,
};
use crate::domain::snapshot::Severity;

impl Engine {
    /// Closes what it owns, as far as it can be closed now; the rest follows.
    ///
    /// # Errors
    /// When nothing of it can be closed now: why not.
    pub(super) fn flatten(&mut self, name: &SmolStr) -> Result<String, String> {
        if self.owned(name).is_empty() {
            return Ok(format!("{name} stops; it owns nothing"));
        }
        let (closing, left) = self.close_claims(name);
        if closing == 0 && !left.is_empty() {
            return Err(format!("{name} stops; {}", left.join("; ")));
        }
        let tried = self.owned(name);
        if let Some(instance) = self.host.instances.get_mut(name) {
            instance.flattening = Some(tried);
        }
        Ok(match left.is_empty() {
            true => format!("{name} stops, and what it owns is closed at the market"),
            false => format!(
                "{name} stops, and what it owns is closed at the market; tried again once more of it is: {}",
                left.join("; ")
            ),
        })
    }

    /// Goes on with it: true while something of it is being closed.
    pub(super) fn goes_on_flattening(&mut self, name: &SmolStr) -> bool {
        let Some(tried) = self.host.instances.get(name).and_then(|instance| instance.flattening.clone())
        else {
            return false;
        };
        let owned = self.owned(name);
        let mut closing = self.working_of_strategy(name).count();
        if !owned.is_empty() && owned != tried {
            closing += self.close_claims(name).0;
        }
        if let Some(instance) = self.host.instances.get_mut(name) {
            instance.flattening = (closing > 0).then(|| owned.clone());
        }
        if closing == 0 && !owned.is_empty() {
            let left: Vec<String> = owned.iter().map(|(what, units)| format!("{units} {what}")).collect();
            let text = format!("{name} could not close {}; it is yours now", left.join(", "));
            self.note(Severity::Warning, "STRATEGY_NOT_FLAT", text);
        }
        closing > 0
    }

    /// What it owns, in the order in which it is closed.
    fn owned(&self, name: &SmolStr) -> Vec<(Instrument, Quantity)> {
        let Some(instance) = self.host.instances.get(name) else { return Vec::new() };
        let mut owned: Vec<(Instrument, Quantity)> = instance
            .ledger
            .instruments()
            .into_iter()
            .map(|instrument| (instance.ledger.quantity(&instrument), instrument))
            .filter(|(units, _)| !units.is_zero())
            .map(|(units, instrument)| (instrument, units))
            .collect();
        let rank = |(instrument, units): &(Instrument, Quantity)| match instrument.asset_class() {
            AssetClass::Option if units.is_negative() => 0,
            AssetClass::Option => 1,
            _ => 2,
        };
        owned.sort_by_key(rank);
        owned
    }

    /// Orders for all of it that no working order closes yet: how many of its instruments are being closed, and why the others are not.
    fn close_claims(&mut self, name: &SmolStr) -> (usize, Vec<String>) {
        let (mut closing, mut left) = (0, Vec::new());
        for (instrument, units) in self.owned(name) {
            // One that cannot be closed keeps none of the others.
            match self.close_claim(name, &instrument, units) {
                Ok(()) => closing += 1,
                Err(reason) => left.push(reason),
            }
        }
        (closing, left)
    }

    fn close_claim(&mut self, name: &SmolStr, instrument: &Instrument, own: Quantity) -> Result<(), String> {
        let Some(instance) = self.host.instances.get(name) else { return Ok(()) };
        let account = instance.spec.account.clone();
        let class = instrument.asset_class();
        let side = Side::closing(!own.is_negative(), class);
        let at_work: Quantity = self
            .working_of_strategy(name)
            .filter(|order| order.request.subject.instrument() == Some(instrument))
            .filter(|order| order.request.reduce_only && order.request.side == side)
            .map(|order| order.leaves_quantity())
            .sum();
        let rest = own.abs() - at_work;
        if !rest.is_positive() {
            return Ok(());
        }
        let around = class.trades_around_the_clock();
        let request = OrderRequest {
            time_in_force: if around { TimeInForce::Gtc } else { TimeInForce::Day },
            reduce_only: true,
            position_effect: (class == AssetClass::Option).then_some(PositionEffect::Close),
            ..OrderRequest::plain(
                self.ids.next(self.now),
                account,
                Origin { kind: OriginKind::Strategy, name: Some(name.clone()) },
                OrderSubject::Instrument(instrument.clone()),
                side,
                rest,
                Pricing::Market,
            )
        };
        let denied = self.place_one(request).err().unwrap_or_default();
        let texts: Vec<&str> = denied.iter().map(|denial| denial.text.as_str()).collect();
        if texts.is_empty() {
            Ok(())
        } else {
            Err(format!("{instrument} is not closed: {}", texts.join("; ")))
        }
    }
}
