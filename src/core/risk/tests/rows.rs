//! Gates, rates, shape and market: every code with values on both sides of its boundary.

use super::case::*;
use super::table::Table;

pub(super) fn gates(t: &mut Table) {
    let state = |c: &mut Case, v: &str| c.state = serde_json::from_str(&format!("\"{v}\"")).unwrap();
    t.check(
        Code::Halted,
        "an opening order",
        state,
        &[("active", Pass, ""), ("reducing_only", Pass, ""), ("halted", Fail, "HALTED")],
    );
    let closing = |c: &mut Case, v: &str| {
        c.hold("AAPL", "10");
        c.ask(Side::Sell, "AAPL", "10", limit("100"));
        c.state = TradingState::Halted;
        c.request.origin.kind = serde_json::from_str(&format!("\"{v}\"")).unwrap();
    };
    t.check(
        Code::Halted,
        "a close by",
        closing,
        &[("cli", Pass, ""), ("exit", Pass, ""), ("strategy", Fail, "HALTED")],
    );
    t.check(
        Code::ReducingOnly,
        "an opening order",
        state,
        &[("active", Pass, ""), ("reducing_only", Fail, "REDUCING_ONLY")],
    );
    let reducing = |c: &mut Case, v: &str| {
        c.hold("AAPL", "10");
        c.ask(Side::Sell, "AAPL", v, limit("100"));
        c.state = TradingState::ReducingOnly;
    };
    t.check(
        Code::ReducingOnly,
        "selling of 10",
        reducing,
        &[("10", Pass, ""), ("10.5", Fail, "REDUCING_ONLY")],
    );
    t.check(
        Code::AccountUnreconciled,
        "reconciled",
        |c, v| c.reconciled = v == "yes",
        &[("yes", Pass, ""), ("no", Fail, "ACCOUNT_UNRECONCILED")],
    );
    t.check(
        Code::AccountUnreconciled,
        "not reconciled, and overridden by a person",
        |c, v| {
            (c.reconciled, c.overridden) = (false, v != "not");
            if v == "strategy" {
                c.request.origin.kind = OriginKind::Strategy;
            }
        },
        &[
            ("yes", Pass, ""),
            ("strategy", Fail, "ACCOUNT_UNRECONCILED"),
            ("not", Fail, "ACCOUNT_UNRECONCILED"),
        ],
    );
    t.check(
        Code::BrokerDown,
        "the broker",
        |c, v| c.broker_up = v == "up",
        &[("up", Pass, ""), ("down", Fail, "BROKER_DOWN")],
    );
    let mode = |c: &mut Case, v: &str| {
        c.live_armed = v == "armed";
        if v != "paper" {
            c.figures = Box::new(|a| a.mode = AccountMode::Live);
        }
    };
    t.check(
        Code::NotAuthorised,
        "an account that is",
        mode,
        &[("paper", Pass, ""), ("armed", Pass, ""), ("live", Fail, "NOT_AUTHORISED")],
    );
}

/// Reliability 4.4: a lock holds automation that opens, until its end; a person is told of it.
pub(super) fn protect(t: &mut Table) {
    let locked = |c: &mut Case, who: OriginKind, only: Option<&str>, seconds: i64| {
        c.request.origin.kind = who;
        c.locks = vec![Lock {
            instrument: only.map(|symbol| Instrument::equity(symbol).unwrap()),
            until: now() + SignedDuration::from_secs(seconds),
            reason: "loss_streak: 5 losing trades in a row".to_owned(),
        }];
    };
    t.check(
        Code::Protect,
        "a lock",
        |c, v| match v {
            "none" => c.request.origin.kind = OriginKind::Strategy,
            "all" => locked(c, OriginKind::Strategy, None, 60),
            "of a bot" => locked(c, OriginKind::Bot, Some("AAPL"), 60),
            "of another" => locked(c, OriginKind::Strategy, Some("MSFT"), 60),
            "ended" => locked(c, OriginKind::Strategy, None, 0),
            _ => locked(c, OriginKind::Ticket, None, 60),
        },
        &[
            ("none", Pass, ""),
            ("all", Fail, "loss_streak: 5 losing trades in a row"),
            ("of a bot", Fail, "until="),
            ("of another", Pass, ""),
            ("ended", Pass, ""),
            ("a person", Pass, "loss_streak"),
        ],
    );
}

