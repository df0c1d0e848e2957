//! What is shown of orders, and when: nothing that a kill could take back.

use std::time::Duration;

use arbion::client::{Reply, Request, Session};
use arbion::domain::order::{Order, OrderStatus, OriginKind};
use arbion::engine::{Access, FeedChoice};
use tokio::time::{Instant, timeout_at};

use super::engine::{MARKET, place, start_of};

/// The venue fills an order while another program holds the database: nobody sees the fill before the disk has it, whether they ask or watch,
/// and a disk that hangs stops no picture for good.
#[tokio::test]
async fn j7_a_fill_is_shown_once_it_is_on_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("p");
    let mut engine = start_of(&profile, FeedChoice::Simulated, Access::Trade, 400);
    engine.started().await.unwrap();
    let session = engine.session();
    let mut pictures = session.snapshots();
    for (seconds_held, shown_meanwhile) in [(0.7, false), (3.0, true)] {
        let command = serde_json::from_str(&place("buy", "MSFT", "1", MARKET)).unwrap();
        let request = Request::Execute {
            command,
            origin: OriginKind::Cli,
            account: None,
            confirmation_hash: None,
            allow_duplicate: true,
            wait: false,
        };
        let Ok(Reply::Orders(orders)) = session.request(request).await else { panic!("no order") };
        let id = orders[0].request.client_order_id;
        let patience = Instant::now() + Duration::from_secs(20);
        let status = |orders: &[Order]| {
            orders.iter().find(|order| order.request.client_order_id == id).map(|order| order.status)
        };
        timeout_at(patience, pictures.wait_for(|p| status(&p.orders) == Some(OrderStatus::Submitted)))
            .await
            .expect("the order is never acknowledged")
            .unwrap();
        let other = rusqlite::Connection::open(profile.join("arbion.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let held_until = Instant::now() + Duration::from_secs_f32(seconds_held);
        let seen =
            timeout_at(held_until, pictures.wait_for(|p| status(&p.orders) == Some(OrderStatus::Filled)))
                .await
                .is_ok();
        assert_eq!(seen, shown_meanwhile, "held for {seconds_held} s");
        other.execute_batch("ROLLBACK").unwrap();
        timeout_at(patience, pictures.wait_for(|p| status(&p.orders) == Some(OrderStatus::Filled)))
            .await
            .expect("the fill is never shown")
            .unwrap();
    }
}
