//! Which lots a sale closes may be said until it has settled, and not a day longer.

use jiff::SignedDuration;

use super::World;
use super::samples::now;
use crate::client::Request;
use crate::domain::instrument::Instrument;
use crate::domain::order::{OrderStatus, OrderSubject, Side};

/// A world where order 1 sold shares at `now`, and it is so many hours later.
fn sold(hours: i64, instrument: &str) -> World {
    let world = World::new();
    let instrument = Instrument::from_key(instrument).unwrap();
    world.host.session.change(|picture| {
        let mut orders = picture.orders.to_vec();
        let order = orders.iter_mut().find(|order| order.number.0 == 1).unwrap();
        (order.request.side, order.status) = (Side::Sell, OrderStatus::Filled);
        order.request.subject = OrderSubject::Instrument(instrument);
        picture.orders = std::sync::Arc::new(orders);
        picture.now = now() + SignedDuration::from_hours(hours);
    });
    world
}

fn notes(world: &World) -> usize {
    let asked = world.host.session.orders_asked();
    asked.iter().filter(|request| matches!(request, Request::SetNote { .. })).count()
}

#[test]
fn lots_are_chosen_until_the_sale_has_settled() {
    // A Tuesday's sale settles on Wednesday; Thursday is Thanksgiving.
    for hours in [0, 24] {
        let world = sold(hours, "AAPL");
        let ran = world.run(&["tax", "choose", "1"]);
        assert_eq!((ran.exit, notes(&world)), (0, 1), "{hours} {}", ran.err);
        assert!(ran.out.contains("by the settlement of the sale"), "{}", ran.out);
    }
    for hours in [48, 24 * 400] {
        let world = sold(hours, "AAPL");
        let ran = world.run(&["tax", "choose", "1"]);
        assert_eq!((ran.exit, notes(&world)), (2, 0), "{hours}");
        assert_eq!(ran.err, "arbion: order 1 settled on 2026-11-25; its lots are fixed since\n", "{hours}");
    }
    // A coin changes hands at once.
    assert_eq!(sold(0, "BTC-USD").run(&["tax", "choose", "1"]).exit, 0);
    let ran = sold(24, "BTC-USD").run(&["tax", "choose", "1"]);
    assert!(ran.exit == 2 && ran.err.contains("settled on 2026-11-24"), "{}", ran.err);
}