pub(super) fn rates(t: &mut Table) {
    let n = |v: &str| v.parse::<usize>().unwrap();
    t.check(
        Code::OrderRate,
        "orders in the last second",
        |c, v| c.asked(n(v), 999, false),
        &[("3", Pass, ""), ("4", Pass, ""), ("5", Fail, "measured=6 limit=5")],
    );
    t.check(
        Code::OrderRate,
        "orders in the last minute",
        |c, v| c.asked(n(v), 59_999, false),
        &[("29", Pass, ""), ("30", Fail, "measured=31 limit=30")],
    );
    t.check(
        Code::OrderRate,
        "orders a minute ago",
        |c, v| c.asked(n(v), 60_000, false),
        &[("500", Pass, "")],
    );
    let bot = |c: &mut Case, v: &str| {
        c.request.origin = Origin { kind: OriginKind::Bot, name: Some("b".into()) };
        let other = OrderRequest { quantity: q("3"), ..c.request.clone() };
        let at = now() - SignedDuration::from_secs(30);
        (0..n(v)).for_each(|_| c.activity.record(at, &other, false));
    };
    t.check(
        Code::OrderRate,
        "orders of one bot",
        bot,
        &[("9", Pass, ""), ("10", Fail, "measured=11 limit=10")],
    );
    let exit = |c: &mut Case, v: &str| {
        c.hold("AAPL", "10");
        c.ask(Side::Sell, "AAPL", "10", limit("100"));
        // Whatever was opened leaves an exit's rate alone.
        c.asked(50, 10, false);
        c.asked(n(v), 10, true);
    };
    t.check(
        Code::OrderRate,
        "exits in the last second",
        exit,
        &[("9", Pass, ""), ("10", Fail, "measured=11 limit=10")],
    );
    let faster = |c: &mut Case, v: &str| {
        exit(c, v);
        c.limits.orders_per_second_max = 20;
    };
    t.check(
        Code::OrderRate,
        "exits where 20 may open",
        faster,
        &[("19", Pass, ""), ("20", Fail, "measured=21 limit=20")],
    );
    let ago = |c: &mut Case, v: &str| {
        let ago = SignedDuration::from_millis(v.parse().unwrap());
        c.activity.record(now() - ago, &c.request, false);
    };
    t.check(
        Code::Duplicate,
        "the same order, milliseconds ago",
        ago,
        &[("3001", Pass, ""), ("3000", Pass, ""), ("2999", Fail, "within_seconds=3")],
    );
    let unknown = |c: &mut Case, v: &str| {
        c.work(Side::Buy, "AAPL", "10", limit("100")).status = OrderStatus::from_word(v).unwrap();
    };
    t.check(
        Code::Duplicate,
        "the same order is",
        unknown,
        &[("submitted", Pass, ""), ("unknown", Fail, "within_seconds=3")],
    );
    let meant = |c: &mut Case, v: &str| {
        c.activity.record(now(), &c.request, false);
        c.request.allow_duplicate = true;
        c.request.origin.kind = serde_json::from_str(&format!("\"{v}\"")).unwrap();
    };
    t.check(Code::Duplicate, "meant by", meant, &[("cli", Skip, ""), ("bot", Fail, "within_seconds=3")]);
}

pub(super) fn instruments(t: &mut Table) {
    let known = |c: &mut Case, v: &str| {
        if v == "no" {
            c.market.specs.clear();
        }
    };
    t.check(
        Code::UnknownInstrument,
        "terms are known",
        known,
        &[("yes", Pass, ""), ("no", Fail, "instrument=AAPL")],
    );
    t.check(
        Code::NotTradable,
        "it trades",
        |c, v| c.spec("AAPL").tradable = v == "yes",
        &[("yes", Pass, ""), ("no", Fail, "instrument=AAPL")],
    );
    t.check(
        Code::RestrictedList,
        "restricted",
        |c, v| c.limits.restricted = vec![instrument(v)],
        &[("MSFT", Pass, ""), ("AAPL", Fail, "instrument=AAPL")],
    );
    t.check(
        Code::RestrictedList,
        "alone allowed",
        |c, v| c.limits.allowed = vec![instrument(v)],
        &[("AAPL", Pass, ""), ("MSFT", Fail, "instrument=AAPL")],
    );
    let option = |c: &mut Case, v: &str| {
        c.limits.restricted = vec![instrument(v)];
        c.ask(Side::Buy, CALL, "1", limit("100"));
    };
    t.check(
        Code::RestrictedList,
        "an option, restricted",
        option,
        &[("MSFT", Pass, ""), ("AAPL", Fail, "instrument=AAPL 15Jan27 110C")],
    );
    let adjusted = |c: &mut Case, v: &str| {
        c.hold(ADJUSTED, "1");
        c.ask(if v == "1" { Side::Sell } else { Side::Buy }, ADJUSTED, "1", limit("100"));
    };
    t.check(Code::AdjustedOption, "closes", adjusted, &[("1", Pass, ""), ("0", Fail, "ADJUSTED_OPTION")]);
}

