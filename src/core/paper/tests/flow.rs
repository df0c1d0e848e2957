//! Any flow of orders and prices.

use super::*;

proptest::proptest! {
    /// Over any flow: books add up to the cent, nothing fills beyond its quantity or past its limit.
    #[test]
    fn invariants_hold_over_any_flow(steps in proptest::collection::vec((0..6_u8, 1..400_u32, 9_000..11_000_u32, proptest::bool::ANY), 1..60)) {
        let mut venue = venue();
        let mut now: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
        let mut orders: BTreeMap<ClientOrderId, OrderRequest> = BTreeMap::new();
        let mut filled: BTreeMap<ClientOrderId, Quantity> = BTreeMap::new();
        let mut flow = Decimal::ZERO;
        for (n, (what, size, cents, buy)) in steps.into_iter().enumerate() {
            now = now.checked_add(SignedDuration::from_secs(1)).unwrap();
            let n = n as u64 + 1;
            let (text, p) = (size.to_string(), Decimal::new(i64::from(cents), 2));
            let (p_text, side) = (p.to_string(), if buy { "buy" } else { "sell" });
            let words: Vec<&str> = match what {
                0 => vec![side, &text, "AAPL", "mkt", "gtc"],
                1 => vec![side, &text, "AAPL", "lmt", &p_text, "gtc"],
                2 => vec![side, &text, "AAPL", "stp", &p_text, "gtc"],
                3 => vec![side, &text, "AAPL", "lmt", &p_text, "gtc", "tp", "120", "sl", "80"],
                _ => Vec::new(),
            };
            if words.is_empty() {
                let mut quote = Quote::empty(Instrument::equity("AAPL").unwrap(), now, Feed::Simulated);
                quote.bid = Some(Price::new(p));
                quote.ask = Some(Price::new(p + Decimal::new(2, 2)));
                (quote.bid_size, quote.ask_size) = (Quantity::from(i64::from(size)), Quantity::from(i64::from(size)));
                venue.on_quote(now, &quote);
            } else {
                let request = order(n, &words);
                for exit in request.exit_orders() { orders.insert(exit.client_order_id, exit); }
                orders.insert(request.client_order_id, request.clone());
                venue.submit(now, &request);
            }
            let mut events = Vec::new();
            venue.drain(&mut events);
            for event in events {
                if let AccountEvent::Order(OrderUpdate { client_order_id, event: OrderEvent::Filled(e), .. }) = event {
                    flow += e.cash_flow();
                    let total = filled.entry(client_order_id).or_default();
                    *total += e.quantity;
                    let request = &orders[&client_order_id];
                    proptest::prop_assert!(*total <= request.quantity, "{request:?}");
                    if let Some(limit) = request.pricing.limit_price() {
                        let kept = if request.side.is_buy() { e.price <= limit } else { e.price >= limit };
                        proptest::prop_assert!(kept);
                    }
                }
            }
            proptest::prop_assert_eq!(venue.books().cash(), Decimal::from(1_000_000) + flow);
            let account = venue.account(now);
            let positions: Decimal = venue.positions().iter().filter_map(|p| p.market_value).sum();
            proptest::prop_assert_eq!(account.net_liquidation, account.cash + positions);
        }
    }
}
