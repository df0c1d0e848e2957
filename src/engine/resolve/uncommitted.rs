//! What of a position can still be closed beside the orders that work.

use crate::client::SessionError;
use crate::core::engine::Engine;
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::instrument::Instrument;
use crate::domain::money::Quantity;
use crate::domain::order::{OriginKind, Side};

/// What of a closing quantity no working order has claimed. Where the exits of a bracket hold the units, the closing order joins
/// their group instead: what fills first cancels the rest.
pub(super) fn uncommitted(
    core: &Engine,
    account: &AccountId,
    instrument: &Instrument,
    side: Side,
    quantity: Quantity,
    held: Quantity,
) -> Result<(Quantity, Option<ClientOrderId>), SessionError> {
    let mut group = None;
    let mut claimed = Quantity::ZERO;
    // Pairs that were entered elsewhere are nothing that an order of ours could join: each claims what its larger order does.
    let mut pairs: Vec<(ClientOrderId, Quantity)> = Vec::new();
    for order in core.book().working_of(account) {
        let same = order.request.subject.instrument() == Some(instrument)
            && order.request.side.is_buy() == side.is_buy();
        if !same {
            continue;
        }
        match order.request.contingency.oco_group {
            // The stop of a plan makes way by itself.
            None if core.is_plan_stop(order.request.client_order_id) => {}
            Some(oco) if order.request.origin.kind == OriginKind::External => {
                let leaves = order.leaves_quantity();
                match pairs.iter_mut().find(|(known, _)| *known == oco) {
                    Some((_, most)) => *most = leaves.max(*most),
                    None => pairs.push((oco, leaves)),
                }
            }
            Some(oco) => group = Some(oco),
            None => claimed += order.leaves_quantity(),
        }
    }
    claimed += pairs.into_iter().fold(Quantity::ZERO, |sum, (_, most)| sum + most);
    let free = held - claimed;
    if !free.is_positive() {
        return Err(SessionError::Usage(format!(
            "all {held} {instrument} are in working orders; cancel those first"
        )));
    }
    Ok((quantity.min(free), group))
}
