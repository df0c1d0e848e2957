//! How much of an account's limits is used: what the risk screen shows. The checks themselves are `core::risk`'s.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::core::risk;
use crate::domain::account::Account;
use crate::domain::instrument::Instrument;
use crate::domain::limits::RiskUse;

use super::{Books, Engine};

/// A part in per cent of a whole; zero of nothing.
fn percent(part: Decimal, whole: Decimal) -> Decimal {
    if whole <= Decimal::ZERO {
        return Decimal::ZERO;
    }
    part.saturating_mul(Decimal::ONE_HUNDRED).checked_div(whole).unwrap_or_default().round_dp(2)
}

impl Engine {
    pub(super) fn used(&self, books: &Books, account: &Account) -> RiskUse {
        let equity = account.net_liquidation;
        let positions = books.portfolio.positions();
        let largest_position = positions
            .iter()
            .filter_map(|position| Some((&position.instrument, position.market_value?.abs())))
            .max_by_key(|(_, value)| *value)
            .map(|(instrument, value)| (instrument.clone(), percent(value, equity)));
        // Where a currency has no rate nothing can be said but what the books say.
        let gross = risk::exposure(&self.risk_view(books, account))
            .unwrap_or_else(|| account.long_market_value.saturating_add(account.short_market_value.abs()));
        let mut of_one: BTreeMap<&Instrument, u32> = BTreeMap::new();
        let mut open_orders = 0;
        let own = |order: &&crate::domain::order::Order| order.request.account == books.setup.account;
        for order in self.book.working().filter(own) {
            open_orders += 1;
            for instrument in order.request.subject.instruments() {
                *of_one.entry(instrument).or_default() += 1;
            }
        }
        let high = books.equity_high(account.day_start_equity);
        let orders = |seconds| {
            u32::try_from(books.activity.orders_within(self.now, seconds, false)).unwrap_or(u32::MAX)
        };
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        RiskUse {
            largest_position,
            exposure_percent: percent(gross, equity),
            open_orders,
            open_orders_of_one: of_one.values().copied().max().unwrap_or(0),
            daily_loss_percent: percent((-account.day_pnl).max(Decimal::ZERO), account.day_start_equity),
            drawdown_percent: percent((high - equity).max(Decimal::ZERO), high),
            orders_last_second: orders(1),
            orders_last_minute: orders(60),
            loss_streak: count(books.guarded.guards.streak()),
            stop_outs: count(match books.setup.limits.guard_by_instrument {
                true => books.guarded.guards.most_stop_outs(self.now),
                false => books.guarded.guards.stop_outs(self.now, None),
            }),
            locks: books.guarded.guards.locks(self.now),
        }
    }
}
