//! Matching scenarios as readable scripts: market events and orders in, reports out.

use std::fmt::Write;

use super::*;
use crate::domain::ids::AccountId;
use crate::domain::order::{
    BracketExit, Contingency, OrderSubject, Origin, OriginKind, Pricing, Side, TimeInForce, TradingSession,
    Trail,
};
use crate::domain::quote::{Bar, Feed};

fn id(n: u64) -> ClientOrderId {
    ClientOrderId::from_u128(u128::from(n))
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

/// One order by words: `buy 100 AAPL lmt 99.50 gtc tp 110 sl 90 oco parent 1 reduce post ext`.
fn order(n: u64, words: &[&str]) -> OrderRequest {
    let side = match words[0] {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        "short" => Side::SellShort,
        other => panic!("{other}"),
    };
    let mut request = OrderRequest {
        client_order_id: id(n),
        account: AccountId::new("paper"),
        origin: Origin::person(OriginKind::Cli),
        subject: OrderSubject::Instrument(Instrument::from_key(words[2]).unwrap()),
        side,
        position_effect: None,
        quantity: words[1].parse().unwrap(),
        pricing: Pricing::Market,
        time_in_force: TimeInForce::Day,
        expire_date: None,
        session: TradingSession::Regular,
        price_effect: None,
        take_profit: None,
        stop_loss: None,
        contingency: Contingency::default(),
        post_only: false,
        reduce_only: false,
        allow_duplicate: false,
    };
    let mut i = 3;
    while i < words.len() {
        let next = |k: usize| words[i + k];
        i += match words[i] {
            "mkt" => 1,
            "lmt" => {
                request.pricing = Pricing::Limit { limit_price: price(next(1)) };
                2
            }
            "stp" => {
                request.pricing = Pricing::Stop { stop_price: price(next(1)) };
                2
            }
            "stplmt" => {
                request.pricing =
                    Pricing::StopLimit { stop_price: price(next(1)), limit_price: price(next(2)) };
                3
            }
            "trail" => {
                let trail = match next(1).strip_suffix('%') {
                    Some(percent) => Trail::Percent(percent.parse().unwrap()),
                    None => Trail::Amount(price(next(1))),
                };
                request.pricing = Pricing::TrailingStop { trail };
                2
            }
            "gtc" => {
                request.time_in_force = TimeInForce::Gtc;
                1
            }
            "ioc" => {
                request.time_in_force = TimeInForce::Ioc;
                1
            }
            "fok" => {
                request.time_in_force = TimeInForce::Fok;
                1
            }
            "opg" => {
                request.time_in_force = TimeInForce::Opg;
                1
            }
            "cls" => {
                request.time_in_force = TimeInForce::Cls;
                1
            }
            "tp" => {
                request.take_profit =
                    Some(BracketExit { client_order_id: id(n * 10 + 1), price: price(next(1)) });
                2
            }
            "sl" => {
                request.stop_loss =
                    Some(BracketExit { client_order_id: id(n * 10 + 2), price: price(next(1)) });
                2
            }
            "oco" => {
                request.contingency.oco_group = Some(id(next(1).parse().unwrap()));
                2
            }
            "parent" => {
                request.contingency.parent = Some(id(next(1).parse().unwrap()));
                2
            }
            "reduce" => {
                request.reduce_only = true;
                1
            }
            "post" => {
                request.post_only = true;
                1
            }
            "ext" => {
                request.session = TradingSession::Extended;
                1
            }
            other => panic!("{other}"),
        };
    }
    request
}

/// Runs a script: `at TIME`, `quote SYM BIDxSIZE ASKxSIZE [last P]`, `bar SYM O H L C V`, `order N WORDS`, `cancel N`,
/// `replace N by M WORDS`, `split SYM 2:1`, `dividend SYM 0.10`, `assign KEY`, `expire`; one step is a second.
fn run(venue: &mut Venue, script: &str) -> String {
    let mut now: Timestamp = venue.now.max("2026-11-24T15:00:00Z".parse().unwrap());
    let mut report = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        now = now.checked_add(SignedDuration::from_secs(1)).unwrap();
        let number = |k: usize| words[k].parse::<u64>().unwrap();
        match words[0] {
            "at" => {
                now = words[1].parse().unwrap();
                venue.advance(now);
            }
            "quote" => {
                let side = |text: &str| {
                    text.split_once('x').map(|(p, s)| (price(p), s.parse::<Quantity>().unwrap())).unwrap()
                };
                let ((bid, bid_size), (ask, ask_size)) = (side(words[2]), side(words[3]));
                let instrument = Instrument::from_key(words[1]).unwrap();
                let mut quote = Quote::empty(instrument, now, Feed::Simulated);
                (quote.bid, quote.ask, quote.bid_size, quote.ask_size) =
                    (Some(bid), Some(ask), bid_size, ask_size);
                quote.last = words.get(5).map(|p| price(p));
                venue.on_quote(now, &quote);
            }
            "bar" => {
                let bar = Bar {
                    start: now,
                    open: price(words[2]),
                    high: price(words[3]),
                    low: price(words[4]),
                    close: price(words[5]),
                    volume: words[6].parse().unwrap(),
                };
                now = now.checked_add(SignedDuration::from_secs(60)).unwrap();
                venue.on_bar(now, &Instrument::from_key(words[1]).unwrap(), &bar);
            }
            "order" => venue.submit(now, &order(number(1), &words[2..])),
            "cancel" => venue.cancel(now, id(number(1))),
            "replace" => venue.replace(now, id(number(1)), &order(number(3), &words[4..])),
            "split" | "dividend" => {
                let kind = match words[2].split_once(':') {
                    Some((a, b)) => crate::domain::corporate::CorporateActionKind::Split {
                        numerator: a.parse().unwrap(),
                        denominator: b.parse().unwrap(),
                    },
                    None => {
                        crate::domain::corporate::CorporateActionKind::Dividend { amount: price(words[2]) }
                    }
                };
                let instrument = Instrument::from_key(words[1]).unwrap();
                let ex_date = crate::domain::calendar::exchange_date(now);
                venue.corporate_action(
                    now,
                    &crate::domain::corporate::CorporateAction { instrument, ex_date, pay_date: None, kind },
                );
            }
            "assign" => {
                let Instrument::Option(c) = Instrument::from_key(&line[7..]).unwrap() else {
                    panic!("{line}")
                };
                venue.assign(now, &c, None);
            }
            "expire" => venue.expire(now),
            other => panic!("{other}"),
        }
        let mut events = Vec::new();
        venue.drain(&mut events);
        for event in events {
            describe(&mut report, &event);
        }
    }
    report
}

