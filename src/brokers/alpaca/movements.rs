//! Rows of the activities that are no trades: what companies did, and what moved cash. A split, a symbol change or a merger is several rows of
//! one group: what goes and what comes for it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::report::{booked_at, execution_id, instrument};
use super::wire::Activity;
use crate::domain::corporate::{CorporateAction, CorporateActionKind};
use crate::domain::execution::{CashEntry, CashKind, Execution, ExecutionKind};
use crate::domain::ids::{AccountId, ExecutionId};
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::movement::{Moved, Movement};
use crate::domain::order::Side;

/// The rows of one group are booked within this time: before it is over, one alone says nothing.
const BOOKED_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// Ratios of splits are of whole numbers up to this.
const RATIO_MAX: u32 = 1_000;
/// A ratio of quantities that were cut off at nine decimals is one of whole numbers within this.
const RATIO_OFF: Decimal = Decimal::from_parts(1, 0, 0, false, 4);

/// What a type of row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// Cash alone, and why.
    Cash(CashKind),
    /// Shares for shares.
    Split,
    /// Shares of something that is cut off.
    SpinOff,
    /// Another name.
    Rename,
    /// One company into another, or into money.
    Merger,
    /// Contracts for contracts.
    Contracts,
    /// Units that are taken off, worthless or for money, and others that come.
    Other,
    /// Units from another broker or account, or to one.
    Transfer,
    /// Listed among executions, or told by positions alone.
    Elsewhere,
}

fn about(row: &Activity) -> About {
    let sub = row.activity_sub_type.as_deref().unwrap_or_default();
    match row.activity_type.as_str() {
        // The same shares, more of them.
        "DIV" if sub == "SDIV" && row.net_amount.is_none_or(|amount| amount.is_zero()) => About::SpinOff,
        "DIVFEE" | "FEE" | "PTC" | "PTR" => About::Cash(CashKind::Fee),
        "CFEE" if row.qty.is_none() => About::Cash(CashKind::Fee),
        kind if kind.starts_with("DIV") => About::Cash(CashKind::Dividend),
        "CGD" | "WH" => About::Cash(CashKind::Dividend),
        kind if kind.starts_with("INT") => About::Cash(CashKind::Interest),
        // A journal entry is of cash or of units.
        "JNL" if row.qty.is_some_and(|units| !units.is_zero()) => About::Transfer,
        "CSD" | "CSW" | "JNL" | "JNLC" | "ACATC" | "TRANS" => About::Cash(CashKind::Deposit),
        "OPCSH" => About::Cash(CashKind::Corporate),
        "SPLIT" | "SSP" => About::Split,
        "SPIN" | "SSO" => About::SpinOff,
        "NC" | "SC" => About::Rename,
        "MA" => About::Merger,
        "OPCA" => About::Contracts,
        "REORG" | "VOF" | "FIMAT" => About::Other,
        "ACATS" | "FOPT" | "JNLS" => About::Transfer,
        "FILL" | "CFEE" | "OPASN" | "OPEXC" | "OPEXP" | "OPTRD" => About::Elsewhere,
        // What units do by a word that is new, positions tell; what is new is cash at least.
        _ if row.qty.is_some_and(|units| !units.is_zero()) => About::Elsewhere,
        _ => About::Cash(CashKind::Deposit),
    }
}

/// What the rows come to, oldest first. One whose group may not be whole yet at `now` is left for later.
pub(super) fn of(rows: &[Activity], account: &AccountId, now: Timestamp) -> Result<Vec<Movement>, String> {
    let mut groups: BTreeMap<(Option<Date>, String), Vec<&Activity>> = BTreeMap::new();
    for row in rows {
        if matches!(row.status.as_deref(), Some("canceled" | "pending")) {
            continue;
        }
        let key = match about(row) {
            About::Elsewhere => continue,
            About::Cash(_) | About::Transfer => row.id.clone(),
            kind => match &row.group_id {
                Some(group) => group.clone(),
                // Of one name both rows have the symbol, of two names neither has the other's.
                None if matches!(kind, About::Split | About::SpinOff | About::Other) => {
                    format!("{} {}", row.activity_type, row.symbol.as_deref().unwrap_or_default())
                }
                None => row.activity_type.clone(),
            },
        };
        groups.entry((row.date, key)).or_default().push(row);
    }
    let mut all = Vec::new();
    for group in groups.values() {
        all.extend(movement(group, account, now)?);
    }
    all.sort_by(|a, b| (a.cash.at, &a.cash.id).cmp(&(b.cash.at, &b.cash.id)));
    Ok(all)
}

