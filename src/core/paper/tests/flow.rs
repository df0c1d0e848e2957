//! Any flow of orders and prices.

use super::*;

/// What a flow has shown so far.
#[derive(Default)]
struct Seen {
    orders: BTreeMap<ClientOrderId, OrderRequest>,
    filled: BTreeMap<ClientOrderId, Quantity>,
    cash: Decimal,
    realized: Decimal,
    fees: Decimal,
}

impl Seen {
    fn know(&mut self, request: &OrderRequest) {
        for exit in request.exit_orders() {
            self.orders.insert(exit.client_order_id, exit);
        }
        self.orders.insert(request.client_order_id, request.clone());
    }

    /// Takes reports in. Units bought and sold in this event.
    fn take(&mut self, events: Vec<AccountEvent>) -> (Quantity, Quantity) {
        let (mut bought, mut sold) = (Quantity::ZERO, Quantity::ZERO);
        for event in events {
            let AccountEvent::Order(update) = event else { continue };
            match update.event {
                OrderEvent::Filled(e) => {
                    self.cash += e.cash_flow();
                    self.fees += e.fee;
                    *if e.side.is_buy() { &mut bought } else { &mut sold } += e.quantity;
                    let total = self.filled.entry(update.client_order_id).or_default();
                    *total += e.quantity;
                    let request = &self.orders[&update.client_order_id];
                    assert!(*total <= request.quantity, "{request:?}");
                    if let Some(limit) = request.pricing.limit_price() {
                        let kept = if e.side.is_buy() { e.price <= limit } else { e.price >= limit };
                        assert!(kept, "{} past {limit}", e.price);
                    }
                }
                OrderEvent::QuantityChanged { quantity } => {
                    self.orders.get_mut(&update.client_order_id).unwrap().quantity = quantity;
                }
                _ => {}
            }
        }
        (bought, sold)
    }

    /// Both sides of a pair never fill more than one of them was for.
    fn pairs_hold(&self, first: &OrderRequest) {
        let exits = first.exit_orders();
        if let [a, b] = exits.as_slice() {
            let of = |id| self.filled.get(&id).copied().unwrap_or_default();
            let parent = of(first.client_order_id);
            assert!(of(a.client_order_id) + of(b.client_order_id) <= parent, "{first:?}");
        }
    }
}

/// A step of a flow: what, how many, at how many cents, on which side.
type Step = (u8, u32, u32, bool);

fn words_of((what, size, cents, buy): Step) -> Vec<String> {
    let price = Decimal::new(i64::from(cents), 2);
    let (near, far) = (price - Decimal::TEN, price + Decimal::TEN);
    let side = if buy { "buy" } else { "sell" };
    let rest = match what {
        0 => "mkt gtc".to_owned(),
        1 => format!("lmt {price} gtc"),
        2 => format!("stp {price} gtc"),
        3 => format!("lmt {price} gtc tp {far} sl {near}"),
        4 => "trail 2% gtc".to_owned(),
        5 => format!("lmt {price} ioc"),
        6 => format!("stplmt {price} {price} gtc"),
        _ => return Vec::new(),
    };
    let bracket = what == 3;
    let head = format!("{} {size} AAPL {rest}", if bracket { "buy" } else { side });
    head.split(' ').map(str::to_owned).collect()
}

/// Feeds a flow of orders and quotes; checks everything after every step.
fn check_flow(steps: Vec<Step>, participation: Decimal, touch: Touch) {
    let mut venue = venue_with(|config| {
        config.participation = participation;
        config.touch = touch;
        config.slippage = Slippage::VolumeShare;
    });
    let mut now: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
    let mut seen = Seen::default();
    let mut parents: Vec<OrderRequest> = Vec::new();
    for (n, step) in steps.into_iter().enumerate() {
        now = now.checked_add(SignedDuration::from_secs(1)).unwrap();
        let (_, size, cents, _) = step;
        let words = words_of(step);
        let shown = Quantity::from(i64::from(size));
        if words.is_empty() {
            let price = Price::new(Decimal::new(i64::from(cents), 2));
            let mut quote = Quote::empty(Instrument::equity("AAPL").unwrap(), now, Feed::Simulated);
            (quote.bid, quote.ask) = (Some(price), Some(price + Price::new(Decimal::new(2, 2))));
            (quote.bid_size, quote.ask_size) = (shown, shown);
            quote.last = Some(price);
            venue.on_quote(now, &quote);
        } else {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            // Exits are numbered from ten times their parent: no other order is called so.
            let request = order(n as u64 + 1_000, &words);
            seen.know(&request);
            parents.push(request.clone());
            venue.submit(now, &request);
        }
        let mut events = Vec::new();
        venue.drain(&mut events);
        let (bought, sold) = seen.take(events);
        if touch == Touch::Never {
            let most = Quantity::new(shown.get() * participation);
            assert!(bought <= most && sold <= most, "{bought} bought, {sold} sold of {most}");
        }
        parents.iter().for_each(|parent| seen.pairs_hold(parent));
        let account = venue.account(now);
        seen.realized = account.realized_pnl;
        let opening = Decimal::from(1_000_000);
        assert_eq!(venue.books().cash(), opening + seen.cash);
        assert_eq!(account.fees, seen.fees);
        let positions: Decimal = venue.positions().iter().filter_map(|p| p.market_value).sum();
        assert_eq!(account.net_liquidation, account.cash + positions);
        // Equity has changed by what was realised and what is not yet, to the last cent.
        let change = (account.net_liquidation - opening).round_dp(6);
        assert_eq!(change, (seen.realized + account.unrealized_pnl).round_dp(6));
    }
}

proptest::proptest! {
    /// Over any flow: books add up to the cent, nothing fills beyond its quantity, past its limit or beyond what is shown.
    #[test]
    fn invariants_hold_over_any_flow(
        steps in proptest::collection::vec((0..14_u8, 1..400_u32, 9_000..11_000_u32, proptest::bool::ANY), 1..80),
        part in 1..=10_u32,
        queue in proptest::bool::ANY,
    ) {
        check_flow(steps, Decimal::new(i64::from(part), 1), if queue { Touch::Queue } else { Touch::Never });
    }
}
