//! What fills cost: Schwab says it in its transactions and nowhere else, some time after the fill. Each fee is an entry of cash, told once.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tokio::time::Instant;

use super::account::SchwabAccount;
use super::rest::{READS, Rest, unreadable};
use super::symbols;
use super::wire::{self, Transaction};
use crate::brokers::BrokerError;
use crate::brokers::http::Call;
use crate::domain::execution::{AccountEvent, CashEntry, CashKind};
use crate::domain::ids::{AccountId, ExecutionId};
use crate::domain::money::Currency;

const TRANSACTIONS: Call = Call::history("transactions", READS);
/// How far back fees are looked for: as far as ended orders are.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The longest time that one question may be about.
const LONGEST: SignedDuration = SignedDuration::from_hours(364 * 24);
/// Rows that an answer holds at most: one of as many was cut off.
const ROWS_MAX: usize = 3_000;
/// Between two questions, and from a fill to the first.
const POLL: Duration = Duration::from_secs(300);
const AFTER_FILL: Duration = Duration::from_secs(2);
/// A fee comes at most this often late: so many questions after a fill, each twice as late as the one before.
const TRIES: u32 = 6;
/// Fees that are remembered as told; the journal knows the others.
const TOLD_MAX: usize = 20_000;

/// Movements of an account between two instants, of the kinds that are named (`TRADE`, `DIVIDEND_OR_INTEREST`, ...).
pub(super) async fn transactions(
    rest: &Rest,
    key: &str,
    from: Timestamp,
    to: Timestamp,
    kinds: &[&str],
) -> Result<Vec<Transaction>, BrokerError> {
    // It takes a year at most, and refuses a longer time.
    let from = from.max(to.checked_sub(LONGEST).unwrap_or(from));
    let path = format!(
        "/accounts/{}/transactions?startDate={}&endDate={}&types={}",
        symbols::escaped(key),
        symbols::instant(from),
        symbols::instant(to),
        symbols::escaped(&kinds.join(","))
    );
    let rows: Vec<Transaction> = rest.get(TRANSACTIONS, &rest.trader.at(&path)).await?.json()?;
    if rows.len() >= ROWS_MAX {
        return Err(unreadable(TRANSACTIONS.name, format!("there are more than {ROWS_MAX} of them")));
    }
    Ok(rows)
}

/// The fees of a trade as cash that left the account; `None` where it had none, or is not booked.
fn entry(row: &Transaction, account: &AccountId) -> Option<CashEntry> {
    if row.kind != "TRADE" || row.status.as_deref().is_some_and(|status| status != "VALID") {
        return None;
    }
    let fees = row.transfer_items.iter().filter(|item| item.fee_type.is_some());
    // The cash is what it costs; a row that only says an amount means the same, without its sign.
    let cash = |item: &wire::TransferItem| match item.cost.filter(|cost| !cost.is_zero()) {
        Some(cost) => cost,
        None => -item.amount.unwrap_or_default().abs(),
    };
    let amount: Decimal = fees.map(cash).sum();
    let traded = row.transfer_items.iter().find(|item| item.fee_type.is_none());
    Some(CashEntry {
        id: ExecutionId::new(format!("fee-{}", row.activity_id)),
        account: account.clone(),
        kind: CashKind::Fee,
        amount,
        currency: Currency::USD,
        instrument: traded
            .and_then(|item| symbols::read(&item.instrument.asset_type, &item.instrument.symbol)),
        at: wire::time(&row.time)?,
    })
    .filter(|entry| !entry.amount.is_zero())
}

/// When fees are asked for, and which were told.
pub(super) struct Fees {
    told: BTreeSet<ExecutionId>,
    due: Instant,
    tries: u32,
}

impl Fees {
    /// Asked for as soon as the account is up.
    pub(super) fn new() -> Self {
        Self { told: BTreeSet::new(), due: Instant::now(), tries: 0 }
    }

    /// When the next question is due.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// Something has filled: what it cost is known soon.
    pub(super) fn filled(&mut self) {
        (self.due, self.tries) = (Instant::now() + AFTER_FILL, TRIES);
    }

    /// Fees that were not told yet.
    pub(super) async fn ask(&mut self, account: &SchwabAccount) -> Result<Vec<AccountEvent>, BrokerError> {
        let pause = if self.tries > 0 { AFTER_FILL * 2_u32.pow(TRIES - self.tries + 1) } else { POLL };
        self.tries = self.tries.saturating_sub(1);
        self.due = Instant::now() + pause;
        let to = account.now();
        let from = to.checked_sub(RECENT).unwrap_or(Timestamp::UNIX_EPOCH);
        let rows = transactions(&account.rest, &account.number.hash_value, from, to, &["TRADE"]).await?;
        let mut news = Vec::new();
        for entry in rows.iter().filter_map(|row| entry(row, &account.id)) {
            if self.told.len() >= TOLD_MAX {
                self.told.pop_first();
            }
            if self.told.insert(entry.id.clone()) {
                news.push(AccountEvent::Cash(entry));
            }
        }
        Ok(news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_are_cash_that_left() {
        let read = |items: &str, more: &str| {
            let text = format!(
                r#"{{"activityId":7,"time":"2024-04-04T15:56:07+0000","type":"TRADE","netAmount":-12.99,{more}"transferItems":[
                {{"instrument":{{"assetType":"EQUITY","symbol":"BND"}},"amount":1,"cost":-12.34,"price":12.34}},{items}]}}"#
            );
            let row: Transaction = crate::brokers::json::read(text.as_bytes()).unwrap();
            entry(&row, &AccountId::new("a"))
        };
        let fee = |kind: &str, amount: &str, cost: &str| {
            format!(
                r#"{{"instrument":{{"assetType":"CURRENCY","symbol":"CURRENCY_USD"}},"amount":{amount},"cost":{cost},"feeType":"{kind}"}}"#
            )
        };
        let both = format!("{},{}", fee("COMMISSION", "0.65", "-0.65"), fee("SEC_FEE", "0.01", "0.0"));
        let told = read(&both, "").unwrap();
        assert_eq!((told.amount.to_string().as_str(), told.id.as_str()), ("-0.66", "fee-7"));
        assert_eq!((told.kind, told.instrument.unwrap().to_string().as_str()), (CashKind::Fee, "BND"));
        assert_eq!(read(&fee("COMMISSION", "0.0", "0.0"), ""), None);
        assert_eq!(read(&both, r#""status":"PENDING","#), None);
        assert!(read(&both, r#""status":"VALID","#).is_some());
    }
}
