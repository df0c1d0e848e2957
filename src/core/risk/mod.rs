//! Pre-trade risk: the only room that approves an order. Pure and total; all checks run, those that pass are reported too.
//! The list follows SEC rule 15c3-5: capital, erroneous orders by size, price and repetition, restrictions, authority.

mod activity;
mod checks;
mod cost;
mod day_trades;
mod delta;
mod good_faith;
mod rates;
mod view;

use rust_decimal::Decimal;

use crate::domain::denial::{Denial, DenialCode, RiskCheck, Verdict};
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::order::{Approved, Order, OrderRequest};

pub use activity::Activity;
pub use cost::{CostEstimate, estimate, reserved, reserved_by};
pub use day_trades::DayTrades;
pub use delta::implied_delta;
pub use good_faith::{GOOD_FAITH_MAX, GoodFaith};
pub use rates::{from_pairs, rate};
pub use view::{MarketView, RiskView};

/// Which results of checks are kept. All checks are run for either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All of them.
    All,
    /// Those that deny.
    Failures,
}

/// The checks' results, and the verdict.
#[derive(Clone, Debug)]
pub struct RiskOutcome {
    /// Every one that was to be kept, in the order of `DenialCode::ALL`.
    pub checks: Vec<RiskCheck>,
    /// Does the order do nothing but reduce what is held and not claimed by other orders.
    pub reduces: bool,
    /// The approved order, or every reason against it.
    pub result: Result<Approved<OrderRequest>, Vec<Denial>>,
}

impl RiskOutcome {
    /// The answer for an account that the engine does not keep.
    #[must_use]
    pub fn unknown_account(account: &AccountId) -> Self {
        let check =
            RiskCheck::new(DenialCode::NotAuthorised, Verdict::Fail).with_note(format!("account={account}"));
        Self { result: Err(check.denial().into_iter().collect()), checks: vec![check], reduces: false }
    }
}

/// Checks a new order against the view.
#[must_use]
pub fn check(view: &RiskView<'_>, request: &OrderRequest) -> RiskOutcome {
    check_keeping(view, request, Kept::All)
}

/// The same for whoever reads but some of the results: a backtest checks thousands of orders a second.
#[must_use]
pub fn check_keeping(view: &RiskView<'_>, request: &OrderRequest, kept: Kept) -> RiskOutcome {
    let (mut checks, reduces) = checks::run(view, request, kept);
    if !checks.is_sorted_by_key(|check| check.code) {
        checks.sort_by_key(|check| check.code);
    }
    let denials: Vec<Denial> = checks.iter().filter_map(RiskCheck::denial).collect();
    let result = if denials.is_empty() { Ok(Approved::seal(request.clone())) } else { Err(denials) };
    RiskOutcome { checks, reduces, result }
}

/// Checks a replace: the new order as if the old one were gone, so that only the increase counts. The view's account must hold nothing
/// back for the old order.
#[must_use]
pub fn check_replace<'a>(view: &RiskView<'a>, old: &'a Order, new: &OrderRequest) -> RiskOutcome {
    let without_old = RiskView { working: view.working.without(old), replaces: Some(old), ..view.clone() };
    check(&without_old, new)
}

/// Orders of ours that an order would trade with: `WASH_CROSS` denies it for them.
#[must_use]
pub fn crossing(view: &RiskView<'_>, request: &OrderRequest) -> Vec<ClientOrderId> {
    checks::crossing(view, request)
}

/// What an account's positions and working orders come to, in its currency: options by what they move of their underlying, short puts by
/// their strikes. It is what the check of an order's exposure starts from. `None` where a currency has no rate.
#[must_use]
pub fn exposure(view: &RiskView<'_>) -> Option<Decimal> {
    checks::exposure::standing(view)
}

#[cfg(test)]
mod tests;
