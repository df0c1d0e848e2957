//! Closing what a strategy owns once it is stopped for good: written options first, then those it holds, then shares, so that no call is left
//! without what covers it. What had to wait is tried again: for another closing once more of it is closed, for an order of its own that is in the
//! way once that is gone, for the market or the broker until it is open. The wish is in the strategy's state, and outlives the process.

use jiff::SignedDuration;
use smol_str::SmolStr;

use crate::core::engine::Engine;
use crate::core::host::{Flattening, Owned};
use crate::domain::denial::{Denial, DenialCode};
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::Quantity;
use crate::domain::order::{
    Order, OrderRequest, OrderSubject, Origin, OriginKind, PositionEffect, Pricing, Side, TimeInForce,
};
use crate::domain::snapshot::Severity;
use crate::domain::strategy::StrategyPhase;

/// What could not be closed for now is looked at again so much later.
const AGAIN: SignedDuration = SignedDuration::from_secs(1);

/// What came of trying to close everything that a strategy owns.
#[derive(Default)]
struct Tried {
    /// Instruments that an order closes now.
    closing: usize,
    /// Why the others are not closed.
    left: Vec<String>,
    /// One of those is closed as soon as its reason has passed.
    waits: bool,
}

impl Engine {
    /// Closes what it owns, as far as it can be closed now; the rest follows.
    ///
    /// # Errors
    /// When nothing of it can be closed now: why not.
    pub(super) fn flatten(&mut self, name: &SmolStr) -> Result<String, String> {
        if self.owned(name).is_empty() {
            return Ok(format!("{name} stops; it owns nothing"));
        }
        self.set_flattening(name, Some(Flattening::default()));
        let in_the_way = self.cancel_closing(name);
        let Tried { closing, mut left, waits } = self.close_claims(name, true);
        let works = self.closing_orders(name).next().is_some();
        if closing == 0 && !works && !waits && !left.is_empty() {
            self.set_flattening(name, None);
            return Err(format!("{name} stops; {}", left.join("; ")));
        }
        // What waits for a cancel is tried again though it owns the same then.
        let tried = if closing > 0 && in_the_way == 0 { self.owned(name) } else { Vec::new() };
        self.set_flattening(name, Some(Flattening { tried, seen: None }));
        if in_the_way > 0 {
            let orders = if in_the_way == 1 { "order of its own is" } else { "orders of its own are" };
            left.push(format!("{in_the_way} {orders} canceled first"));
        }
        let left = left.join("; ");
        Ok(match (left.is_empty(), closing > 0) {
            (true, _) => format!("{name} stops, and what it owns is closed at the market"),
            (false, true) => format!(
                "{name} stops, and what it owns is closed at the market; tried again once more of it is: {left}"
            ),
            (false, false) => {
                format!("{name} stops, and what it owns is closed at the market once it can be: {left}")
            }
        })
    }

    /// The process before this one was closing it out: what was on its way then may never have arrived.
    pub(super) fn resume_flattening(&mut self, name: &SmolStr) {
        if self.host.instances.get(name).is_none_or(|instance| instance.flattening.is_none()) {
            return;
        }
        self.set_flattening(name, Some(Flattening::default()));
        self.cancel_closing(name);
        self.note(Severity::Info, "STRATEGY_STOPPING", format!("{name} goes on closing what it owns"));
    }

    /// Goes on with it: true while something of it is being closed, or waits to be.
    pub(super) fn goes_on_flattening(&mut self, name: &SmolStr) -> bool {
        let Some(Flattening { tried, seen }) =
            self.host.instances.get(name).and_then(|instance| instance.flattening.clone())
        else {
            return false;
        };
        // An engine that only reads closes nothing, and leaves it to the one that does.
        if !self.host.runs {
            return true;
        }
        let owned = self.owned(name);
        let works = self.closing_orders(name).next().is_some();
        if owned.is_empty() {
            if !works {
                self.set_flattening(name, None);
            }
            return works;
        }
        if owned == tried {
            return works || self.gives_up(name, &owned, &[]);
        }
        if seen.is_some_and(|(at, then)| then == owned && self.now < at + AGAIN) {
            return true;
        }
        let seen = Some((self.now, owned.clone()));
        if !self.agrees_with_its_broker(name) {
            self.set_flattening(name, Some(Flattening { tried, seen }));
            let waits = "what it owns is not compared with its broker yet".to_owned();
            self.says_what_it_waits_for(name, &[waits]);
            return true;
        }
        let Tried { closing, left, waits } = self.close_claims(name, false);
        if closing > 0 {
            self.set_flattening(name, Some(Flattening { tried: owned, seen: None }));
            // In one transaction with the orders.
            if let Some(instance) = self.host.instances.get_mut(name) {
                instance.dirty = true;
            }
        } else if works || waits {
            self.set_flattening(name, Some(Flattening { tried, seen }));
            self.says_what_it_waits_for(name, &left);
        } else {
            return self.gives_up(name, &owned, &left);
        }
        true
    }

