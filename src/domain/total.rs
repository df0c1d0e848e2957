//! What several accounts are worth together, in one currency. Real money and paper are never added up; what has no rate is named.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::account::{Account, AccountMode};
use super::ids::AccountId;
use super::money::{Currency, Money, decimal_text};

/// Units of the total's currency that one unit of another buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The units.
    pub units: Decimal,
    /// When it stood so; absent for what is the same by definition.
    pub as_of: Option<Timestamp>,
}

/// One account's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalPart {
    /// The account.
    pub account: AccountId,
    /// Its worth in its own currency.
    pub own: Money,
    /// The same in the total's; absent without a rate, and then in no sum.
    #[serde(default, with = "super::money::decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub worth: Option<Decimal>,
}

/// All accounts of one mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Real money or paper.
    pub mode: AccountMode,
    /// The currency it is in.
    pub currency: Currency,
    /// Cash and positions at their marks, of all accounts that have a rate.
    #[serde(with = "decimal_text")]
    pub amount: Decimal,
    /// Account by account.
    pub parts: Vec<TotalPart>,
    /// What is in no sum as nobody says what it is worth, by currency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unrated: Vec<Money>,
    /// The oldest rate that is in it; absent where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
}

/// Adds accounts up by mode, real money first. With each account comes what its own figures leave out for want of a rate.
#[must_use]
pub fn totals<'a>(
    accounts: impl Iterator<Item = (&'a Account, Vec<Money>)> + Clone,
    currency: Currency,
    rate: &dyn Fn(Currency) -> Option<Rate>,
) -> Vec<Total> {
    let modes = [AccountMode::Live, AccountMode::Paper];
    let of = |mode: AccountMode| {
        let own = accounts.clone().filter(move |(account, _)| account.mode == mode);
        let mut total = Total {
            mode,
            currency,
            amount: Decimal::ZERO,
            parts: Vec::new(),
            unrated: Vec::new(),
            as_of: None,
        };
        for (account, left_out) in own {
            let own = Money::new(account.net_liquidation, account.currency);
            let worth = total.add(own, rate);
            total.parts.push(TotalPart { account: account.account.clone(), own, worth });
            for money in left_out {
                total.add(money, rate);
            }
        }
        (!total.parts.is_empty()).then_some(total)
    };
    modes.into_iter().filter_map(of).collect()
}

impl Total {
    /// Takes an amount in; what has no rate is remembered by its name.
    fn add(&mut self, money: Money, rate: &dyn Fn(Currency) -> Option<Rate>) -> Option<Decimal> {
        if money.amount.is_zero() {
            return Some(Decimal::ZERO);
        }
        let rate = if money.currency == self.currency {
            Some(Rate { units: Decimal::ONE, as_of: None })
        } else {
            rate(money.currency)
        };
        let worth = rate.and_then(|rate| Some((money.amount.checked_mul(rate.units)?, rate.as_of)));
        let Some((worth, as_of)) = worth else {
            match self.unrated.iter_mut().find(|known| known.currency == money.currency) {
                Some(known) => known.amount += money.amount,
                None => self.unrated.push(money),
            }
            return None;
        };
        self.amount += worth;
        self.as_of = match (self.as_of, as_of) {
            (Some(oldest), Some(at)) => Some(oldest.min(at)),
            (known, new) => known.or(new),
        };
        Some(worth)
    }

    /// Is there more to it than one account's own figure.
    #[must_use]
    pub fn says_more(&self) -> bool {
        self.parts.len() > 1
            || !self.unrated.is_empty()
            || self.parts.iter().any(|part| part.own.currency != self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::AccountKind;

    fn account(name: &str, mode: AccountMode, worth: i64, currency: &str) -> Account {
        let zero = Decimal::ZERO;
        Account {
            account: AccountId::new(name),
            kind: AccountKind::Cash,
            mode,
            currency: Currency::new(currency).unwrap(),
            cash: zero,
            cash_by_currency: Vec::new(),
            settled_cash: zero,
            net_liquidation: worth.into(),
            long_market_value: zero,
            short_market_value: zero,
            buying_power: zero,
            initial_margin: zero,
            maintenance_margin: zero,
            excess_liquidity: zero,
            reserved: zero,
            day_pnl: zero,
            day_start_equity: zero,
            realized_pnl: zero,
            unrealized_pnl: zero,
            fees: zero,
            options_level: 0,
        }
    }

    #[test]
    fn accounts_add_up_by_mode_and_what_has_no_rate_is_named() {
        let (live, paper) = (AccountMode::Live, AccountMode::Paper);
        let all = [
            account("alpaca", live, 1_000, "USD"),
            account("paper", paper, 100_000, "USD"),
            account("hyperliquid", live, 500, "USDC"),
            account("kraken", live, 7, "XMR"),
        ];
        let odd = Money::new(3.into(), Currency::new("FOO").unwrap());
        let euros = Money::new(10.into(), Currency::new("EUR").unwrap());
        let left_out = [vec![odd, euros], vec![], vec![], vec![odd]];
        let at: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
        let rate = |currency: Currency| match currency.as_str() {
            "USDC" => Some(Rate { units: "0.999".parse().unwrap(), as_of: Some(at) }),
            "EUR" => Some(Rate { units: "1.1".parse().unwrap(), as_of: None }),
            _ => None,
        };
        let sums = totals(all.iter().zip(left_out), Currency::USD, &rate);
        assert_eq!(sums.len(), 2);
        let (first, second) = (&sums[0], &sums[1]);
        assert_eq!((first.mode, first.amount.normalize().to_string().as_str()), (live, "1510.5"));
        let named: Vec<String> = first.unrated.iter().map(ToString::to_string).collect();
        assert_eq!(named, ["6 FOO", "7 XMR"]);
        assert_eq!(first.parts[2].worth, None);
        assert_eq!((first.as_of, first.says_more()), (Some(at), true));
        assert_eq!((second.mode, second.amount, second.says_more()), (paper, 100_000.into(), false));
        let json = serde_json::to_string(first).unwrap();
        assert_eq!(serde_json::from_str::<Total>(&json).unwrap(), *first);
    }
}
