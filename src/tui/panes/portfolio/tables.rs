//! Sums as rows with bars: what the money is in, gains and losses by day, symbol and class.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::client::message::PnlReport;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::snapshot::Snapshot;
use crate::domain::text::clean;
use crate::domain::total::{Total, TotalPart};
use crate::tui::env::Look;
use crate::tui::format;
use crate::tui::widgets::{bar, put, put_right};

const NAME_WIDTH: u16 = 17;
const VALUE_WIDTH: u16 = 13;
const PERCENT_WIDTH: u16 = 8;

/// A row: a name, an amount of money, and its part of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Of what.
    pub name: String,
    /// In the account's currency, signed.
    pub value: Decimal,
    /// Per cent of equity, signed; absent for gains and losses.
    pub percent: Option<Decimal>,
    /// Is it a gain or a loss.
    pub is_gain: bool,
}

/// Positions by the size of their value, then cash.
#[must_use]
pub fn allocation(snapshot: &Snapshot) -> Vec<Bar> {
    let Some(view) = snapshot.default_account() else { return Vec::new() };
    let account = &view.account;
    let equity = account.net_liquidation;
    let row = |name: String, value: Decimal| Bar {
        name,
        value,
        percent: (value * Decimal::ONE_HUNDRED).checked_div(equity),
        is_gain: false,
    };
    let own = snapshot.positions.iter().filter(|position| position.account == account.account);
    let mut rows: Vec<Bar> = own
        .filter_map(|position| Some(row(position.instrument.to_string(), position.market_value?)))
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.value.abs()));
    if !rows.is_empty() {
        rows.push(row("cash".to_owned(), account.cash));
    }
    rows
}

/// What each account is worth, in the currency of its mode's total and as a part of it; one without a rate in its own. Real money and paper
/// are never added up.
#[must_use]
pub fn by_account(snapshot: &Snapshot) -> Vec<Bar> {
    let row = |total: &Total, part: &TotalPart| match part.worth {
        Some(worth) => Bar {
            name: part.account.to_string(),
            value: worth,
            percent: (worth * Decimal::ONE_HUNDRED).checked_div(total.amount),
            is_gain: false,
        },
        None => Bar {
            name: format!("{} {}", part.account, part.own.currency),
            value: part.own.amount,
            percent: None,
            is_gain: false,
        },
    };
    let rows = |total: &Total| {
        let mut rows: Vec<Bar> = total.parts.iter().map(|part| row(total, part)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.value));
        rows
    };
    snapshot.totals.iter().flat_map(rows).collect()
}

/// Closed gains and losses by account day, newest first, the day that runs at the top as a whole.
#[must_use]
pub fn by_day(report: Option<&PnlReport>, snapshot: &Snapshot) -> Vec<Bar> {
    let today = snapshot.default_account().map(|view| view.account.day_pnl);
    let row = |name: String, value: Decimal| Bar { name, value, percent: None, is_gain: true };
    let days = report.map_or(&[][..], |report| report.by_day.as_slice());
    let closed = days
        .iter()
        .filter_map(|day| Some(row(day.day?.strftime("%a %d %b %y").to_string(), day.realized_pnl)));
    let running = today.filter(|today| !today.is_zero() || !days.is_empty());
    running.map(|today| row("today with open".to_owned(), today)).into_iter().chain(closed).collect()
}

/// Closed and open gains and losses together, the largest first.
fn sums<K: Ord>(
    report: Option<&PnlReport>,
    snapshot: &Snapshot,
    key: impl Fn(&Instrument) -> K,
) -> BTreeMap<K, Decimal> {
    let mut sums: BTreeMap<K, Decimal> = BTreeMap::new();
    for row in report.map_or(&[][..], |report| report.by_instrument.as_slice()) {
        if let Some(instrument) = &row.instrument {
            *sums.entry(key(instrument)).or_default() += row.realized_pnl;
        }
    }
    for position in snapshot.positions.iter().filter(|p| p.account == snapshot.default_account) {
        *sums.entry(key(&position.instrument)).or_default() += position.unrealized_pnl.unwrap_or_default();
    }
    sums
}

fn sorted(sums: impl Iterator<Item = (String, Decimal)>) -> Vec<Bar> {
    let mut rows: Vec<Bar> =
        sums.map(|(name, value)| Bar { name, value, percent: None, is_gain: true }).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.value));
    rows
}

/// By symbol, options with their underlying apart; the largest gain first.
#[must_use]
pub fn by_symbol(report: Option<&PnlReport>, snapshot: &Snapshot) -> Vec<Bar> {
    sorted(sums(report, snapshot, Instrument::to_string).into_iter())
}