fn describe(report: &mut String, event: &AccountEvent) {
    match event {
        AccountEvent::Order(update) => {
            let n = update.client_order_id.as_u128();
            let text = match &update.event {
                OrderEvent::Acknowledged { .. } => "ack".to_owned(),
                OrderEvent::Rejected(reject) => format!("rejected {}", reject.code),
                OrderEvent::Filled(e) => {
                    format!("filled {} at {} fee {}", e.quantity, e.price, e.fee.normalize())
                }
                OrderEvent::Canceled { reason } => format!("canceled {}", reason.as_deref().unwrap_or("-")),
                OrderEvent::CancelRejected(_) => "too late".to_owned(),
                OrderEvent::Replaced { by } => format!("replaced by {}", by.as_u128()),
                OrderEvent::Expired => "expired".to_owned(),
                OrderEvent::QuantityChanged { quantity } => format!("quantity {quantity}"),
                other => format!("{other:?}"),
            };
            writeln!(report, "{n} {text}").unwrap();
        }
        AccountEvent::Execution(e) => {
            writeln!(
                report,
                "{} {} {} {} at {}",
                e.kind.as_str(),
                e.side,
                e.quantity,
                e.instrument.key(),
                e.price
            )
            .unwrap();
        }
        AccountEvent::Cash(entry) => writeln!(report, "cash {}", entry.amount).unwrap(),
    }
}

