//! Recorded bars through a strategy twice: as a backtest, and on an account at the broker, through the core, the connector and the wire.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arbion::brokers::{AccountStream, SubmitOutcome};
use arbion::core::effect::{Effect, RequestId};
use arbion::core::engine::{Engine, EngineConfig, Records};
use arbion::core::input::{AccountSetup, Input};
use arbion::core::paper::{Slippage, VenueConfig};
use arbion::domain::account::{AccountKind, AccountMode};
use arbion::domain::calendar::{Calendar, exchange_date};
use arbion::domain::execution::{AccountEvent, Execution, OrderEvent, OrderUpdate};
use arbion::domain::fees::FeeTable;
use arbion::domain::ids::ClientOrderId;
use arbion::domain::instrument::{Instrument, InstrumentSpec};
use arbion::domain::limits::RiskLimits;
use arbion::domain::money::{Currency, Money};
use arbion::domain::order::{Approved, OrderRequest, OrderStatus};
use arbion::domain::quote::{Feed, Interval};
use arbion::domain::strategy::{StrategyChange, StrategyRules, StrategySpec};
use arbion::engine::backtest;
use arbion::market::bars_file::{self, RecordedBar, RecordedBars};
use arbion::strategies::{Params, build};
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio::sync::mpsc;

use super::Subject;
use super::desk::next;
use crate::approved::account;

const CASH: i64 = 1_000_000;
const PARAMS: [(&str, &str); 3] = [("fast", "3"), ("slow", "8"), ("quantity", "10")];

/// Half a year of a share, as bars of what the subject trades.
fn recorded(instrument: &Instrument) -> RecordedBars {
    let bars = bars_file::shipped().unwrap();
    let within = |row: &&RecordedBar| {
        let day = exchange_date(row.bar.start).to_string();
        ("2006-01-01".."2006-07-01").contains(&day.as_str())
    };
    let rows = bars.series[&Instrument::equity("IBM").unwrap()].iter().filter(within).cloned().collect();
    RecordedBars { series: BTreeMap::from([(instrument.clone(), rows)]), interval: Some(Interval::Day1) }
}

/// A fill as both runs must have it.
fn deal(execution: &Execution) -> String {
    format!("{} {} at {}", execution.side, execution.quantity, execution.price)
}

/// What the strategy does in a backtest: orders fill whole at the next open, as they do at a broker whose quote that is.
fn in_a_backtest(bars: &RecordedBars, instrument: &Instrument) -> Vec<(Timestamp, String)> {
    let params = Params::new(PARAMS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut strategy = build("sma_cross", "cross".into(), vec![instrument.clone()], &params).unwrap();
    let venue = VenueConfig {
        slippage: Slippage::None,
        slippage_crypto: Slippage::None,
        ..VenueConfig::new(account(), CASH.into())
    };
    let run = backtest::run_watched(bars, &[], strategy.as_mut(), venue, &mut |_| true).unwrap();
    assert_eq!(run.denied, 0);
    run.fills.iter().map(|fill| (fill.execution.at, deal(&fill.execution))).collect()
}

/// The core with an account at the subject's broker.
struct Trader<'a> {
    subject: &'a Subject,
    core: Engine,
    heard: mpsc::Receiver<AccountStream>,
    now: Timestamp,
    /// Orders that risk has passed, to be sent once the next bar opens.
    orders: VecDeque<Approved<OrderRequest>>,
}

