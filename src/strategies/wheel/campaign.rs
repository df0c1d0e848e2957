//! What a wheel remembers of a slot: the campaign's ledger, from the first option to the day when nothing is left, and the few dates that
//! positions do not tell.
//!
//! Only executions are booked, each once, in the order they come: an assignment may be heard of before its shares or after them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use crate::domain::corporate::renamed_contract;
use crate::domain::execution::Execution;
use crate::domain::instrument::Symbol;
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{OptionContract, Right};

use crate::strategies::options::slots::Kept;

use super::SHARES;

/// A written contract with what it brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) contract: OptionContract,
    /// Contracts that are open.
    pub(super) contracts: Decimal,
    /// Credit of those, in money.
    pub(super) credit: Decimal,
    /// Fees of those.
    pub(super) fees: Decimal,
}

/// The ledger of one campaign, in the account's currency; every amount is positive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Campaign {
    /// Counts campaigns of the slot, from 1; 0 before the first.
    pub(super) number: u32,
    pub(super) started: Option<Date>,
    /// What options brought, and what buying them back cost.
    pub(super) credits: Decimal,
    pub(super) debits: Decimal,
    pub(super) fees: Decimal,
    /// What shares cost and brought.
    pub(super) share_cost: Decimal,
    pub(super) share_proceeds: Decimal,
    pub(super) dividends: Decimal,
    /// Shares booked, and those that an assignment brings (positive) or takes and that have not come yet.
    pub(super) shares: Decimal,
    pub(super) awaited: Decimal,
    /// Net cost of the shares that are held: strikes, less put premiums, with fees.
    pub(super) net_cost: Decimal,
    /// Their strikes or purchase prices alone.
    pub(super) gross_cost: Decimal,
    /// Gain of puts that were closed and not assigned: what rolls earned before the shares came.
    pub(super) put_gain: Decimal,
    /// Most money that strikes and shares tied up at one time.
    pub(super) tied_up: Decimal,
    /// Open contracts by OCC symbol.
    pub(super) written: BTreeMap<String, Written>,
    /// Contracts bought back that had been assigned meanwhile: long by accident, by OCC symbol.
    pub(super) long: BTreeMap<String, Decimal>,
    pub(super) put_rolls: u32,
    pub(super) call_rolls: u32,
}

impl Campaign {
    /// Gain or loss booked so far; open positions count as what they cost and brought.
    pub(super) fn cash_result(&self) -> Decimal {
        self.credits - self.debits + self.share_proceeds - self.share_cost + self.dividends - self.fees
    }

    /// Nothing is open, and nothing is on its way.
    pub(super) fn is_flat(&self) -> bool {
        self.written.is_empty() && self.long.is_empty() && (self.shares + self.awaited).is_zero()
    }

    /// Cost per share after put premiums; `None` without shares.
    pub(super) fn net_basis(&self) -> Option<Price> {
        let shares = self.shares + self.awaited;
        (shares > Decimal::ZERO).then(|| Price::new((self.net_cost / shares).round_dp(4)))
    }

    /// What the shares were assigned or bought at.
    pub(super) fn gross_basis(&self) -> Option<Price> {
        let shares = self.shares + self.awaited;
        (shares > Decimal::ZERO).then(|| Price::new((self.gross_cost / shares).round_dp(4)))
    }

    /// Result in money and yearly in per cent of the most that was tied up, when what is on its way comes.
    pub(super) fn result(&self, today: Date) -> (Decimal, i32, f64) {
        let days = self.started.map_or(0, |started| crate::quant::contracts::days_to_expiry(today, started));
        let pnl = self.cash_result();
        let part = pnl.checked_div(self.tied_up).map_or(0.0, crate::quant::number::to_f64);
        let yearly = if days > 0 { part * 365.0 / f64::from(days) * 100.0 } else { 0.0 };
        (pnl, days, yearly)
    }

    fn tie_up(&mut self) {
        let puts = self.written.values().filter(|open| open.contract.right == Right::Put);
        let strikes: Decimal = puts.map(|open| open.contract.strike.get() * SHARES * open.contracts).sum();
        self.tied_up = self.tied_up.max(strikes + self.gross_cost.max(Decimal::ZERO));
    }

    /// Sells what is long by accident; returns how many contracts that leaves to be written.
    fn sell_long(&mut self, contract: &OptionContract, execution: &Execution) -> Decimal {
        let key = contract.occ_symbol();
        let Some(long) = self.long.get_mut(&key) else { return execution.quantity.get() };
        let sold = execution.quantity.get().min(*long);
        *long -= sold;
        if long.is_zero() {
            self.long.remove(&key);
        }
        self.credits += execution.price.get() * sold * execution.multiplier;
        let rest = execution.quantity.get() - sold;
        if rest.is_zero() {
            self.fees += execution.fee;
        }
        rest
    }