fn venue() -> Venue {
    let mut config = VenueConfig::new(AccountId::new("paper"), Decimal::from(1_000_000));
    config.slippage = Slippage::None;
    config.options_level = 4;
    Venue::new(config)
}

#[track_caller]
fn check(script: &str, expect: &str) {
    let report = run(&mut venue(), script);
    let expect: String =
        expect.lines().map(str::trim).filter(|l| !l.is_empty()).map(|l| format!("{l}\n")).collect();
    assert_eq!(report, expect);
}

#[test]
fn a_market_order_takes_the_displayed_size_and_waits_for_more() {
    check(
        "quote AAPL 99.98x500 100.02x300
         order 1 buy 400 AAPL mkt
         quote AAPL 99.98x500 100.02x300
         quote AAPL 99.99x500 100.03x300",
        "1 ack
         1 filled 300 at 100.02 fee 0
         1 filled 100 at 100.03 fee 0",
    );
}

#[test]
fn limits_fill_better_on_arrival_and_at_their_price_when_resting() {
    check(
        "order 1 buy 100 AAPL lmt 100.10
         quote AAPL 99.98x500 100.02x300
         order 2 buy 100 AAPL lmt 99.50
         quote AAPL 99.98x500 100.02x300
         quote AAPL 99.40x500 99.45x60
         quote AAPL 99.48x500 99.52x60 last 99.50
         quote AAPL 99.48x500 99.52x60 last 99.49",
        "1 ack
         1 filled 100 at 100.02 fee 0
         2 ack
         2 filled 60 at 99.5 fee 0
         2 filled 40 at 99.5 fee 0",
    );
}

#[test]
fn stops_trigger_and_stop_limits_wait_one_event() {
    check(
        "order 1 sell 100 AAPL lmt 1 gtc
         cancel 1
         order 2 buy 100 AAPL mkt
         quote AAPL 99.98x500 100.02x300
         order 3 sell 50 AAPL stp 99.50
         order 4 sell 50 AAPL stplmt 99.50 99.30
         quote AAPL 99.60x500 99.64x300
         quote AAPL 99.50x500 99.54x300
         quote AAPL 99.20x500 99.24x300
         quote AAPL 99.31x500 99.35x300",
        "1 ack
         1 canceled -
         2 ack
         2 filled 100 at 100.02 fee 0
         3 ack
         4 ack
         3 filled 50 at 99.5 fee 0
         4 filled 50 at 99.3 fee 0",
    );
}

#[test]
fn trailing_stops_only_ratchet() {
    check(
        "order 1 buy 100 AAPL mkt
         quote AAPL 99.98x500 100.00x300
         order 2 sell 50 AAPL trail 2
         order 3 sell 50 AAPL trail 5%
         quote AAPL 104.00x500 104.02x300
         quote AAPL 103.00x500 103.02x300
         quote AAPL 102.00x500 102.02x300
         quote AAPL 98.79x500 98.81x300",
        "1 ack
         1 filled 100 at 100 fee 0
         2 ack
         3 ack
         2 filled 50 at 102 fee 0
         3 filled 50 at 98.79 fee 0",
    );
}

#[test]
fn immediate_orders_do_not_wait() {
    check(
        "quote AAPL 99.98x500 100.02x300
         order 1 buy 400 AAPL lmt 100.02 ioc
         quote AAPL 99.98x500 100.02x300
         order 2 buy 400 AAPL lmt 100.02 fok
         quote AAPL 99.98x500 100.02x300
         order 3 buy 300 AAPL lmt 100.02 fok
         quote AAPL 99.98x500 100.02x300
         order 4 buy 10 AAPL lmt 100.02 post
         quote AAPL 99.98x500 100.02x300",
        "1 ack
         1 filled 300 at 100.02 fee 0
         1 canceled not filled at once
         2 ack
         2 canceled not filled at once
         3 ack
         3 filled 300 at 100.02 fee 0
         4 ack
         4 canceled post only: it would have taken",
    );
}

