//! Positions as a broker shows them (reliability R3, R4): a difference that no execution explains is adjusted and said, never silent. One that
//! turns a position around, or is worth more than a tenth of the account, stops automation there until a person accepts it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::execution::{ADDRESS_LIMIT, Execution, ExecutionKind, Notice};
use crate::domain::ids::{AccountId, ExecutionId};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::order::{OrderStatus, Side};
use crate::domain::position::Position;
use crate::domain::snapshot::Severity;
use crate::domain::statement::Statement;

use super::Engine;
use super::reconcile::YOUNG;

/// A price of ours that is older than this is not preferred to the broker's own.
const SILENT: SignedDuration = SignedDuration::from_secs(60);
/// Per cent of the account's equity from which a difference is a person's affair.
const EQUITY_PERCENT: i64 = 10;

/// One instrument that is held otherwise here than there.
struct Difference {
    instrument: Instrument,
    ours: Quantity,
    theirs: Quantity,
    /// What a unit is worth, before the multiplier.
    price: Price,
    multiplier: Decimal,
    currency: Currency,
}

impl Engine {
    /// A difference is acted upon once it has been shown twice, `YOUNG` apart: a fill may be in the positions before it is in any list.
    pub(super) fn compare_positions(
        &mut self,
        statement: &Statement,
        positions: &[Position],
        ahead: &BTreeSet<Instrument>,
        found: &mut Vec<String>,
    ) {
        self.mark_by(statement, positions);
        let mut differences = self.differences(statement, positions);
        differences.retain(|difference| !ahead.contains(&difference.instrument));
        let all = differences.len();
        let (account, at) = (&statement.account, statement.asked_at);
        differences.retain(|difference| !self.is_young(account, at, &difference.instrument));
        let young = differences.len() < all;
        let Some(books) = self.accounts.get_mut(&statement.account) else { return };
        let before = std::mem::take(&mut books.pace.differs);
        let mut settled = Vec::new();
        for difference in differences {
            let (ours, theirs) = (difference.ours, difference.theirs);
            let known = before.get(&difference.instrument).filter(|(_, o, t)| (*o, *t) == (ours, theirs));
            let since = known.map_or(statement.asked_at, |(since, ..)| *since);
            if statement.asked_at.duration_since(since) >= YOUNG {
                settled.push(difference);
            } else {
                books.pace.differs.insert(difference.instrument, (since, ours, theirs));
            }
        }
        if young || !books.pace.differs.is_empty() {
            self.want_statement(&statement.account);
        }
        for difference in settled {
            found.push(format!(
                "{}: {} here and {} there: adjusted",
                difference.instrument, difference.ours, difference.theirs
            ));
            self.adjust(&statement.account, statement.asked_at, difference);
        }
    }

    /// What has no price, or none of late, is worth what its broker says. Not where it holds another quantity: after a split both differ.
    fn mark_by(&mut self, statement: &Statement, positions: &[Position]) {
        let Some(books) = self.accounts.get_mut(&statement.account) else { return };
        for position in positions {
            let Some(holding) = books.portfolio.holding(&position.instrument) else { continue };
            let quoted = self.market.quote(&position.instrument);
            let quoted = quoted.filter(|quote| quote.mark().is_some() && books.is_valued_by(quote));
            let silent = quoted.is_none_or(|quote| statement.asked_at.duration_since(quote.as_of) >= SILENT);
            let rows = positions.iter().filter(|row| row.instrument == position.instrument);
            let same = rows.fold(Quantity::ZERO, |sum, row| sum + row.quantity) == holding.quantity;
            let wanted = same && (holding.mark().is_none() || silent);
            if let Some(mark) = position.mark.filter(|_| wanted) {
                books.portfolio.mark(&position.instrument, mark);
                self.dirty.books = true;
            }
        }
    }

    fn differences(&self, statement: &Statement, positions: &[Position]) -> Vec<Difference> {
        let Some(books) = self.accounts.get(&statement.account) else { return Vec::new() };
        let mut found = Vec::new();
        for (instrument, holding) in books.portfolio.holdings() {
            // A broker may show one instrument in several rows, by lot or by kind of account.
            let there = positions.iter().filter(|position| position.instrument == *instrument);
            let theirs = there.fold(Quantity::ZERO, |sum, position| sum + position.quantity);
            if theirs != holding.quantity {
                found.push(Difference {
                    instrument: instrument.clone(),
                    ours: holding.quantity,
                    theirs,
                    price: holding.mark().unwrap_or_else(|| holding.average_price()),
                    multiplier: holding.multiplier,
                    currency: holding.currency,
                });
            }
        }
        let mut new: BTreeMap<&Instrument, Difference> = BTreeMap::new();
        for position in positions {
            if books.portfolio.holding(&position.instrument).is_some() {
                continue;
            }
            let difference = new.entry(&position.instrument).or_insert_with(|| Difference {
                instrument: position.instrument.clone(),
                ours: Quantity::ZERO,
                theirs: Quantity::ZERO,
                price: position.mark.unwrap_or(position.average_price),
                multiplier: position.multiplier,
                currency: position.currency,
            });
            difference.theirs += position.quantity;
        }
        found.extend(new.into_values().filter(|difference| !difference.theirs.is_zero()));
        found.retain(|difference| !self.is_in_doubt(&statement.account, &difference.instrument));
        found
    }

