//! What moved without an order: dividends, interest, transfers of cash and of shares. Of the units in `RECEIVE_AND_DELIVER` only those that a
//! transfer brought or took are read: what a company did says neither why nor in exchange for what, and positions show it.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::account::SchwabAccount;
use super::wire::{self, Transaction};
use super::{fees, symbols};
use crate::brokers::BrokerError;
use crate::domain::execution::{CashEntry, CashKind, Execution, ExecutionKind};
use crate::domain::ids::{AccountId, ExecutionId};
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::movement::{Moved, Movement};
use crate::domain::order::Side;

/// Units that came or went.
const RECEIVED: &str = "RECEIVE_AND_DELIVER";
/// Words of what a company did, which is no transfer whatever else is said of it.
const OF_COMPANIES: [&str; 9] =
    ["SPLIT", "MERGER", "SPIN", "EXCHANGE", "NAME CHANGE", "REORG", "DIVIDEND", "REDEM", "TENDER"];
/// What is asked for.
const KINDS: [&str; 10] = [
    RECEIVED,
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
    if row.kind == RECEIVED {
        return received(row, account);
    }
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

/// Shares that a transfer brought or took, one kind of them and nothing for them. What else is in such a row is left to positions.
fn received(row: &Transaction, account: &AccountId) -> Option<Movement> {
    let valid = row.status.as_deref().is_none_or(|status| status == "VALID");
    let about = row.description.as_deref().unwrap_or_default().to_ascii_uppercase();
    let by_transfer = row.activity_type.as_deref() == Some("TRANSFER")
        && !OF_COMPANIES.iter().any(|word| about.contains(word));
    let free = row.net_amount.is_none_or(|amount| amount.is_zero());
    let mut items = row.transfer_items.iter().filter(|item| item.instrument.asset_type != "CURRENCY");
    let (Some(item), None) = (items.next(), items.next()) else { return None };
    if !valid || !by_transfer || !free || row.order_id.is_some() {
        return None;
    }
    let instrument = symbols::read(&item.instrument.asset_type, &item.instrument.symbol)?;
    let units = item.amount.filter(|units| !units.is_zero())?;
    if instrument.as_option().is_some() {
        return None;
    }
    let (id, at) = (ExecutionId::new(format!("moved-{}", row.activity_id)), wire::time(&row.time)?);
    let moved = Execution {
        execution_id: id.clone(),
        account: account.clone(),
        client_order_id: None,
        broker_order_id: None,
        instrument: instrument.clone(),
        side: if units.is_sign_negative() { Side::Sell } else { Side::Buy },
        quantity: Quantity::new(units.abs()),
        price: Price::new(item.price.map(|price| price.abs()).unwrap_or_default()),
        multiplier: Decimal::ONE,
        fee: Decimal::ZERO,
        currency: Currency::USD,
        at,
        kind: ExecutionKind::Transfer,
    };
    let cash = CashEntry {
        id,
        account: account.clone(),
        kind: CashKind::Deposit,
        amount: Decimal::ZERO,
        currency: Currency::USD,
        instrument: Some(instrument),
        at,
    };
    Some(Movement { cash, action: None, units: vec![Moved::Units(moved)] })
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

    #[test]
    fn shares_of_a_transfer_come_and_go_at_what_is_said_of_them() {
        let read = |activity: &str, about: &str, items: &str, more: &str| {
            let text = format!(
                r#"{{"activityId":9,"time":"2024-04-04T15:56:07+0000","type":"RECEIVE_AND_DELIVER","activityType":"{activity}","status":"VALID",
                "description":"{about}"{more},"transferItems":[{items}]}}"#
            );
            let row: Transaction = crate::brokers::json::read(text.as_bytes()).unwrap();
            let movement = movement(&row, &AccountId::new("a"))?;
            let [Moved::Units(it)] = movement.units.as_slice() else { panic!("{movement:?}") };
            assert_eq!((movement.cash.amount, it.kind), (Decimal::ZERO, ExecutionKind::Transfer));
            Some(format!(
                "{} {} {} {} at {}",
                movement.cash.id, it.side, it.quantity, it.instrument, it.price
            ))
        };
        let share = |amount: &str| {
            format!(
                r#"{{"instrument":{{"assetType":"EQUITY","symbol":"BRK/B"}},"amount":{amount},"cost":0.0,"price":401.5}}"#
            )
        };
        let put = r#"{"instrument":{"assetType":"OPTION","symbol":"AAPL  240517P00190000"},"amount":-1.0}"#;
        let came = read("TRANSFER", "TRANSFER OF SECURITY OR OPTION IN", &share("10.0"), "");
        assert_eq!(came.as_deref(), Some("moved-9 buy 10 BRK.B at 401.5"));
        let went = read("TRANSFER", "", &share("-2.5"), r#","netAmount":0.0"#);
        assert_eq!(went.as_deref(), Some("moved-9 sell 2.5 BRK.B at 401.5"));
        for (activity, about, items, more) in [
            ("TRANSFER", "STOCK SPLIT", share("10.0"), ""),
            ("TRANSFER", "Mandatory merger", share("10.0"), ""),
            ("ACTIVITY_CORRECTION", "", share("10.0"), ""),
            ("TRANSFER", "", share("0.0"), ""),
            ("TRANSFER", "", format!("{},{}", share("10.0"), share("-10.0")), ""),
            ("TRANSFER", "REMOVAL OF OPTION DUE TO EXPIRATION", put.to_owned(), ""),
            ("TRANSFER", "", share("10.0"), r#","netAmount":-5.0"#),
            ("TRANSFER", "", share("10.0"), r#","orderId":1000000000001"#),
        ] {
            assert_eq!(read(activity, about, &items, more), None, "{activity} {about}{more}");
        }
    }
}