#[test]
fn a_bracket_follows_its_parent_and_one_exit_cancels_the_other() {
    check(
        "order 1 buy 100 AAPL lmt 100 tp 110 sl 95
         quote AAPL 99.98x500 100.00x60
         quote AAPL 99.98x500 100.00x100
         quote AAPL 110.00x40 110.02x300
         quote AAPL 110.50x500 110.52x300",
        "11 ack
         12 ack
         1 ack
         1 filled 60 at 100 fee 0
         11 quantity 60
         12 quantity 60
         1 filled 40 at 100 fee 0
         11 quantity 100
         12 quantity 100
         11 filled 40 at 110 fee 0
         12 quantity 60
         11 filled 60 at 110 fee 0
         12 canceled the other side of its pair filled",
    );
}

#[test]
fn a_parent_that_never_fills_takes_its_exits_with_it() {
    check(
        "order 1 buy 100 AAPL lmt 90 tp 110 sl 85
         quote AAPL 99.98x500 100.00x60
         cancel 1
         quote AAPL 99.98x500 100.00x60",
        "11 ack
         12 ack
         1 ack
         1 canceled -
         11 canceled its parent ended without a fill
         12 canceled its parent ended without a fill",
    );
}

#[test]
fn a_replace_ends_the_old_row_and_works_the_new_one() {
    check(
        "order 1 buy 100 AAPL lmt 90 gtc
         quote AAPL 99.98x500 100.00x60
         replace 1 by 2 buy 100 AAPL lmt 99 gtc
         cancel 1
         quote AAPL 98.90x500 98.95x200
         cancel 2",
        "1 ack
         1 replaced by 2
         2 ack
         1 too late
         2 filled 100 at 98.95 fee 0
         2 too late",
    );
}

#[test]
fn oco_and_oto_without_a_bracket() {
    check(
        "order 1 buy 100 AAPL mkt
         order 2 sell 100 AAPL lmt 110 gtc parent 1 oco 9
         order 3 sell 100 AAPL stp 95 gtc parent 1 oco 9
         quote AAPL 99.98x500 100.00x500
         quote AAPL 94.00x500 94.02x500",
        "2 ack
         1 ack
         3 ack
         1 filled 100 at 100 fee 0
         3 filled 100 at 94 fee 0
         2 canceled the other side of its pair filled",
    );
}

#[test]
fn orders_beyond_buying_power_are_rejected() {
    check(
        "quote AAPL 99.98x500 100.00x500
         order 1 buy 30000 AAPL mkt",
        "1 rejected BUYING_POWER",
    );
}

#[test]
fn crypto_pays_maker_or_taker() {
    check(
        "quote BTC-USD 99990x1 100000x1
         order 1 buy 0.5 BTC-USD mkt gtc
         quote BTC-USD 99990x1 100000x1
         order 2 buy 0.1 BTC-USD lmt 99000 gtc
         quote BTC-USD 99990x1 100000x1
         quote BTC-USD 98980x1 98990x1",
        // Five hundredths of a per cent of slippage: 50 on 100,000.
        "1 ack
         1 filled 0.5 at 100050 fee 125.06
         2 ack
         2 filled 0.1 at 99000 fee 14.85",
    );
}

#[test]
fn bars_decide_by_the_next_bar_alone() {
    check(
        "bar AAPL 100 101 99 100 100000
         order 1 buy 100 AAPL mkt gtc
         order 2 buy 100 AAPL lmt 99.5 gtc
         order 3 buy 100 AAPL stp 101 gtc
         bar AAPL 100.5 100.9 99.5 100 100000
         bar AAPL 100 102 99.4 101 100000
         order 4 sell 100 AAPL lmt 103 gtc oco 4
         order 5 sell 100 AAPL stp 98 gtc oco 4
         bar AAPL 100 104 97 100 100000
         order 6 sell 200 AAPL stp 98 gtc
         bar AAPL 96 97 95 96 100000",
        "1 ack
         2 ack
         3 ack
         1 filled 100 at 100.5 fee 0
         3 filled 100 at 101 fee 0
         2 filled 100 at 99.5 fee 0
         4 ack
         5 ack
         5 filled 100 at 98 fee 0
         4 canceled the other side of its pair filled
         6 ack
         6 filled 200 at 96 fee 0",
    );
}