    /// Something has moved here since the broker looked, or just before.
    fn is_young(&self, account: &AccountId, at: Timestamp, instrument: &Instrument) -> bool {
        let moved = self.accounts.get(account).and_then(|books| books.moved_at.get(instrument));
        moved.is_some_and(|moved| at.duration_since(*moved) < YOUNG)
    }

    /// An order of ours is in doubt, and its fills with it.
    fn is_in_doubt(&self, account: &AccountId, instrument: &Instrument) -> bool {
        let doubtful = |status| {
            matches!(
                status,
                OrderStatus::Unknown
                    | OrderStatus::PendingSubmit
                    | OrderStatus::PendingCancel
                    | OrderStatus::PendingReplace
            )
        };
        self.book.lookup(account).naming(instrument).any(|order| doubtful(order.status))
    }

    fn adjust(&mut self, account: &AccountId, at: Timestamp, difference: Difference) {
        let Difference { instrument, ours, theirs, price, multiplier, currency } = difference;
        let Some(books) = self.accounts.get(account) else { return };
        let equity = books.portfolio.net_liquidation();
        let rate = books.portfolio.rate(currency);
        // The same after a restart: it counts the executions that the journal gives back.
        let number = books.portfolio.executions_seen();
        let moved = theirs - ours;
        let execution = Execution {
            execution_id: ExecutionId::new(format!("adjust-{number}-{}-{ours}-{theirs}", instrument.key())),
            account: account.clone(),
            client_order_id: None,
            broker_order_id: None,
            instrument: instrument.clone(),
            side: if moved.is_positive() { Side::Buy } else { Side::Sell },
            quantity: moved.abs(),
            price,
            multiplier,
            fee: Decimal::ZERO,
            currency,
            at,
            kind: ExecutionKind::Adjustment,
        };
        if !self.book_execution(&execution) {
            return;
        }
        let reason =
            format!("{instrument}: {ours} here, {theirs} at the broker, which no execution explains");
        self.note(Severity::Warning, "POSITION_ADJUSTED", format!("{reason}; taken as the broker shows it"));
        self.tell_unexplained(account, &instrument, &reason);
        let value = rate.map(|rate| moved.abs().get() * price.get().abs() * multiplier * rate);
        let large =
            value.is_none_or(|value| value * Decimal::ONE_HUNDRED > equity * Decimal::from(EQUITY_PERCENT));
        let turned = ours.get() * theirs.get() < Decimal::ZERO;
        if large || turned {
            self.pause_automation(account, reason);
        }
    }

    fn pause_automation(&mut self, account: &AccountId, reason: String) {
        self.note(
            Severity::Error,
            "AUTOMATION_PAUSED",
            format!("{account}: {reason}; nothing but a person opens there until it is accepted (resume)"),
        );
        self.trip(&reason);
        self.paused.insert(account.clone(), reason);
        self.host.account_changed(account);
        self.write_paused();
    }

    /// A broker's word to its owner. One says that little is left of what the account may send: a person needs that more than a strategy.
    pub(super) fn on_notice(&mut self, notice: Notice) {
        self.note(Severity::Error, &notice.code, notice.text.clone());
        if notice.code == ADDRESS_LIMIT && self.accounts.contains_key(&notice.account) {
            let account = notice.account;
            let text = format!("{account}: nothing but a person opens there until it is accepted (resume)");
            self.note(Severity::Error, "AUTOMATION_PAUSED", text);
            self.paused.insert(account.clone(), notice.text);
            self.host.account_changed(&account);
            self.write_paused();
        }
    }

    /// A person has read why, and goes on. False when nothing was paused.
    pub(super) fn accept_positions(&mut self) -> bool {
        let accepted = std::mem::take(&mut self.paused);
        for (account, reason) in &accepted {
            self.note(Severity::Info, "POSITIONS_ACCEPTED", format!("{account}: {reason}; accepted"));
        }
        if !accepted.is_empty() {
            self.write_paused();
        }
        !accepted.is_empty()
    }

    fn write_paused(&mut self) {
        let paused = self.paused.iter().map(|(account, reason)| (account.clone(), reason.clone()));
        self.entry.paused = Some(paused.collect());
    }
}
