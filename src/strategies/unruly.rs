//! Strategies for the host's tests: one that proposes too much, one that panics, one that says why it does nothing, one that writes down what it
//! hears, and one that is not ready for real money. The program does not have them.

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::instrument::Instrument;
use crate::domain::money::Quantity;
use crate::domain::order::Side;

use super::params::{ParamError, ParamKind, ParamSpec, Params};
use super::{
    Books, Decision, Head, MemoryError, Output, Schedule, Strategy, StrategyInput, StrategyKind, market,
    memory,
};

const PARAMS: &[ParamSpec] = &[ParamSpec {
    name: "orders",
    kind: ParamKind::Number { min: Decimal::ZERO, max: Decimal::from_parts(20_000, 0, 0, false, 0) },
    default: "0",
    about: "orders of one share at each bar",
}];

const fn kind(name: &'static str, paper_only: Option<&'static str>) -> StrategyKind {
    StrategyKind {
        name,
        about: "a strategy of the tests",
        params: PARAMS,
        paper_only,
        needs_corporate_actions: false,
        make: super::unruly::make,
    }
}

/// The kinds.
pub(super) const KINDS: &[StrategyKind] = &[
    StrategyKind { make: make_panics, ..kind("panics", None) },
    StrategyKind { make: make_skips, ..kind("skips", None) },
    kind("floods", None),
    kind("not_ready", Some("it is made up")),
];

/// What it does at a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Floods,
    Panics,
    Skips,
}

#[derive(Default, Serialize, Deserialize)]
struct Heard {
    heard: Vec<String>,
}

struct Unruly {
    manner: Manner,
    head: Head,
    orders: usize,
    heard: Vec<String>,
}

fn make(
    name: SmolStr,
    instruments: Vec<Instrument>,
    params: &Params,
) -> Result<Box<dyn Strategy>, ParamError> {
    build(Manner::Floods, name, instruments, params)
}

fn make_panics(
    name: SmolStr,
    instruments: Vec<Instrument>,
    params: &Params,
) -> Result<Box<dyn Strategy>, ParamError> {
    build(Manner::Panics, name, instruments, params)
}

fn make_skips(
    name: SmolStr,
    instruments: Vec<Instrument>,
    params: &Params,
) -> Result<Box<dyn Strategy>, ParamError> {
    build(Manner::Skips, name, instruments, params)
}

fn build(
    manner: Manner,
    name: SmolStr,
    instruments: Vec<Instrument>,
    params: &Params,
) -> Result<Box<dyn Strategy>, ParamError> {
    let orders = params.read("unruly", PARAMS)?.number("orders").to_usize().unwrap_or_default();
    Ok(Box::new(Unruly { manner, head: Head::new("unruly", name, instruments), orders, heard: Vec::new() }))
}

impl Strategy for Unruly {
    fn head(&self) -> &Head {
        &self.head
    }

    fn warm_up_bars(&self) -> usize {
        0
    }

    fn schedules(&self) -> Vec<Schedule> {
        Vec::new()
    }

    fn memory(&self) -> String {
        memory::write(1, &Heard { heard: self.heard.clone() })
    }

    fn restore(&mut self, text: &str) -> Result<(), MemoryError> {
        self.heard = memory::read::<Heard>(1, text)?.unwrap_or_default().heard;
        Ok(())
    }

    fn on_input(&mut self, _: Timestamp, input: StrategyInput<'_>, _: &dyn Books, out: &mut Vec<Output>) {
        match (input, self.manner) {
            (StrategyInput::Bar { .. }, Manner::Panics) => panic!("a bug of a strategy"),
            (StrategyInput::Bar { bar, instrument, .. }, Manner::Skips) => {
                let code = if bar.close < "100".parse().unwrap() { "LOW" } else { "HIGH" };
                out.push(Output::Decision(Decision::skip(code, Some(instrument.clone()), Vec::new())));
            }
            (StrategyInput::Bar { instrument, .. }, Manner::Floods) => {
                for _ in 0..self.orders {
                    let proposal = market(instrument, Side::Buy, Quantity::from(1), false);
                    out.push(Output::Propose(proposal, Decision::new("FLOOD", None, Vec::new())));
                }
            }
            (StrategyInput::Quote(quote), Manner::Skips) => {
                self.heard.push(format!("quote {}", quote.bid.unwrap_or_default()));
                out.push(Output::Remember);
            }
            (StrategyInput::Quote(_), _) => {}
            (StrategyInput::Execution(it) | StrategyInput::Assigned(it), _) => {
                self.heard.push(format!("{} {} {}", it.kind.as_str(), it.signed_quantity(), it.instrument));
                out.push(Output::Remember);
            }
            (StrategyInput::CorporateAction(action), _) => {
                self.heard.push(action.to_string());
                out.push(Output::Remember);
            }
            (StrategyInput::PositionChanged { instrument, now, .. }, _) => {
                self.heard.push(format!("position {now} {instrument}"));
                out.push(Output::Remember);
            }
            (
                StrategyInput::AccountChanged
                | StrategyInput::Resumed
                | StrategyInput::Started
                | StrategyInput::ParamsChanged,
                _,
            ) => {
                self.heard.push(format!("{input:?}"));
                out.push(Output::Remember);
            }
            _ => {}
        }
    }
}
