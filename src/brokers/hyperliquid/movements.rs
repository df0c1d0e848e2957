//! Cash that moved without an order: funding, deposits, withdrawals. The stream tells it as it happens; what happened while nobody listened is
//! asked for once.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::json;

use super::account::HyperliquidAccount;
use super::mapping;
use super::universe::{Universe, usdc};
use super::venue::{self, LIST};
use super::wire::{Funding, FundingRow, LedgerEntry};
use crate::brokers::BrokerError;
use crate::domain::execution::{CashEntry, CashKind};
use crate::domain::ids::{AccountId, ExecutionId};
use crate::domain::movement::Movement;

/// Rows of one answer at most, and answers that are asked for.
const PAGE: usize = 500;
const PAGES_MAX: usize = 12;
/// What happens from then on the stream tells: the lists are asked for again after this long all the same.
const ASKED_AGAIN: Duration = Duration::from_secs(3_600);

/// What the lists said, and since when.
pub(super) struct Moved {
    asked: Instant,
    since: Timestamp,
    entries: Vec<CashEntry>,
}

fn cash(account: &AccountId, id: String, kind: CashKind, amount: Decimal, at_ms: i64) -> Option<CashEntry> {
    let at = Timestamp::from_millisecond(at_ms).ok()?;
    (!amount.is_zero()).then(|| CashEntry {
        id: ExecutionId::new(id),
        account: account.clone(),
        kind,
        amount,
        currency: usdc(),
        instrument: None,
        at,
    })
}

/// A payment of funding.
pub(super) fn of_funding(universe: &Universe, account: &AccountId, funding: &Funding) -> Option<CashEntry> {
    let id = format!("funding-{}-{}", funding.time, funding.coin);
    let entry = cash(account, id, CashKind::Interest, funding.usdc, funding.time)?;
    Some(CashEntry { instrument: universe.instrument(&funding.coin), ..entry })
}

/// What a deposit brought or a withdrawal took; other movements stay within the account.
pub(super) fn of_ledger(account: &AccountId, entry: &LedgerEntry) -> Option<CashEntry> {
    let usdc = entry.delta.usdc?;
    let amount = match entry.delta.kind.as_str() {
        "deposit" => usdc,
        "withdraw" => -(usdc + entry.delta.fee.unwrap_or_default()),
        _ => return None,
    };
    cash(account, format!("{}-{}", entry.delta.kind, entry.hash), CashKind::Deposit, amount, entry.time)
}

impl HyperliquidAccount {
    /// What moved cash since an instant, oldest first, as of an hour ago at most.
    pub(super) async fn moved(&self, since: Timestamp) -> Result<Vec<Movement>, BrokerError> {
        let known = {
            let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = |moved: &&Moved| moved.since <= since && moved.asked.elapsed() < ASKED_AGAIN;
            moved.as_ref().filter(fresh).map(|moved| moved.entries.clone())
        };
        let entries = match known {
            Some(entries) => entries,
            None => {
                let entries = self.asked_since(since).await?;
                let moved = Moved { asked: Instant::now(), since, entries: entries.clone() };
                *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(moved);
                entries
            }
        };
        let wanted = entries.into_iter().filter(|entry| entry.at >= since);
        Ok(wanted.map(|cash| Movement { cash, action: None, units: Vec::new() }).collect())
    }

    async fn asked_since(&self, since: Timestamp) -> Result<Vec<CashEntry>, BrokerError> {
        let universe = self.venue().universe().await?;
        let account = &self.shared.id;
        let mut all: Vec<CashEntry> = Vec::new();
        let fundings: Vec<FundingRow> =
            self.rows_since("userFunding", since, |row: &FundingRow| row.time).await?;
        all.extend(
            fundings.into_iter().filter_map(|row| of_funding(&universe, account, &row.into_funding())),
        );
        let kind = "userNonFundingLedgerUpdates";
        let ledger: Vec<LedgerEntry> = self.rows_since(kind, since, |row: &LedgerEntry| row.time).await?;
        all.extend(ledger.iter().filter_map(|entry| of_ledger(account, entry)));
        // Pages overlap by an instant.
        all.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        all.dedup_by(|a, b| a.id == b.id);
        Ok(all)
    }

    async fn rows_since<T: serde::de::DeserializeOwned>(
        &self,
        kind: &'static str,
        since: Timestamp,
        time: impl Fn(&T) -> i64,
    ) -> Result<Vec<T>, BrokerError> {
        let (mut all, mut start) = (Vec::new(), since.as_millisecond().max(0));
        for _ in 0..PAGES_MAX {
            let body = json!({"type": kind, "user": self.user(), "startTime": start});
            let page: Vec<T> = self.venue().info(venue::history(kind, LIST), &body).await?;
            let (last, full) = (page.iter().map(&time).max(), page.len() >= PAGE);
            all.extend(page);
            match last {
                Some(last) if full => start = last.max(start.saturating_add(1)),
                _ => return Ok(all),
            }
        }
        Err(mapping::unreadable(kind, "the list does not end".to_owned()))
    }
}