#[test]
fn a_bar_gives_a_tenth_of_its_volume() {
    check(
        "bar AAPL 100 101 99 100 1000
         order 1 buy 150 AAPL mkt gtc
         bar AAPL 100 101 99 100 1000
         bar AAPL 102 103 101 102 1000",
        "1 ack
         1 filled 100 at 100 fee 0
         1 filled 50 at 102 fee 0",
    );
}

#[test]
fn day_orders_expire_with_their_session_and_closing_orders_fill_at_it() {
    check(
        "quote AAPL 99.98x500 100.00x500 last 99.99
         order 1 buy 100 AAPL lmt 90
         order 2 buy 100 AAPL mkt cls
         order 3 buy 100 AAPL lmt 90 gtc
         quote AAPL 99.98x500 100.00x500 last 99.99
         at 2026-11-24T21:00:00Z",
        "1 ack
         2 ack
         3 ack
         1 expired
         2 filled 100 at 99.99 fee 0",
    );
}

#[test]
fn opening_orders_wait_for_the_next_bell() {
    check(
        "order 1 buy 100 AAPL mkt opg
         quote AAPL 99.98x500 100.00x500
         at 2026-11-25T14:29:59Z
         quote AAPL 101.98x500 102.00x500
         quote AAPL 102.98x500 103.00x500",
        "1 ack
         1 filled 100 at 102 fee 0",
    );
}

#[test]
fn options_end_by_exercise_assignment_or_worthless() {
    check(
        "quote AAPL 231.00x500 231.02x500 last 231
         quote AAPL261218C00220000 11.00x50 11.10x50
         quote AAPL261218P00235000 5.00x50 5.10x50
         quote AAPL261218P00200000 0.50x50 0.52x50
         order 1 buy 1 AAPL261218C00220000 lmt 11.10 gtc
         order 2 sell 1 AAPL261218P00235000 lmt 5.00 gtc
         order 3 buy 1 AAPL261218P00200000 lmt 0.52 gtc
         quote AAPL261218C00220000 11.00x50 11.10x50
         quote AAPL261218P00235000 5.00x50 5.10x50
         quote AAPL261218P00200000 0.50x50 0.52x50
         at 2026-12-18T21:00:00Z",
        "1 ack
         2 ack
         3 ack
         1 filled 1 at 11.1 fee 0.7
         2 filled 1 at 5 fee 0.7
         3 filled 1 at 0.52 fee 0.7
         expiration sell 1 AAPL  261218P00200000 at 0
         exercise sell 1 AAPL  261218C00220000 at 0
         exercise buy 100 AAPL at 220
         assignment buy 1 AAPL  261218P00235000 at 0
         assignment buy 100 AAPL at 235",
    );
}

#[test]
fn an_exit_never_opens_a_position_of_its_own() {
    // The bracket's exits are for 100; 70 are sold beside it, so 30 are left to close.
    let mut venue = venue();
    run(
        &mut venue,
        "quote AAPL 99.98x500 100.00x500
         order 1 buy 100 AAPL lmt 100 tp 110 sl 95 gtc
         quote AAPL 99.98x500 100.00x500
         order 2 sell 70 AAPL mkt gtc
         quote AAPL 99.98x500 100.00x500
         quote AAPL 94.00x500 94.02x500",
    );
    assert_eq!(venue.books().quantity(&Instrument::equity("AAPL").unwrap()), Quantity::ZERO);
}

