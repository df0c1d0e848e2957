//! What a wish to see something is narrowed to: an account, an instrument, a first day. What was said is never left out.

use jiff::civil::{Date, Time};
use smol_str::SmolStr;

use crate::client::message::HistoryQuery;
use crate::domain::calendar::instant;
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::order::Order;
use crate::domain::position::Position;
use crate::domain::snapshot::Snapshot;
use crate::domain::text::clean;

/// See the module. Nothing in it narrows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowed {
    /// Of this account alone.
    pub account: Option<AccountId>,
    /// Of this instrument alone.
    pub instrument: Option<Instrument>,
    /// From this day on (New York).
    pub since: Option<Date>,
}

impl Narrowed {
    /// What the parts of a line mean among the accounts that there are.
    ///
    /// # Errors
    /// Where the name means no account, or could mean several; with those there are.
    pub fn read(
        broker: Option<&str>,
        instrument: Option<Instrument>,
        since: Option<Date>,
        snapshot: &Snapshot,
    ) -> Result<Self, String> {
        let known =
            snapshot.accounts.iter().map(|view| (&view.account.account, view.standing.broker.as_deref()));
        let account = match broker {
            None => None,
            Some(name) => Some(AccountId::meant(name, known.clone()).cloned().ok_or_else(|| {
                let known: Vec<&str> = known.map(|(id, _)| id.as_str()).collect();
                clean(&format!("No one account is meant by {name}; there are {}.", known.join(", ")))
                    .into_owned()
            })?),
        };
        Ok(Self { account, instrument, since })
    }

    /// Is an account or an instrument named, so that not every row is meant.
    #[must_use]
    pub const fn is_narrow(&self) -> bool {
        self.account.is_some() || self.instrument.is_some()
    }

    /// Is something of this account meant.
    #[must_use]
    pub fn is_of(&self, account: &AccountId) -> bool {
        self.account.as_ref().is_none_or(|meant| meant == account)
    }

    fn is_about(&self, instrument: &Instrument) -> bool {
        self.instrument.as_ref().is_none_or(|meant| meant == instrument)
    }

    /// The positions that are meant.
    #[must_use]
    pub fn positions(&self, snapshot: &Snapshot) -> Vec<Position> {
        let meant = |one: &&Position| self.is_of(&one.account) && self.is_about(&one.instrument);
        snapshot.positions.iter().filter(meant).cloned().collect()
    }

    /// The orders of the picture that are meant.
    #[must_use]
    pub fn orders(&self, snapshot: &Snapshot) -> Vec<Order> {
        let meant = |order: &&Order| {
            self.is_of(&order.request.account)
                && order.request.subject.instruments().any(|one| self.is_about(one))
        };
        snapshot.orders.iter().filter(meant).cloned().collect()
    }

    /// The rows of history that are meant.
    #[must_use]
    pub fn query(&self, limit: u32) -> HistoryQuery {
        HistoryQuery {
            account: self.account.clone(),
            instrument: self.instrument.clone(),
            since: self.since.map(|day| instant(day, Time::midnight())),
            limit,
            ..HistoryQuery::default()
        }
    }

    /// A title that says so.
    #[must_use]
    pub fn title(&self, what: &str) -> SmolStr {
        let mut title = what.to_owned();
        if let Some(instrument) = &self.instrument {
            title.push_str(&format!(" in {instrument}"));
        }
        if let Some(account) = &self.account {
            title.push_str(&format!(" of {}", clean(account.as_str())));
        }
        if let Some(day) = self.since {
            title.push_str(&format!(" since {day}"));
        }
        title.into()
    }
}