    /// A contract was written.
    fn write(&mut self, contract: &OptionContract, execution: &Execution) {
        let credit = execution.price.notional(execution.quantity) * execution.multiplier;
        self.credits += credit;
        self.fees += execution.fee;
        let open = self.written.entry(contract.occ_symbol()).or_insert_with(|| Written {
            contract: contract.clone(),
            contracts: Decimal::ZERO,
            credit: Decimal::ZERO,
            fees: Decimal::ZERO,
        });
        open.contracts += execution.quantity.get();
        open.credit += credit;
        open.fees += execution.fee;
        self.tie_up();
    }

    /// Takes contracts out of what is open, with their part of credit and fees.
    fn take(&mut self, contract: &OptionContract, contracts: Decimal) -> (Decimal, Decimal) {
        let key = contract.occ_symbol();
        let Some(open) = self.written.get_mut(&key) else { return (Decimal::ZERO, Decimal::ZERO) };
        let taken = contracts.min(open.contracts);
        let part = |sum: Decimal| (sum * taken).checked_div(open.contracts).unwrap_or_default();
        let (credit, fees) = (part(open.credit), part(open.fees));
        open.contracts -= taken;
        open.credit -= credit;
        open.fees -= fees;
        if open.contracts <= Decimal::ZERO {
            self.written.remove(&key);
        }
        (credit, fees)
    }

    /// A contract was bought back. Returns what it earned, negative for a loss; nothing of one whose credit is not known here.
    fn buy_back(&mut self, contract: &OptionContract, execution: &Execution) -> Option<Decimal> {
        let debit = execution.price.notional(execution.quantity) * execution.multiplier;
        self.debits += debit;
        self.fees += execution.fee;
        let key = contract.occ_symbol();
        let open = self.written.get(&key).map_or(Decimal::ZERO, |open| open.contracts);
        let beyond = execution.quantity.get() - open;
        if beyond > Decimal::ZERO {
            *self.long.entry(key).or_default() += beyond;
        }
        let (credit, fees) = self.take(contract, execution.quantity.get());
        let gain = credit - debit - fees - execution.fee;
        if contract.right == Right::Put {
            self.put_gain += gain;
        }
        (open > Decimal::ZERO).then_some(gain)
    }

    /// Contracts were bought back by somebody else, about at this price; at what they brought where nobody knows one.
    pub(super) fn release(&mut self, contract: &OptionContract, contracts: Decimal, price: Option<Price>) {
        let open = self.written.get(&contract.occ_symbol()).map_or(Decimal::ZERO, |open| open.contracts);
        let contracts = contracts.min(open);
        let (credit, fees) = self.take(contract, contracts);
        let debit = price.map_or(credit, |price| price.get() * contracts * SHARES);
        self.debits += debit;
        if contract.right == Right::Put {
            self.put_gain += credit - debit - fees;
        }
    }

    /// Contracts ended worthless.
    pub(super) fn expire(&mut self, contract: &OptionContract, execution: &Execution) {
        self.fees += execution.fee;
        let (credit, fees) = self.take(contract, execution.quantity.get());
        if contract.right == Right::Put {
            self.put_gain += credit - fees - execution.fee;
        }
    }

    /// Contracts were assigned: their shares are on the way. Returns the net cost per share of a put, and nothing of a call.
    pub(super) fn assign(&mut self, contract: &OptionContract, execution: &Execution) -> Option<Price> {
        self.fees += execution.fee;
        let (credit, fees) = self.take(contract, execution.quantity.get());
        let shares = execution.quantity.get() * SHARES;
        let strikes = contract.strike.get() * shares;
        if contract.right == Right::Call {
            self.awaited -= shares;
            self.reduce_basis(shares);
            return None;
        }
        self.awaited += shares;
        let premium = credit - fees - execution.fee + std::mem::take(&mut self.put_gain);
        self.net_cost += strikes - premium;
        self.gross_cost += strikes;
        self.tie_up();
        Some(Price::new(((strikes - premium) / shares.max(Decimal::ONE)).round_dp(2)))
    }

    fn reduce_basis(&mut self, shares: Decimal) {
        // What is on its way out counts no more, what is on its way in does.
        let before = self.shares + self.awaited + shares;
        let left = |cost: Decimal| {
            (cost * (before - shares).max(Decimal::ZERO)).checked_div(before).unwrap_or_default()
        };
        (self.net_cost, self.gross_cost) = (left(self.net_cost), left(self.gross_cost));
    }

    /// Shares came or went by an assignment that was, or will be, heard of by its options.
    fn deliver(&mut self, execution: &Execution) {
        let value = execution.price.notional(execution.quantity);
        self.fees += execution.fee;
        let units = execution.signed_quantity().get();
        if units > Decimal::ZERO {
            self.share_cost += value
        } else {
            self.share_proceeds += value
        }
        self.shares += units;
        self.awaited -= units;
    }