/// By asset class; the largest gain first.
#[must_use]
pub fn by_class(report: Option<&PnlReport>, snapshot: &Snapshot) -> Vec<Bar> {
    let word = |class: AssetClass| match class {
        AssetClass::Equity => "shares and funds",
        AssetClass::Option => "options",
        AssetClass::Crypto => "crypto",
        AssetClass::Perpetual => "perpetuals",
        AssetClass::Fx => "currencies",
        AssetClass::Token => "tokens",
    };
    sorted(
        sums(report, snapshot, |i| word(i.asset_class()))
            .into_iter()
            .map(|(name, sum)| (name.to_owned(), sum)),
    )
}

/// Draws rows from `top` on. A bar beside a part in per cent is that part; else bars are parts of the largest.
pub fn draw(rows: &[Bar], top: usize, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let theme = look.theme;
    let most = rows.iter().map(|row| row.value.abs()).max().unwrap_or_default();
    for (line, row) in rows.iter().skip(top).take(usize::from(area.height)).enumerate() {
        let y = area.y + line as u16;
        let name = clean(&row.name);
        put(
            buf,
            area.x + 1,
            y,
            &format::fit(&name, NAME_WIDTH, theme.glyphs.ellipsis),
            theme.text,
            NAME_WIDTH,
        );
        let right = area.x + 1 + NAME_WIDTH + VALUE_WIDTH;
        let (text, style) = if row.is_gain {
            (format::signed(row.value, 2), theme.money(row.value.round_dp(2)))
        } else {
            (format::grouped(row.value, 2), theme.text)
        };
        put_right(buf, right, y, &text, style, VALUE_WIDTH);
        let mut end = area.right();
        if let Some(percent) = row.percent {
            let text = format!("{}%", format::grouped(percent, 1));
            put_right(buf, end.saturating_sub(1), y, &text, theme.dim, PERCENT_WIDTH);
            end = end.saturating_sub(PERCENT_WIDTH + 1);
        }
        let place = Rect { x: right + 1, y, width: end.saturating_sub(right + 2), height: 1 };
        let share = match row.percent {
            Some(percent) => percent.abs().checked_div(Decimal::ONE_HUNDRED),
            None => row.value.abs().checked_div(most),
        };
        let share = share.and_then(|share| share.to_f64()).unwrap_or_default().min(1.0);
        if place.width >= 4 {
            bar(buf, place, share, if row.is_gain { style } else { theme.accent }, theme);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::tests::trading_day;
    use super::*;

    #[test]
    fn each_account_is_a_part_of_its_own_mode() {
        use crate::domain::account::AccountMode;
        use crate::domain::ids::AccountId;
        use crate::domain::money::{Currency, Money};
        let part = |account: &str, own: i64, worth: Option<i64>| TotalPart {
            account: AccountId::new(account),
            own: Money::new(
                own.into(),
                if worth.is_some() { Currency::USD } else { Currency::new("EUR").unwrap() },
            ),
            worth: worth.map(Decimal::from),
        };
        let total = |mode, amount: i64, parts| Total {
            mode,
            currency: Currency::USD,
            amount: amount.into(),
            parts,
            unrated: Vec::new(),
            as_of: None,
        };
        let mut snapshot = trading_day::snapshot();
        assert!(by_account(&snapshot).is_empty());
        snapshot.totals = std::sync::Arc::new(vec![
            total(
                AccountMode::Live,
                400,
                vec![part("alpaca", 100, Some(100)), part("schwab", 300, Some(300))],
            ),
            total(AccountMode::Paper, 50, vec![part("paper", 50, Some(50)), part("other", 7, None)]),
        ]);
        let rows: Vec<(String, Decimal, Option<Decimal>)> =
            by_account(&snapshot).into_iter().map(|row| (row.name, row.value, row.percent)).collect();
        let of = |name: &str, value: i64, percent: Option<i64>| {
            (name.to_owned(), Decimal::from(value), percent.map(Decimal::from))
        };
        assert_eq!(
            rows,
            [
                of("schwab", 300, Some(75)),
                of("alpaca", 100, Some(25)),
                of("paper", 50, Some(100)),
                of("other EUR", 7, None)
            ]
        );
    }

    #[test]
    fn the_money_adds_up_to_what_it_is_in() {
        let snapshot = trading_day::snapshot();
        let rows = allocation(&snapshot);
        assert_eq!((rows[0].name.as_str(), rows.last().unwrap().name.as_str()), ("MSFT", "cash"));
        assert!(rows.windows(2).take(rows.len() - 2).all(|pair| pair[0].value.abs() >= pair[1].value.abs()));
        let parts = by_class(None, &snapshot);
        let open: Decimal = snapshot.positions.iter().filter_map(|p| p.unrealized_pnl).sum();
        assert_eq!(parts.iter().map(|row| row.value).sum::<Decimal>(), open);
        assert!(by_symbol(None, &snapshot).is_sorted_by_key(|row| std::cmp::Reverse(row.value)));
    }
}