#[test]
fn an_option_that_expired_while_nobody_looked_waits_for_a_price() {
    let mut venue = venue();
    run(
        &mut venue,
        "quote AAPL261218C00220000 11.00x50 11.10x50
         order 1 buy 1 AAPL261218C00220000 lmt 11.10 gtc
         quote AAPL261218C00220000 11.00x50 11.10x50",
    );
    // The program ends, and starts after the expiry: the stored venue knows no prices.
    let stored = serde_json::to_string(&venue).unwrap();
    let mut venue: Venue = serde_json::from_str(&stored).unwrap();
    venue.reopen();
    let report = run(
        &mut venue,
        "at 2026-12-21T15:00:00Z
         quote MSFT 400.00x5 400.02x5
         quote AAPL 231.00x500 231.02x500 last 231",
    );
    assert_eq!(report, "exercise sell 1 AAPL  261218C00220000 at 0\nexercise buy 100 AAPL at 220\n");
    assert_eq!(venue.next_due(), None);
}

#[test]
fn splits_and_dividends_reach_books_and_orders() {
    let mut venue = venue();
    let report = run(
        &mut venue,
        "order 1 buy 100 AAPL mkt gtc
         quote AAPL 88.00x500 88.01x500
         order 2 sell 100 AAPL lmt 95 gtc
         split AAPL 2:1
         dividend AAPL 0.10",
    );
    assert_eq!(
        report,
        "1 ack\n1 filled 100 at 88.01 fee 0\n2 canceled the shares were split\ncorporate_action buy 100 AAPL at 0\ncash 20.00\n"
    );
    let position = &venue.positions()[0];
    assert_eq!(
        (position.quantity.to_string(), position.average_price.to_string()),
        ("200".into(), "44.005".into())
    );
}

#[test]
fn packages_fill_whole_at_their_natural_price() {
    let leg = |side, key: &str| crate::domain::option::Leg {
        side,
        position_effect: crate::domain::order::PositionEffect::Open,
        ratio: Decimal::ONE,
        instrument: Instrument::from_key(key).unwrap(),
    };
    let (low, high) = ("SPY   261218C00600000", "SPY   261218C00610000");
    let mut request = order(1, &["buy", "2", "SPY", "lmt", "4.00", "gtc"]);
    request.subject = OrderSubject::Legs(vec![leg(Side::Buy, low), leg(Side::Sell, high)]);
    let mut venue = venue();
    run(&mut venue, "quote SPY 605x500 605.02x500");
    venue.submit(venue.now, &request);
    let report = run(
        &mut venue,
        "quote SPY261218C00600000 8.00x50 8.10x50
         quote SPY261218C00610000 4.00x50 4.10x50
         quote SPY261218C00600000 7.90x50 8.00x50",
    );
    assert_eq!(report, "1 ack\n1 filled 2 at 8 fee 1.41\n1 filled 2 at 4 fee 1.41\n");
    assert_eq!(
        venue.account(venue.now).cash,
        Decimal::from(1_000_000) - Decimal::from(800) - Decimal::new(282, 2)
    );
}

#[test]
fn a_stored_venue_goes_on_where_it_was() {
    let before = "quote AAPL 99.98x500 100.00x60
                  order 1 buy 100 AAPL lmt 100 tp 110 sl 95 gtc
                  quote AAPL 99.98x500 100.00x60";
    let after = "quote AAPL 99.98x500 100.00x100
                 quote AAPL 94.90x500 94.92x100";
    let mut straight = venue();
    run(&mut straight, before);
    let mut stored = venue();
    run(&mut stored, before);
    let json = serde_json::to_string(&stored).unwrap();
    let mut resumed: Venue = serde_json::from_str(&json).unwrap();
    resumed.reopen();
    resumed.now = stored.now;
    assert_eq!(run(&mut resumed, after), run(&mut straight, after));
    assert_eq!(resumed.books(), straight.books());
}

#[test]
fn the_same_intent_twice_is_one_order() {
    check(
        "quote AAPL 99.98x500 100.00x500
         order 1 buy 100 AAPL mkt
         order 1 buy 100 AAPL mkt
         quote AAPL 99.98x500 100.00x500
         order 1 buy 100 AAPL mkt
         quote AAPL 99.98x500 100.00x500",
        "1 ack
         1 filled 100 at 100 fee 0",
    );
}

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