    /// Shares were bought or sold by an order, adopted, or sold by hand.
    pub(super) fn trade_shares(&mut self, units: Decimal, price: Price, fee: Decimal) {
        let value = price.get() * units.abs();
        self.fees += fee;
        self.shares += units;
        if units > Decimal::ZERO {
            self.share_cost += value;
            self.net_cost += value + fee;
            self.gross_cost += value;
            self.tie_up();
        } else {
            self.share_proceeds += value;
            self.reduce_basis(-units);
        }
    }

    /// What a corporate action moved: shares at no cost; shares for money; contracts that went, and those that stand in for them, at what the
    /// account has booked them at, so that what they brought stays what it was.
    pub(super) fn moved(&mut self, execution: &Execution) {
        let units = execution.signed_quantity().get();
        match execution.instrument.as_option() {
            None if execution.price.is_zero() => self.shares += units,
            None => self.trade_shares(units, execution.price, execution.fee),
            Some(contract) if execution.side.is_buy() => {
                self.buy_back(contract, execution);
            }
            Some(contract) => self.write(contract, execution),
        }
    }

    /// The shares trade under another symbol, and contracts on them with them.
    pub(super) fn rename(&mut self, to: &Symbol) {
        let new = |mut open: Written| {
            open.contract = renamed_contract(&open.contract, to);
            (open.contract.occ_symbol(), open)
        };
        self.written = std::mem::take(&mut self.written).into_values().map(new).collect();
    }

    /// A dividend on the shares that are held.
    pub(super) fn pay(&mut self, per_share: Price) {
        self.dividends += per_share.get() * self.shares.max(Decimal::ZERO);
    }
}

/// What a fill of an order did to the ledger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Booked {
    /// A contract was written.
    Written,
    /// A contract was bought back, with this gain where it is known.
    BoughtBack(Option<Decimal>),
    /// Something else.
    Other,
}

/// What a slot remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    pub(super) campaign: Campaign,
    /// Result of the campaigns before this one.
    pub(super) earlier: Decimal,
    /// A roll has bought back and not written yet: the campaign goes on although nothing is open.
    pub(super) half_rolled: bool,
    /// The contract a roll is buying back.
    pub(super) rolling: Option<String>,
    /// Nothing is opened before this day.
    pub(super) cooldown_until: Option<Date>,
    /// Contracts opened on a day.
    pub(super) opened: Option<(Date, i64)>,
    /// Since when no call at the floor pays, and whether that was said.
    pub(super) underwater_since: Option<Date>,
    pub(super) underwater_said: bool,
    #[serde(flatten)]
    pub(super) kept: Kept,
}

impl AsRef<Kept> for Memory {
    fn as_ref(&self) -> &Kept {
        &self.kept
    }
}

impl AsMut<Kept> for Memory {
    fn as_mut(&mut self) -> &mut Kept {
        &mut self.kept
    }
}

impl Memory {
    /// Books a fill of one of our orders.
    pub(super) fn trade(&mut self, execution: &Execution, today: Date) -> Booked {
        let Some(contract) = execution.instrument.as_option() else {
            let units = execution.signed_quantity().get();
            self.begin(today);
            self.campaign.trade_shares(units, execution.price, execution.fee);
            return Booked::Other;
        };
        let key = contract.occ_symbol();
        if !execution.side.is_buy() {
            let written = self.campaign.sell_long(contract, execution);
            if written.is_zero() {
                return Booked::Other;
            }
            self.begin(today);
            let rest = Execution { quantity: Quantity::new(written), ..execution.clone() };
            self.campaign.write(contract, &rest);
            self.half_rolled = false;
            let count = self.opened.filter(|(day, _)| *day == today).map_or(0, |(_, count)| count);
            let units = written.to_i64().unwrap_or(1);
            self.opened = Some((today, count + units));
            return Booked::Written;
        }
        let gain = self.campaign.buy_back(contract, execution);
        if self.rolling.as_deref() == Some(key.as_str()) {
            self.rolling = None;
            self.half_rolled = true;
            let rolls = match contract.right {
                Right::Put => &mut self.campaign.put_rolls,
                Right::Call => &mut self.campaign.call_rolls,
            };
            *rolls += 1;
        }
        Booked::BoughtBack(gain)
    }

    /// A new campaign, where the one before has ended.
    fn begin(&mut self, today: Date) {
        let number = self.campaign.number.saturating_add(1);
        if self.campaign.started.is_none() {
            (self.campaign.number, self.campaign.started) = (number, Some(today));
        } else if self.campaign.is_flat() && !self.half_rolled {
            self.earlier += self.campaign.cash_result();
            self.campaign = Campaign { number, started: Some(today), ..Campaign::default() };
        }
    }

    /// Books shares that an assignment or exercise moved.
    pub(super) fn deliver(&mut self, execution: &Execution, today: Date) {
        if self.campaign.started.is_none() {
            self.begin(today);
        }
        self.campaign.deliver(execution);
    }

    /// Shares that came or went by no order of its own.
    pub(super) fn adopt(&mut self, units: Decimal, price: Price, today: Date) {
        self.begin(today);
        self.campaign.trade_shares(units, price, Decimal::ZERO);
    }
}
