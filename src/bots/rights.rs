//! What a bot may look at and is told, by its manifest: the same where it trades and in a backtest.

use crate::domain::instrument::Instrument;
use crate::domain::quote::Interval;
use crate::strategies::BotNews;

use super::manifest::{DataRight, Manifest};
use super::protocol::{BotQuery, RpcError};

impl Manifest {
    /// Is it told of it.
    pub(super) fn hears(&self, news: &BotNews) -> bool {
        match news {
            BotNews::Bar { instrument, interval, .. } => {
                self.data.contains(&DataRight::Bars(*interval)) && self.knows(instrument)
            }
            BotNews::Quote(quote) => self.data.contains(&DataRight::Quotes) && self.knows(&quote.instrument),
            _ => true,
        }
    }

    /// May it look at it.
    ///
    /// # Errors
    /// −32001 with what its manifest lacks.
    pub(super) fn may_look(&self, query: &BotQuery) -> Result<(), RpcError> {
        let (right, of) = match query {
            BotQuery::Quote(instrument) => (DataRight::Quotes, instrument),
            BotQuery::Past { instrument, interval, .. } => (DataRight::Bars(*interval), instrument),
            BotQuery::Chain { underlying, .. } => (DataRight::Chains, underlying),
            BotQuery::Orders | BotQuery::Positions | BotQuery::Account | BotQuery::Snapshot => return Ok(()),
        };
        if !self.data.contains(&right) {
            return Err(forbidden(&format!("data has no {}", word(right))));
        }
        self.may_know(of)
    }

    /// Can it be run over such data: is it told of each instrument, and of bars so wide where it is told of bars at all.
    ///
    /// # Errors
    /// What its manifest lacks, in a line.
    pub(super) fn fits(&self, instruments: &[Instrument], interval: Interval) -> Result<(), String> {
        if let Some(stray) = instruments.iter().find(|instrument| !self.knows(instrument)) {
            return Err(format!(
                "{stray} is none of the instruments that it was approved for; say which: --symbol"
            ));
        }
        let widths: Vec<String> = self
            .data
            .iter()
            .filter(|right| matches!(right, DataRight::Bars(_)))
            .map(|right| word(*right))
            .collect();
        if !widths.is_empty() && !self.data.contains(&DataRight::Bars(interval)) {
            return Err(format!(
                "it was approved for {}, and the data has bars:{interval}",
                widths.join(", ")
            ));
        }
        Ok(())
    }

    fn may_know(&self, instrument: &Instrument) -> Result<(), RpcError> {
        if self.knows(instrument) {
            return Ok(());
        }
        Err(forbidden(&format!("{instrument} is none of its instruments")))
    }
}

fn word(right: DataRight) -> String {
    match right {
        DataRight::Bars(interval) => format!("bars:{interval}"),
        DataRight::Quotes => "quotes".to_owned(),
        DataRight::Chains => "chains".to_owned(),
    }
}

fn forbidden(what: &str) -> RpcError {
    RpcError::new(-32_001, format!("its permissions forbid it: {what}"))
}
