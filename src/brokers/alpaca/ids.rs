//! Our ids on the wire. Alpaca keeps one text of up to 128 characters with an order and finds the order by it, but makes ids of its own for the
//! exits of a bracket. So the text of a bracket says the ids of its exits too, and of a package whether it is sold: whoever sees the order, in
//! whatever process, knows whose its legs are. Nothing else is kept anywhere.

use crate::domain::ids::ClientOrderId;
use crate::domain::order::{OrderRequest, OrderSubject};

/// What all of our texts begin with.
const PREFIX: &str = "arb-";
/// Marks a package that is sold: its net price is a credit on our side and a negative number on theirs.
const SOLD: &str = "sold";
/// Marks the take-profit's id.
const TAKE_PROFIT: char = 't';
/// Marks the stop-loss's id.
const STOP_LOSS: char = 's';

/// What the text of an order of ours says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OurIds {
    /// The order itself.
    pub(super) order: ClientOrderId,
    /// The exit that takes the profit.
    pub(super) take_profit: Option<ClientOrderId>,
    /// The exit that limits the loss.
    pub(super) stop_loss: Option<ClientOrderId>,
    /// A sold package.
    pub(super) sold: bool,
}

impl OurIds {
    /// Is this one of the ids.
    pub(super) fn names(&self, id: ClientOrderId) -> bool {
        self.order == id || self.take_profit == Some(id) || self.stop_loss == Some(id)
    }
}

/// The text of an order that stands alone, and the beginning of every other.
pub(super) fn plain(id: ClientOrderId) -> String {
    format!("{PREFIX}{id}")
}

/// The text of an order: the same each time it is made.
pub(super) fn write(order: &OrderRequest) -> String {
    let mut text = plain(order.client_order_id);
    if matches!(order.subject, OrderSubject::Legs(_)) && !order.side.is_buy() {
        text.push('-');
        text.push_str(SOLD);
    }
    for (mark, exit) in [(TAKE_PROFIT, &order.take_profit), (STOP_LOSS, &order.stop_loss)] {
        if let Some(exit) = exit {
            text.push_str(&format!("-{mark}{}", exit.client_order_id));
        }
    }
    text
}

/// Reads a text back; absent for orders of others.
pub(super) fn read(text: &str) -> Option<OurIds> {
    let mut parts = text.strip_prefix(PREFIX)?.split('-');
    let order = parts.next()?.parse().ok()?;
    let mut ids = OurIds { order, take_profit: None, stop_loss: None, sold: false };
    for part in parts {
        let place = match part.chars().next()? {
            _ if part == SOLD => {
                ids.sold = true;
                continue;
            }
            TAKE_PROFIT => &mut ids.take_profit,
            STOP_LOSS => &mut ids.stop_loss,
            _ => return None,
        };
        *place = Some(part.get(1..)?.parse().ok()?);
    }
    Some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::AccountId;
    use crate::domain::instrument::Instrument;
    use crate::domain::money::{Price, Quantity};
    use crate::domain::order::{BracketExit, Origin, OriginKind, Pricing, Side};

    fn id(number: u128) -> ClientOrderId {
        ClientOrderId::from_parts(1_790_000_000_000, number)
    }

    fn order(subject: OrderSubject, side: Side) -> OrderRequest {
        let origin = Origin::person(OriginKind::Cli);
        OrderRequest::plain(
            id(1),
            AccountId::new("a"),
            origin,
            subject,
            side,
            Quantity::from(1),
            Pricing::Market,
        )
    }

    #[test]
    fn j3_ids_come_back_from_the_wire() {
        let share = || OrderSubject::Instrument(Instrument::equity("AAPL").unwrap());
        let exit = |n: u128| Some(BracketExit { client_order_id: id(n), price: Price::from(1) });
        let plain = OurIds { order: id(1), take_profit: None, stop_loss: None, sold: false };
        for (order, ids) in [
            (order(share(), Side::Buy), plain),
            (order(share(), Side::Sell), plain),
            (order(OrderSubject::Legs(Vec::new()), Side::Buy), plain),
            (order(OrderSubject::Legs(Vec::new()), Side::Sell), OurIds { sold: true, ..plain }),
            (
                OrderRequest { take_profit: exit(2), stop_loss: exit(3), ..order(share(), Side::Buy) },
                OurIds { take_profit: Some(id(2)), stop_loss: Some(id(3)), ..plain },
            ),
            (
                OrderRequest { stop_loss: exit(3), ..order(share(), Side::Buy) },
                OurIds { stop_loss: Some(id(3)), ..plain },
            ),
        ] {
            let text = write(&order);
            assert!(text.len() <= 128, "{text}");
            assert_eq!(read(&text), Some(ids), "{text}");
        }
        assert!(read(&write(&order(share(), Side::Buy))).unwrap().names(id(1)));
    }

    #[test]
    fn ids_of_others_are_not_ours() {
        for text in ["", "arb-", "arb-1", "61e69015-8549-4bfd-b9c3-01e75843f47d", "arb-x-y", "my order"] {
            assert_eq!(read(text), None, "{text}");
        }
        let ours = plain(id(1));
        for text in
            [format!("{ours}-"), format!("{ours}-q{}", id(2)), format!("{ours}-t"), format!("x{ours}")]
        {
            assert_eq!(read(&text), None, "{text}");
        }
    }
}