pub(super) fn shape(t: &mut Table) {
    t.check(
        Code::BadQuantity,
        "shares",
        |c, v| c.request.quantity = q(v),
        &[
            ("0.000001", Pass, ""),
            ("0", Fail, "measured=0 limit=0"),
            ("-1", Fail, "measured=-1"),
            ("0.0000001", Fail, "measured=0.0000001 limit=0.000001"),
            ("0.00000000001", Fail, "measured=0.00000000001 limit=0.000001"),
            ("1000000000001", Fail, "measured=1000000000001 limit=1000000000000"),
        ],
    );
    let whole = |c: &mut Case, v: &str| {
        c.capabilities.fractional = false;
        c.request.quantity = q(v);
    };
    t.check(
        Code::BadQuantity,
        "whole shares",
        whole,
        &[("1", Pass, ""), ("1.5", Fail, "measured=1.5 limit=1")],
    );
    t.check(
        Code::BadTick,
        "limit",
        |c, v| c.request.pricing = limit(v),
        &[
            ("100.01", Pass, ""),
            ("0.9999", Pass, ""),
            ("100.001", Fail, "measured=100.001 limit=0.01"),
            ("1.0001", Fail, "measured=1.0001 limit=0.01"),
        ],
    );
    t.check(
        Code::BadPrice,
        "limit",
        |c, v| c.request.pricing = limit(v),
        &[("0.01", Pass, ""), ("0", Fail, "measured=0 limit=0"), ("-0.01", Fail, "measured=-0.01 limit=0")],
    );
    t.check(
        Code::BadPrice,
        "limit",
        |c, v| c.request.pricing = limit(v),
        &[("1000000000.01", Fail, "measured=1000000000.01 limit=1000000000")],
    );
    let trail =
        |c: &mut Case, v: &str| c.request.pricing = Pricing::TrailingStop { trail: Trail::Percent(d(v)) };
    t.check(
        Code::BadPrice,
        "trail per cent",
        trail,
        &[("99.9", Pass, ""), ("0", Fail, "BAD_PRICE"), ("100", Fail, "BAD_PRICE")],
    );
    let bracket = |c: &mut Case, v: &str| {
        let exit = |n: u64, price| BracketExit { client_order_id: ClientOrderId::from_parts(n, 0), price };
        c.request.take_profit = Some(exit(2, p("100.01")));
        c.request.stop_loss = Some(exit(3, p(v)));
    };
    t.check(
        Code::BadPrice,
        "stop under a profit of 100.01",
        bracket,
        &[("100", Pass, ""), ("100.01", Fail, "BAD_PRICE")],
    );
    let tif = |c: &mut Case, v: &str| {
        c.request.time_in_force = serde_json::from_str(&format!("\"{v}\"")).unwrap();
        c.capabilities.times_in_force = vec![TimeInForce::Day, TimeInForce::Gtd];
    };
    t.check(
        Code::Unsupported,
        "time in force",
        tif,
        &[
            ("day", Pass, ""),
            ("ioc", Fail, "time_in_force=ioc"),
            ("gtd", Fail, "time_in_force=gtd needs an expire date"),
        ],
    );
    let held = |c: &mut Case, v: &str| {
        c.hold("AAPL", v);
        c.ask(Side::Sell, "AAPL", "10", limit("100"));
        c.request.position_effect = Some(PositionEffect::Close);
    };
    t.check(
        Code::Unsupported,
        "a close of 10, held",
        held,
        &[("10", Pass, ""), ("9.9", Fail, "nothing to close: position=9.9")],
    );
}

