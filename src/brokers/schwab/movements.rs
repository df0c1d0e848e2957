//! Cash that moved without an order: dividends, interest, transfers. What became of units (`RECEIVE_AND_DELIVER`) says neither why nor in
//! exchange for what: positions show it.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::account::SchwabAccount;
use super::wire::{self, Transaction};
use super::{fees, symbols};
use crate::brokers::BrokerError;
use crate::domain::execution::{CashEntry, CashKind};
use crate::domain::ids::{AccountId, ExecutionId};
use crate::domain::money::Currency;
use crate::domain::movement::Movement;

/// What is asked for.
const KINDS: [&str; 9] = [
    "DIVIDEND_OR_INTEREST",
    "ACH_RECEIPT",
    "ACH_DISBURSEMENT",
    "CASH_RECEIPT",
    "CASH_DISBURSEMENT",
    "ELECTRONIC_FUND",
    "WIRE_OUT",
    "WIRE_IN",
    "JOURNAL",
];

/// A row as cash; `None` for what is not booked, or moved none.
fn movement(row: &Transaction, account: &AccountId) -> Option<Movement> {
    let amount = row.net_amount.filter(|amount| !amount.is_zero())?;
    if !KINDS.contains(&row.kind.as_str()) || row.status.as_deref().is_some_and(|status| status != "VALID") {
        return None;
    }
    let about = row
        .transfer_items
        .iter()
        .filter(|item| item.instrument.asset_type != "CURRENCY")
        .find_map(|item| symbols::read(&item.instrument.asset_type, &item.instrument.symbol));
    let kind = match (row.kind.as_str(), &about) {
        ("DIVIDEND_OR_INTEREST", Some(_)) => CashKind::Dividend,
        ("DIVIDEND_OR_INTEREST", None) => CashKind::Interest,
        _ => CashKind::Deposit,
    };
    let cash = CashEntry {
        id: ExecutionId::new(format!("moved-{}", row.activity_id)),
        account: account.clone(),
        kind,
        amount,
        currency: Currency::USD,
        instrument: about.filter(|_| kind == CashKind::Dividend),
        at: wire::time(&row.time)?,
    };
    Some(Movement { cash, action: None, units: Vec::new() })
}

impl SchwabAccount {
    /// What moved cash since an instant, oldest first.
    pub(super) async fn moved(&self, since: Timestamp) -> Result<Vec<Movement>, BrokerError> {
        let key = &self.number.hash_value;
        let rows = fees::transactions(&self.rest, key, since, self.now(), &KINDS).await?;
        let mut all: Vec<Movement> = rows.iter().filter_map(|row| movement(row, &self.id)).collect();
        all.sort_by_key(|movement| (movement.cash.at, movement.cash.amount < Decimal::ZERO));
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_dividends_interest_and_transfers() {
        let read = |kind: &str, net: &str, items: &str, status: &str| {
            let text = format!(
                r#"{{"activityId":7,"time":"2024-04-04T15:56:07+0000","type":"{kind}","netAmount":{net},"status":"{status}","transferItems":[{items}]}}"#
            );
            let row: Transaction = crate::brokers::json::read(text.as_bytes()).unwrap();
            movement(&row, &AccountId::new("a")).map(|movement| movement.cash)
        };
        let money =
            r#"{"instrument":{"assetType":"CURRENCY","symbol":"CURRENCY_USD"},"amount":12.5,"cost":0.0}"#;
        let share = r#"{"instrument":{"assetType":"EQUITY","symbol":"BND"},"amount":0.0,"cost":0.0}"#;
        let both = format!("{money},{share}");
        let paid = read("DIVIDEND_OR_INTEREST", "12.5", &both, "VALID").unwrap();
        assert_eq!((paid.kind, paid.id.as_str()), (CashKind::Dividend, "moved-7"));
        assert_eq!(paid.instrument.unwrap().to_string(), "BND");
        let interest = read("DIVIDEND_OR_INTEREST", "-3.1", money, "VALID").unwrap();
        assert_eq!((interest.kind, interest.amount.to_string().as_str()), (CashKind::Interest, "-3.1"));
        assert_eq!(read("WIRE_IN", "500", money, "VALID").unwrap().kind, CashKind::Deposit);
        assert_eq!(read("WIRE_IN", "500", money, "PENDING"), None);
        assert_eq!(read("TRADE", "500", money, "VALID"), None);
        assert_eq!(read("JOURNAL", "0.0", money, "VALID"), None);
    }
}