/// The rows of one group by what they do.
struct Group<'a> {
    account: &'a AccountId,
    id: ExecutionId,
    at: Timestamp,
    out: Vec<(&'a Activity, Instrument, Decimal)>,
    into: Vec<(&'a Activity, Instrument, Decimal)>,
    cash: Decimal,
}

fn movement(rows: &[&Activity], account: &AccountId, now: Timestamp) -> Result<Option<Movement>, String> {
    let Some(first) = rows.iter().min_by_key(|row| &row.id) else { return Ok(None) };
    let kind = about(first);
    let booked = booked_at(first)?;
    if let About::Cash(why) = kind {
        return cash_alone(first, account, booked, why).map(Some);
    }
    if kind == About::Transfer {
        return transfer(first, account, booked);
    }
    // Units changed hands before the first trade of the day.
    let morning = first.date.and_then(|date| date.in_tz("America/New_York").ok());
    let at = morning.map_or(booked, |morning| morning.timestamp().min(booked));
    let id = execution_id(&first.id);
    let (mut out, mut into, mut cash) = (Vec::new(), Vec::new(), Decimal::ZERO);
    for row in rows {
        // Of contracts each row says what it was worth, which is paid to nobody.
        if kind != About::Contracts {
            cash += row.net_amount.unwrap_or_default();
        }
        let units = row.qty.unwrap_or_default();
        if units.is_zero() {
            continue;
        }
        let symbol = row.symbol.as_deref().unwrap_or_default();
        let what = instrument(symbol, "").map_err(|reason| format!("activity {}: {reason}", row.id))?;
        let side = if units.is_sign_negative() { &mut out } else { &mut into };
        side.push((*row, what, units.abs()));
    }
    let group = Group { account, id, at, out, into, cash };
    let pairs = matches!(kind, About::Split | About::Rename | About::Contracts);
    let waits = pairs || kind == About::Merger;
    let lone = group.out.is_empty() || group.into.is_empty();
    if waits && lone && group.cash.is_zero() && now.duration_since(booked) < BOOKED_WITHIN {
        return Ok(None);
    }
    Ok(Some(group.told(kind, first)))
}

/// Units that came (positive) or went. What else the row names is their worth, which is paid to nobody.
fn transfer(row: &Activity, account: &AccountId, at: Timestamp) -> Result<Option<Movement>, String> {
    let Some(units) = row.qty.filter(|units| !units.is_zero()) else { return Ok(None) };
    let symbol = row.symbol.as_deref().unwrap_or_default();
    let what = instrument(symbol, "").map_err(|reason| format!("activity {}: {reason}", row.id))?;
    let multiplier = InstrumentSpec::standard(what.clone()).multiplier;
    let moved = Execution {
        execution_id: execution_id(&row.id),
        account: account.clone(),
        client_order_id: None,
        broker_order_id: None,
        instrument: what.clone(),
        side: if units.is_sign_negative() { Side::Sell } else { Side::Buy },
        quantity: Quantity::new(units.abs()),
        price: Price::new(row.price.unwrap_or_default()),
        multiplier,
        fee: Decimal::ZERO,
        currency: currency(row),
        at,
        kind: ExecutionKind::Transfer,
    };
    let cash = CashEntry {
        id: execution_id(&row.id),
        account: account.clone(),
        kind: CashKind::Deposit,
        amount: Decimal::ZERO,
        currency: currency(row),
        instrument: Some(what),
        at,
    };
    Ok(Some(Movement { cash, action: None, units: vec![Moved::Units(moved)] }))
}

/// Cash that came or went by itself.
fn cash_alone(
    row: &Activity,
    account: &AccountId,
    at: Timestamp,
    kind: CashKind,
) -> Result<Movement, String> {
    let about = row.symbol.as_deref().filter(|symbol| !symbol.is_empty());
    // What a fee is about may be something that we have no word for.
    let instrument = about.and_then(|symbol| instrument(symbol, "").ok());
    let cash = CashEntry {
        id: execution_id(&row.id),
        account: account.clone(),
        kind,
        amount: row.net_amount.unwrap_or_default(),
        currency: currency(row),
        instrument: instrument.clone(),
        at,
    };
    let paid = row.per_share_amount.filter(|amount| amount.is_sign_positive() && !amount.is_zero());
    let dividend = (kind == CashKind::Dividend && cash.amount > Decimal::ZERO).then_some(()).and(paid);
    let action = instrument.zip(dividend).map(|(instrument, amount)| CorporateAction {
        instrument,
        ex_date: row.date.unwrap_or_else(|| crate::domain::calendar::exchange_date(at)),
        pay_date: row.date,
        kind: CorporateActionKind::Dividend { amount: Price::new(amount) },
    });
    Ok(Movement { cash, action, units: Vec::new() })
}

fn currency(row: &Activity) -> Currency {
    let said = row.currency.as_deref().and_then(|code| Currency::new(code).ok());
    said.unwrap_or(Currency::USD)
}

impl Group<'_> {
    fn told(self, kind: About, first: &Activity) -> Movement {
        let (mut units, mut cash, mut action) = (Vec::new(), self.cash, None);
        match (self.out.as_slice(), self.into.as_slice()) {
            // The same shares, more or fewer of them.
            ([(_, old, gone)], [(row, new, came)]) if old == new => {
                let added = came - gone;
                if !added.is_zero() {
                    units.push(Moved::Units(self.execution(row, new, added, Price::ZERO)));
                    action = Some(split(*gone, *came));
                }
            }
            ([(row, old, gone)], [(_, new, came), rest @ ..]) => {
                units.push(Moved::Exchanged {
                    id: execution_id(&row.id),
                    from: old.clone(),
                    quantity: Quantity::new(*gone),
                    into: new.clone(),
                    into_quantity: Quantity::new(*came),
                });
                for (row, what, came) in rest {
                    units.push(Moved::Units(self.execution(row, what, *came, Price::ZERO)));
                }
                action = self.exchanged(kind, old, new);
            }
            ([(row, what, gone)], []) => {
                let price = cash.checked_div(*gone).unwrap_or_default();
                let gone = self.execution(row, what, -*gone, Price::new(price));
                // What was paid for them comes with them.
                let paid = gone.quantity.get() * gone.price.get();
                cash -= paid;
                action = Some(match kind {
                    About::Merger if price > Decimal::ZERO => {
                        CorporateActionKind::CashMerger { amount: Price::new(price) }
                    }
                    _ => CorporateActionKind::Other { text: format!("{} are taken off", gone.quantity) },
                });
                units.push(Moved::Units(gone));
            }
            (out, into) => {
                for (row, what, gone) in out {
                    units.push(Moved::Units(self.execution(row, what, -*gone, Price::ZERO)));
                }
                for (row, what, came) in into {
                    units.push(Moved::Units(self.execution(row, what, *came, Price::ZERO)));
                    let text = format!("{came} {what} were given for it");
                    action = Some(CorporateActionKind::Other { text });
                }
            }
        }
        // What a company did to shares is told by the shares' rows where there are any; contracts tell what is theirs alone.
        let of = self.out.first().or(self.into.first()).map(|(_, what, _)| what.price_driver());
        let action = of.zip(action).map(|(instrument, kind)| CorporateAction {
            instrument,
            ex_date: first.date.unwrap_or_else(|| crate::domain::calendar::exchange_date(self.at)),
            pay_date: None,
            kind,
        });
        let entry = CashEntry {
            id: self.id,
            account: self.account.clone(),
            kind: CashKind::Corporate,
            amount: cash,
            currency: currency(first),
            instrument: action.as_ref().map(|action| action.instrument.clone()),
            at: self.at,
        };
        Movement { cash: entry, action, units }
    }

    /// What an exchange of one thing for another is.
    fn exchanged(&self, kind: About, old: &Instrument, new: &Instrument) -> Option<CorporateActionKind> {
        let symbol = match new.price_driver() {
            Instrument::Equity { symbol } => symbol,
            _ => return Some(CorporateActionKind::Other { text: format!("it is {new} now") }),
        };
        match kind {
            About::Rename => Some(CorporateActionKind::SymbolChange { to: symbol }),
            // Another strike of the same: positions say it.
            About::Contracts if old.price_driver() == new.price_driver() => None,
            _ => Some(CorporateActionKind::Other { text: format!("it became {new}") }),
        }
    }

    /// Units that came (positive) or went. Worthless ones have ended, which is a loss.
    fn execution(&self, row: &Activity, what: &Instrument, units: Decimal, price: Price) -> Execution {
        let worthless = units.is_sign_negative() && price.is_zero() && self.into.is_empty();
        let spec = InstrumentSpec::standard(what.clone());
        Execution {
            execution_id: execution_id(&row.id),
            account: self.account.clone(),
            client_order_id: None,
            broker_order_id: None,
            instrument: what.clone(),
            side: if units.is_sign_negative() { Side::Sell } else { Side::Buy },
            quantity: Quantity::new(units.abs()),
            price,
            multiplier: spec.multiplier,
            fee: Decimal::ZERO,
            currency: currency(row),
            at: self.at,
            kind: if worthless { ExecutionKind::Expiration } else { ExecutionKind::CorporateAction },
        }
    }
}

/// So many for so many, in the smallest whole numbers that come close enough.
fn split(gone: Decimal, came: Decimal) -> CorporateActionKind {
    let odd = || CorporateActionKind::Other { text: format!("{gone} became {came}") };
    let Some(ratio) = came.checked_div(gone) else { return odd() };
    for denominator in 1..=RATIO_MAX {
        let numerator = (ratio * Decimal::from(denominator)).round();
        let off = (numerator / Decimal::from(denominator) - ratio).abs();
        if !numerator.is_zero() && off <= ratio * RATIO_OFF {
            return u32::try_from(numerator)
                .map_or_else(|_| odd(), |numerator| CorporateActionKind::Split { numerator, denominator });
        }
    }
    odd()
}

#[cfg(test)]
mod tests;
