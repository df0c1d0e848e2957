//! What risk looks at: plain borrowed data.

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::core::book::WorkingOrders;
use crate::core::portfolio::Portfolio;
use crate::domain::account::Account;
use crate::domain::calendar::MarketPhase;
use crate::domain::capabilities::Capabilities;
use crate::domain::fees::FeeTable;
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::limits::{RiskLimits, TradingState};
use crate::domain::order::{Order, OrderRequest, OrderStatus, OrderSubject};
use crate::domain::quote::Quote;
use crate::domain::strategy::Lock;

use super::activity::Activity;
use super::good_faith::GoodFaith;

/// The market as risk sees it.
pub trait MarketView {
    /// The newest quote.
    fn quote(&self, instrument: &Instrument) -> Option<&Quote>;
    /// The terms.
    fn spec(&self, instrument: &Instrument) -> Option<&InstrumentSpec>;
    /// What its market does now.
    fn phase(&self, instrument: &Instrument) -> MarketPhase;
    /// Average daily volume, in units.
    fn average_volume(&self, instrument: &Instrument) -> Option<Decimal>;
    /// Is a share under the short-sale restriction: it fell ten per cent below the close before, today or in the session before (SEC rule
    /// 201). A market that does not watch for it says no.
    fn short_sale_restricted(&self, _instrument: &Instrument) -> bool {
        false
    }
    /// An option's delta as of its newest quote, where that is known already; else it is worked out when it is asked for.
    fn known_delta(&self, _instrument: &Instrument) -> Option<Decimal> {
        None
    }
}

/// Everything a check may need. Copying it copies references, but for the account's figures.
#[derive(Clone)]
pub struct RiskView<'a> {
    /// The engine's clock.
    pub now: Timestamp,
    /// The stricter of the global state and the account's.
    pub trading_state: TradingState,
    /// The account's figures, before working orders.
    pub account: &'a Account,
    /// What is held stands at its cost for want of any price: nobody knows the day's loss.
    pub blind: bool,
    /// Net liquidation at its 20-day high; absent while unknown.
    pub equity_high: Option<Decimal>,
    /// What the account can do.
    pub capabilities: &'a Capabilities,
    /// Its limits.
    pub limits: &'a RiskLimits,
    /// Its books.
    pub portfolio: &'a Portfolio,
    /// Its working orders, `Unknown` ones among them, without one that is to be replaced.
    pub working: WorkingOrders<'a>,
    /// The market.
    pub market: &'a dyn MarketView,
    /// What was ordered lately.
    pub activity: &'a Activity,
    /// Day trades of this session and the four before it.
    pub day_trades: usize,
    /// Good-faith violations of a cash account; absent for others.
    pub good_faith: Option<&'a GoodFaith>,
    /// What guards hold against automation that opens; those that have ended among them.
    pub locks: &'a [Lock],
    /// The newest time before the clock last jumped back; absent while it never has. How old a quote of before that is nobody knows.
    pub clock_back_at: Option<Timestamp>,
    /// Fees of fills.
    pub fees: &'a FeeTable,
    /// Orders and positions agree with the broker's.
    pub reconciled: bool,
    /// They do not, and a person has said that own orders go out all the same.
    pub overridden: bool,
    /// Automation waits for a person to accept the positions.
    pub automation_paused: bool,
    /// The broker answers.
    pub broker_up: bool,
    /// It leaves orders unanswered.
    pub circuit_open: bool,
    /// Live accounts: a person has armed live trading.
    pub live_armed: bool,
    /// The engine runs on bars: sessions and quote ages are the replay's.
    pub bar_mode: bool,
    /// Prices grow old: an order on one that is too old is denied. False on bars, the newest of which is the price.
    pub prices_age: bool,
    /// The simulated exchange never closes.
    pub never_closed: bool,
    /// The order whose place the new one takes; it is not among the working ones.
    pub replaces: Option<&'a Order>,
}

impl RiskView<'_> {
    /// Units of an instrument that working orders on one side may still trade, those that would open when `opening_only`. Exits of a
    /// bracket wait for their parent and follow what it fills, and what is linked with the request goes when it comes: neither counts.
    #[must_use]
    pub fn pending(
        &self,
        request: &OrderRequest,
        instrument: &Instrument,
        buy: bool,
        opening_only: bool,
    ) -> Decimal {
        let mut sum = Decimal::ZERO;
        // Of orders of which one cancels the others only one trades: the largest counts.
        let mut groups: Vec<(ClientOrderId, Decimal)> = Vec::new();
        for order in self.working.naming(instrument) {
            let other = &order.request;
            let units = match &other.subject {
                OrderSubject::Instrument(_) if other.side.is_buy() == buy => Decimal::ONE,
                OrderSubject::Instrument(_) => continue,
                OrderSubject::Legs(legs) => legs
                    .iter()
                    .filter(|leg| leg.instrument == *instrument && leg.side.is_buy() == buy)
                    .map(|leg| leg.ratio)
                    .sum(),
            };
            let counts = order.status != OrderStatus::PendingReplace
                && other.contingency.parent.is_none()
                && !(opening_only && other.reduce_only)
                && !linked(other, request);
            if !counts {
                continue;
            }
            let units = units.saturating_mul(order.leaves_quantity().get());
            match other.contingency.oco_group {
                None => sum = sum.saturating_add(units),
                Some(group) => match groups.iter_mut().find(|(known, _)| *known == group) {
                    Some((_, most)) => *most = units.max(*most),
                    None => groups.push((group, units)),
                },
            }
        }
        groups.into_iter().fold(sum, |sum, (_, most)| sum.saturating_add(most))
    }

    /// Working orders of an instrument that could trade on this side, but for those linked with the request.
    pub fn rivals<'b>(
        &'b self,
        request: &'b OrderRequest,
        instrument: &'b Instrument,
    ) -> impl Iterator<Item = &'b Order> {
        self.working.naming(instrument).filter(move |order| {
            order.request.subject.instrument().is_some()
                && order.status != OrderStatus::PendingReplace
                && !linked(&order.request, request)
        })
    }
}

/// Exits of one bracket, members of one OCO group, parent and child: they never trade against each other.
pub(super) fn linked(a: &OrderRequest, b: &OrderRequest) -> bool {
    let group = |r: &OrderRequest| r.contingency.oco_group;
    let parent = |r: &OrderRequest| r.contingency.parent;
    (group(a).is_some() && group(a) == group(b))
        || parent(a) == Some(b.client_order_id)
        || parent(b) == Some(a.client_order_id)
        || (parent(a).is_some() && parent(a) == parent(b))
}