pub(super) fn market(t: &mut Table) {
    let phase = |c: &mut Case, v: &str| {
        c.request.pricing = Pricing::Market;
        c.market.phase = match v {
            "regular" => MarketPhase::Regular,
            "pre" => MarketPhase::PreMarket,
            _ => MarketPhase::Closed,
        };
    };
    t.check(
        Code::MarketClosed,
        "a market order, the market is",
        phase,
        &[("regular", Pass, ""), ("pre", Fail, "instrument=AAPL"), ("closed", Fail, "instrument=AAPL")],
    );
    pub(super) fn aged(c: &mut Case, v: &str) {
        c.quote("AAPL", "100", "100").as_of = now() - SignedDuration::from_millis(v.parse().unwrap());
    }
    t.check(
        Code::StaleQuote,
        "a limit order, milliseconds of age",
        aged,
        &[
            ("29999", Pass, ""),
            ("30000", Pass, ""),
            ("30001", Fail, "measured=30.001 limit=30"),
            ("-30001", Fail, "measured=30.001 limit=30"),
        ],
    );
    let back = |c: &mut Case, v: &str| {
        c.clock_back_at = Some(now() - SignedDuration::from_millis(v.parse().unwrap()));
        c.quote("AAPL", "100", "100").as_of = now() - SignedDuration::from_millis(100);
    };
    t.check(
        Code::StaleQuote,
        "a quote of 100 ms, the clock went back, milliseconds ago",
        back,
        &[
            ("101", Pass, ""),
            ("100", Fail, "instrument=AAPL the clock went back since"),
            ("0", Fail, "the clock went back since"),
        ],
    );
    let at_market = |c: &mut Case, v: &str| {
        aged(c, v);
        c.request.pricing = Pricing::Market;
    };
    t.check(
        Code::StaleQuote,
        "a market order, milliseconds of age",
        at_market,
        &[("5000", Pass, ""), ("5001", Fail, "measured=5.001 limit=5")],
    );
    let book = |c: &mut Case, v: &str| {
        c.quote("AAPL", v, "100");
        c.request.pricing = Pricing::Market;
    };
    t.check(
        Code::StaleQuote,
        "a market order, ask 100, bid",
        book,
        &[
            ("100", Pass, ""),
            ("100.01", Fail, "one-sided or crossed"),
            ("none", Fail, "one-sided or crossed"),
        ],
    );
    let live = |c: &mut Case, v: &str| {
        c.figures = Box::new(|a| a.mode = AccountMode::Live);
        c.quote("AAPL", "100", "100").feed = serde_json::from_str(&format!("\"{v}\"")).unwrap();
    };
    t.check(
        Code::StaleQuote,
        "a live order, the feed is",
        live,
        &[
            ("real_time", Pass, ""),
            ("delayed", Fail, "feed is not live"),
            ("frozen", Fail, "feed is not live"),
            ("simulated", Fail, "feed is not live"),
            ("replayed", Fail, "feed is not live"),
        ],
    );
    let spread = |key: &'static str, middle_ask: &'static [(&'static str, &'static str)]| {
        move |c: &mut Case, v: &str| {
            let bid = middle_ask.iter().find(|(ask, _)| *ask == v).unwrap().1;
            c.ask(Side::Buy, key, "1", Pricing::Market);
            c.quote(key, bid, v);
        }
    };
    t.check(
        Code::SpreadTooWide,
        "shares, ask",
        spread("AAPL", &[("101", "99"), ("101.01", "98.99")]),
        &[("101", Pass, ""), ("101.01", Fail, "measured=2.02 limit=2")],
    );
    t.check(
        Code::SpreadTooWide,
        "an option, ask",
        spread(CALL, &[("2.15", "1.85"), ("2.16", "1.84")]),
        &[("2.15", Pass, ""), ("2.16", Fail, "measured=16 limit=15")],
    );
    t.check(Code::SpreadTooWide, "no middle, ask", spread("AAPL", &[("1", "-1")]), &[("1", Fail, "limit=2")]);
}

