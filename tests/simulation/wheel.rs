//! The wheel among what happens at random: it writes puts and calls at the first broker, is assigned, changed by people, killed with the engine.
//! Its chance is a generator of its own, so that the seeds without it are what they were.

use arbion::core::effect::{Effect, IntentKind, JournalEntry};
use arbion::core::input::{Input, Needed};
use arbion::domain::chain::{Chain, ChainRow};
use arbion::domain::instrument::{Instrument, Symbol};
use arbion::domain::money::{Price, Quantity};
use arbion::domain::order::{OrderStatus, OriginKind, Side};
use arbion::domain::quote::{Feed, Interval, Quote};
use arbion::domain::strategy::{StrategyChange, StrategyRules, StrategySpec};
use arbion::strategies::Need;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use smol_str::SmolStr;

use crate::random::Random;
use crate::world::{World, call, instruments, put};

const NAME: &str = "wheel-m";
/// Half past twelve in New York, when it looks around, comes this long after the beginning of seeds without it.
const LATER: SignedDuration = SignedDuration::from_secs(29 * 60 + 40);

/// The wheel of a seed; none in most.
pub(crate) struct Wheel {
    random: Random,
    on: bool,
}

impl Wheel {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x7768_6565_6c2d_6d20);
        let on = random.once_in(5);
        Self { random, on }
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.on
    }

    /// When a world with it begins, after others.
    pub(crate) const fn begins_after(&self) -> SignedDuration {
        if self.on { LATER } else { SignedDuration::ZERO }
    }
}

impl World {
    pub(crate) fn make_wheel(&mut self) {
        if !self.wheel.on {
            return;
        }
        self.count("wheel");
        let spec = StrategySpec {
            name: NAME.into(),
            kind: "wheel".into(),
            account: self.brokers[0].account.clone(),
            instruments: vec![instruments()[1].clone()],
            interval: Interval::Day1,
            params: [("dte_min".to_owned(), "20".to_owned())].into(),
            adopt: Vec::new(),
            rules: StrategyRules::default(),
            exits: None,
        };
        self.change_strategy(StrategyChange::Add { spec: Box::new(spec) });
        self.change_strategy(StrategyChange::Start { name: NAME.into(), confirmation: None });
    }

    /// Somebody exercises what it has written, or a person stops it and starts it again.
    pub(crate) fn wheel_acts(&mut self) {
        if !self.wheel.on {
            return;
        }
        match self.wheel.random.below(24) {
            0..=2 => {
                let faults = self.faults;
                let (written, side) =
                    if self.wheel.random.once_in(2) { (put(), Side::Buy) } else { (call(), Side::Sell) };
                if self.brokers[0].assign(&mut self.random, faults, self.now, &written, side) {
                    self.count("written option assigned");
                }
            }
            3 => self.change_strategy(StrategyChange::Stop { name: NAME.into(), flatten: false }),
            4..=6 => self.change_strategy(StrategyChange::Start { name: NAME.into(), confirmation: None }),
            7..=9 => self.quote(),
            _ => {}
        }
    }

    /// It opens nothing any more, so that what it has at work comes to an end.
    pub(crate) fn wheel_rests(&mut self) {
        if self.wheel.on {
            self.change_strategy(StrategyChange::Stop { name: NAME.into(), flatten: false });
        }
    }

    /// What it asks for: the two contracts that there are, and nothing else.
    pub(crate) fn answer(&mut self, strategy: SmolStr, need: Need) -> Vec<Effect> {
        self.write(|| format!("  {strategy} asks for {need:?}"));
        let answer = match need {
            Need::Chain { underlying, .. } => Needed::Chain(Box::new(self.chain(underlying))),
            Need::Bars { instrument, interval, .. } => {
                Needed::Bars { instrument, interval, bars: Vec::new() }
            }
            Need::Events { underlying } => Needed::Events { underlying, events: None },
        };
        self.engine.step(self.now, Input::Needed { strategy, answer })
    }

    fn chain(&self, underlying: Symbol) -> Chain {
        let row = |instrument: Instrument, delta: f64| {
            let contract = instrument.as_option().unwrap().clone();
            let mut quote = Quote::empty(instrument, self.now, Feed::Simulated);
            (quote.bid, quote.ask) = (Some(Price::from(2)), Some("2.02".parse().unwrap()));
            let (open_interest, iv, delta) = (Some(1_000), Some(0.3), Some(delta));
            ChainRow { contract, quote, open_interest, iv, delta, gamma: None, theta: None, vega: None }
        };
        let rows = vec![row(put(), -0.28), row(call(), 0.28)];
        let expiries = vec![rows[0].contract.expiry];
        Chain { underlying, spot: Some(Price::from(100)), expiries, rows }
    }

    /// J9, and that it never writes a call which its own shares do not cover, nor two puts for one sum of money.
    pub(crate) fn read_wheel(&mut self, entry: &JournalEntry) {
        for intent in entry.intents.iter().filter(|intent| intent.kind != IntentKind::Cancel) {
            let request = &intent.order.request;
            let its =
                request.origin.kind == OriginKind::Strategy && request.origin.name.as_deref() == Some(NAME);
            if !its || intent.order.status != OrderStatus::PendingSubmit {
                continue;
            }
            self.count(if intent.kind == IntentKind::New {
                "wheel proposed"
            } else {
                "wheel moved its price"
            });
            let with = entry.strategies.iter().any(|stored| stored.name == NAME);
            let id = intent.id;
            assert!(with || intent.kind == IntentKind::Replace, "{NAME} asked for {id} without its memory");
            let writes = !request.side.is_buy() && request.subject.instrument() == Some(&call());
            if !writes || intent.kind != IntentKind::New {
                continue;
            }
            let account = &request.account;
            let selling = self.engine.book().working_of(account).filter(|order| {
                let of_call =
                    order.request.subject.instrument() == Some(&call()) && !order.request.side.is_buy();
                of_call && order.replaces.is_none()
            });
            let selling: Quantity = selling.fold(Quantity::ZERO, |sum, order| sum + order.leaves_quantity());
            let written = -self.engine.held(account, &call());
            let shares = self.engine.held(account, &instruments()[1]).get();
            let calls = (selling + written).get();
            assert!(
                calls * Decimal::ONE_HUNDRED <= shares,
                "{id}: {calls} calls are covered by {shares} shares"
            );
        }
        for line in entry.log.iter().filter(|line| line.code == "DECISION") {
            if line.text.contains("WHEEL_ASSIGNED") {
                self.count("wheel assigned");
            }
        }
    }
}