impl<'a> Trader<'a> {
    async fn new(subject: &'a Subject, now: Timestamp) -> Self {
        let config = EngineConfig {
            profile: "recorded".into(),
            default_account: account(),
            feed: Feed::Replayed,
            seed: 1,
            bar_mode: true,
            never_closed: true,
            fees: FeeTable::default(),
            records: Records::All,
        };
        let setup = AccountSetup {
            account: account(),
            kind: AccountKind::Margin,
            mode: AccountMode::Paper,
            currency: Currency::USD,
            opening_cash: vec![Money::new(CASH.into(), Currency::USD)],
            options_level: 0,
            capabilities: subject.broker.capabilities().clone(),
            limits: RiskLimits::bar_mode(CASH.into()),
        };
        let spec = StrategySpec {
            name: "cross".into(),
            kind: "sma_cross".into(),
            account: account(),
            instruments: vec![subject.instrument.clone()],
            interval: Interval::Day1,
            params: PARAMS.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            adopt: Vec::new(),
            rules: StrategyRules::without_pauses(),
            exits: None,
        };
        let core = Engine::new(config, Arc::new(Calendar::nyse()), now);
        let heard = subject.watch().await;
        let mut trader = Self { subject, core, heard, now, orders: VecDeque::new() };
        let terms = InstrumentSpec::standard(subject.instrument.clone());
        let change = |change| Input::Strategy { request: RequestId(0), change };
        for input in [
            Input::Account(Box::new(setup)),
            Input::Instrument(Box::new(terms)),
            Input::BrokerStatus { account: account(), up: true, reconciled: true },
            Input::RunStrategies,
            change(StrategyChange::Add { spec: Box::new(spec) }),
            change(StrategyChange::Start { name: "cross".into(), confirmation: None }),
        ] {
            trader.step(input);
        }
        trader
    }

    fn step(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in self.core.step(self.now, input) {
                match effect {
                    Effect::Journal { ticket, .. } => inputs.push_back(Input::Journaled(ticket)),
                    Effect::Submit { order, .. } => self.orders.push_back(*order),
                    Effect::History { strategy, instrument, interval, .. } => {
                        let (bars, feed) = (Vec::new(), Feed::Replayed);
                        inputs.push_back(Input::History { strategy, instrument, interval, bars, feed });
                    }
                    _ => {}
                }
            }
        }
    }

    /// Sends what was decided at the end of the bar before, and hears what comes of it.
    async fn trade(&mut self) {
        while let Some(order) = self.orders.pop_front() {
            let id = order.get().client_order_id;
            let SubmitOutcome::Acknowledged(broker_order_id) = self.subject.broker.submit(order).await else {
                panic!("order {id} was not taken")
            };
            let event = OrderEvent::Acknowledged { broker_order_id };
            let update = OrderUpdate { account: account(), client_order_id: id, at: self.now, event };
            self.step(Input::Broker(Box::new(AccountEvent::Order(update))));
            while self.status(id) != Some(OrderStatus::Filled) {
                if let AccountStream::Event(event) = next(&mut self.heard).await {
                    self.step(Input::Broker(event));
                }
            }
        }
    }

    fn status(&self, id: ClientOrderId) -> Option<OrderStatus> {
        self.core.order(id).map(|order| order.status)
    }
}

/// The book of the subject's instrument at its emulator.
fn book_of(subject: &Subject) -> String {
    let tops = subject.exchange.tops();
    let names = [subject.instrument.to_string(), subject.instrument.root().to_string()];
    names.into_iter().find(|name| tops.contains_key(name)).expect("the emulator quotes it")
}

/// A recorded half-year makes the same orders in a backtest and at the broker: in the same bars, as large, at the same prices.
pub async fn recorded_bars_make_the_orders_of_their_backtest(subject: &Subject) {
    let bars = recorded(&subject.instrument);
    let expected = in_a_backtest(&bars, &subject.instrument);
    assert!(expected.len() >= 6, "{expected:?}");
    let book = book_of(subject);
    let rows = &bars.series[&subject.instrument];
    let mut trader = Trader::new(subject, rows[0].bar.start).await;
    let mut found = Vec::new();
    let mut filled = 0;
    for row in rows {
        let open: Decimal = row.bar.open.get();
        subject.exchange.quote(&book, open, open);
        trader.trade().await;
        let fills = subject.exchange.fills();
        for fill in &fills[filled..] {
            let side = if fill.buy { "buy" } else { "sell" };
            found.push((
                row.end,
                format!("{side} {} at {}", fill.quantity.normalize(), fill.price.normalize()),
            ));
        }
        filled = fills.len();
        trader.now = row.end;
        let (interval, bar) = (Interval::Day1, row.bar);
        trader.step(Input::Bar { instrument: subject.instrument.clone(), interval, bar });
    }
    assert_eq!(found, expected);
}