pub(super) fn collars(t: &mut Table) {
    pub(super) fn collar(side: Side, key: &'static str, market: &'static str) -> impl Fn(&mut Case, &str) {
        move |c, v| {
            c.quote(key, market, market);
            c.ask(side, key, "1", limit(v));
        }
    }
    t.check(
        Code::PriceCollar,
        "buying shares at 100, limit",
        collar(Side::Buy, "AAPL", "100"),
        &[("104.99", Pass, ""), ("105", Pass, ""), ("105.01", Fail, "measured=105.01 limit=105")],
    );
    t.check(
        Code::PriceCollar,
        "selling shares at 100, limit",
        collar(Side::SellShort, "AAPL", "100"),
        &[("95", Pass, ""), ("94.99", Fail, "measured=94.99 limit=95")],
    );
    t.check(
        Code::PriceCollar,
        "shares at 25, limit",
        collar(Side::Buy, "AAPL", "25"),
        &[("26.25", Pass, ""), ("26.26", Fail, "limit=26.25")],
    );
    t.check(
        Code::PriceCollar,
        "shares at 24.99, limit",
        collar(Side::Buy, "AAPL", "24"),
        &[("26.4", Pass, ""), ("26.41", Fail, "limit=26.4")],
    );
    t.check(
        Code::PriceCollar,
        "shares at 0.50, limit",
        collar(Side::Buy, "AAPL", "0.5"),
        &[("0.65", Pass, ""), ("0.6501", Fail, "limit=0.65")],
    );
    t.check(
        Code::PriceCollar,
        "an option at 2, limit",
        collar(Side::Buy, CALL, "2"),
        &[("2.5", Pass, ""), ("2.51", Fail, "limit=2.5")],
    );
    t.check(
        Code::PriceCollar,
        "an option at 0.40, limit",
        collar(Side::Buy, CALL, "0.4"),
        &[("0.65", Pass, ""), ("0.66", Fail, "limit=0.65")],
    );
    t.check(
        Code::PriceCollar,
        "coins at 100, limit",
        collar(Side::Buy, "BTC-USD", "100"),
        &[("105", Pass, ""), ("105.01", Fail, "limit=105")],
    );
    t.check(
        Code::PriceCollar,
        "currency at 1, limit",
        collar(Side::Buy, "EUR/USD", "1"),
        &[("1.01", Pass, ""), ("1.01001", Fail, "measured=1.01001 limit=1.01")],
    );
    t.check(
        Code::PriceCollar,
        "a buy stop, market 100",
        |c, v| c.request.pricing = stop(v),
        &[("100.01", Pass, ""), ("100", Fail, "measured=100 limit=100")],
    );
    t.check(
        Code::PriceCollar,
        "a buy stop limit, stop 101",
        |c, v| c.request.pricing = stop_limit("101", v),
        &[("106.05", Pass, ""), ("106.06", Fail, "measured=106.06 limit=106.05")],
    );
    let oco = |limit: &str, stop: &str| Pricing::Oco { limit_price: p(limit), stop_price: p(stop) };
    t.check(
        Code::PriceCollar,
        "an oco sale of coins at 100, stop",
        move |c, v| {
            c.quote("BTC-USD", "100", "100");
            c.ask(Side::Sell, "BTC-USD", "1", oco("120", v));
        },
        &[("99.99", Pass, ""), ("100", Fail, "measured=100 limit=100")],
    );
    t.check(
        Code::PriceCollar,
        "an oco sale of coins at 100, limit",
        move |c, v| {
            c.quote("BTC-USD", "100", "100");
            c.ask(Side::Sell, "BTC-USD", "1", oco(v, "50"));
        },
        &[("95", Pass, ""), ("94.99", Fail, "measured=94.99 limit=95")],
    );
    t.check(
        Code::PriceCollar,
        "slices of coins at 100, worst price",
        |c, v| {
            c.quote("BTC-USD", "100", "100");
            let slices = Slices { minutes: 30, randomize: false, limit_price: Some(p(v)) };
            c.ask(Side::Buy, "BTC-USD", "1", Pricing::Twap(slices));
        },
        &[("105", Pass, ""), ("105.01", Fail, "measured=105.01 limit=105")],
    );
    // Bought at 3 - 1 = 2 a package, sold at the same.
    let spread = |side: Side| {
        move |c: &mut Case, v: &str| {
            c.quote(CALL, "3", "3");
            c.quote(LATER_CALL, "1", "1");
            let (first, second) =
                if side.is_buy() { (Side::Buy, Side::Sell) } else { (Side::Sell, Side::Buy) };
            c.legs(side, "1", v, vec![leg(first, CALL, 1), leg(second, LATER_CALL, 1)]);
        }
    };
    t.check(
        Code::PriceCollar,
        "a debit of 2, limit",
        spread(Side::Buy),
        &[("2.5", Pass, ""), ("2.51", Fail, "measured=2.51 limit=2.5")],
    );
    t.check(
        Code::PriceCollar,
        "a credit of 2, limit",
        spread(Side::Sell),
        &[("1.5", Pass, ""), ("1.49", Fail, "measured=1.49 limit=1.5")],
    );
}