    /// It is left as it is, and a person is told. False: nothing more follows.
    fn gives_up(&mut self, name: &SmolStr, owned: &Owned, why: &[String]) -> bool {
        self.set_flattening(name, None);
        let left: Vec<String> = owned.iter().map(|(what, units)| format!("{units} {what}")).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
        let text = format!("{name} could not close {}{why}; it is yours now", left.join(", "));
        self.note(Severity::Warning, "STRATEGY_NOT_FLAT", text);
        false
    }

    fn says_what_it_waits_for(&mut self, name: &SmolStr, left: &[String]) {
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        let reason = left.first().map_or_else(
            || "what it owns is being closed".to_owned(),
            |left| format!("closed once it can be: {left}"),
        );
        if instance.reason.as_ref() != Some(&reason) {
            instance.enter(StrategyPhase::Stopping, Some(reason));
        }
    }

    fn set_flattening(&mut self, name: &SmolStr, flattening: Option<Flattening>) {
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        // Only the wish is kept: when it is looked at again is this process's.
        instance.dirty |= instance.flattening.is_some() != flattening.is_some();
        instance.flattening = flattening;
    }

    /// What it owns, as the broker shows it: nothing is sold by books of before a restart.
    fn agrees_with_its_broker(&self, name: &SmolStr) -> bool {
        let account = self.host.instances.get(name).map(|instance| &instance.spec.account);
        let books = account.and_then(|account| self.accounts.get(account));
        books.is_some_and(|books| books.broker_up && books.reconciled)
    }

    /// What it owns, in the order in which it is closed.
    fn owned(&self, name: &SmolStr) -> Owned {
        let Some(instance) = self.host.instances.get(name) else { return Vec::new() };
        let mut owned: Owned = instance
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

    /// Its working orders but the stops of its plans that rest at the broker: those protect until they make way, and close nothing now.
    fn closing_orders<'a>(&'a self, name: &'a SmolStr) -> impl Iterator<Item = &'a Order> {
        self.working_of_strategy(name).filter(|order| !self.exits.is_resting(order.request.client_order_id))
    }

    /// Takes back what would close some of it at a price of its own, some day. Returns how many of those orders there are.
    fn cancel_closing(&mut self, name: &SmolStr) -> usize {
        let in_the_way: Vec<ClientOrderId> = self
            .closing_orders(name)
            .filter(|order| order.request.reduce_only && order.request.origin.kind == OriginKind::Strategy)
            .filter(|order| !order.request.pricing.is_at_market())
            .map(|order| order.request.client_order_id)
            .collect();
        for id in &in_the_way {
            if let Ok(cancel) = self.request_cancel(*id) {
                self.after_journal.push(cancel);
            }
        }
        in_the_way.len()
    }

    /// Orders for all of it that no working order closes yet. Where no person waits for the answer, one that would be denied is not made.
    fn close_claims(&mut self, name: &SmolStr, asked: bool) -> Tried {
        let mut tried = Tried::default();
        for (instrument, units) in self.owned(name) {
            // One that cannot be closed keeps none of the others.
            let Some(request) = self.order_to_close(name, &instrument, units) else {
                tried.closing += usize::from(asked);
                continue;
            };
            let denied = match self.check(&request).result {
                Err(denials) if !asked => denials,
                _ => self.place_one(request).err().unwrap_or_default(),
            };
            if denied.is_empty() {
                tried.closing += 1;
                continue;
            }
            // Numbers change from second to second: whoever waits for the same is to be the same.
            let text = |denial: &Denial| match asked {
                true => denial.text.clone(),
                false => denial.code.as_str().to_owned(),
            };
            let texts: Vec<String> = denied.iter().map(text).collect();
            tried.left.push(format!("{instrument} is not closed: {}", texts.join("; ")));
            tried.waits |= denied.iter().all(passes);
        }
        tried
    }

    /// The order that closes what no working order does; `None` where one does.
    fn order_to_close(
        &mut self,
        name: &SmolStr,
        instrument: &Instrument,
        own: Quantity,
    ) -> Option<OrderRequest> {
        let account = self.host.instances.get(name)?.spec.account.clone();
        let class = instrument.asset_class();
        let side = Side::closing(!own.is_negative(), class);
        let at_work: Quantity = self
            .closing_orders(name)
            .filter(|order| order.request.subject.instrument() == Some(instrument))
            .filter(|order| order.request.reduce_only && order.request.side == side)
            .map(Order::leaves_quantity)
            .sum();
        let rest = own.abs() - at_work;
        if !rest.is_positive() {
            return None;
        }
        let around = class.trades_around_the_clock();
        Some(OrderRequest {
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
        })
    }
}

/// Is a denial one that time alone ends.
const fn passes(denial: &Denial) -> bool {
    matches!(
        denial.code,
        DenialCode::Halted
            | DenialCode::AccountUnreconciled
            | DenialCode::BrokerDown
            | DenialCode::MarketClosed
            | DenialCode::StaleQuote
            | DenialCode::SpreadTooWide
            | DenialCode::OrderRate
            | DenialCode::Duplicate
            | DenialCode::UnknownInstrument
            | DenialCode::NotTradable
            | DenialCode::ClockSkew
            | DenialCode::JournalUnavailable
    )
}
