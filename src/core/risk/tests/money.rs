//! Sizes, losses, money, short sales and options: every code with values on both sides of its boundary.

use super::case::*;
use super::table::Table;

pub(super) fn sizes(t: &mut Table) {
    let usual = |c: &mut Case, v: &str| {
        for n in [6, 8, 10, 12, 14] {
            let order = OrderRequest { quantity: Quantity::from(n), ..c.request.clone() };
            c.activity.record(now() - SignedDuration::from_secs(90), &order, false);
        }
        c.request.quantity = q(v);
    };
    t.check(
        Code::FatFinger,
        "usually 10, now",
        usual,
        &[("199", Pass, ""), ("200", Pass, ""), ("201", Fail, "measured=201 limit=200")],
    );
    let volume = |c: &mut Case, v: &str| {
        c.market.volumes.insert(instrument("AAPL"), d("4000"));
        c.request.quantity = q(v);
    };
    t.check(
        Code::FatFinger,
        "of 4,000 a day",
        volume,
        &[("200", Pass, ""), ("201", Fail, "measured=201 limit=200")],
    );
    // Either half of the rule may not be measurable: the other decides, and the check says what was missing.
    let live = |c: &mut Case, v: &str| {
        c.figures = Box::new(|a| a.mode = AccountMode::Live);
        if v.contains("habit") {
            usual(c, "201");
        }
        if v.contains("volume") {
            c.market.volumes.insert(instrument("AAPL"), d("4000"));
            c.request.quantity = q("201");
        }
        if v.contains("small") {
            c.request.quantity = q("200");
        }
    };
    t.check(
        Code::FatFinger,
        "of a real share, known:",
        live,
        &[
            ("neither", Fail, "instrument=AAPL no 20-day volume, fewer than 5 orders"),
            ("habit", Fail, "measured=201 limit=200"),
            ("habit, small", Pass, "no 20-day volume"),
            ("volume", Fail, "measured=201 limit=200"),
            ("volume, small", Pass, "fewer than 5 orders"),
            ("habit, volume, small", Pass, ""),
        ],
    );
    t.check(
        Code::FatFinger,
        "of a simulated share, known:",
        |_, _| (),
        &[("neither", Skip, "no 20-day volume, fewer than 5 orders")],
    );
    t.check(
        Code::MaxOrderQuantity,
        "shares",
        |c, v| c.request.quantity = q(v),
        &[("999", Pass, ""), ("1000", Pass, ""), ("1000.5", Fail, "measured=1000.5 limit=1000")],
    );
    t.check(
        Code::MaxOrderQuantity,
        "contracts",
        |c, v| c.ask(Side::Buy, CALL, v, limit("1")),
        &[("10", Pass, ""), ("11", Fail, "measured=11 limit=10")],
    );
    t.check(
        Code::MaxOrderNotional,
        "shares at 100",
        |c, v| c.request.quantity = q(v),
        &[("99", Pass, ""), ("100", Pass, ""), ("100.01", Fail, "measured=10001 limit=10000")],
    );
    t.check(
        Code::MaxOrderNotional,
        "puts written at 90",
        |c, v| c.ask(Side::Sell, PUT, v, limit("1")),
        &[("1", Pass, ""), ("2", Fail, "measured=18000 limit=10000")],
    );
    t.check(
        Code::MaxPosition,
        "shares at 100",
        |c, v| c.request.quantity = q(v),
        &[("249", Pass, ""), ("250", Pass, ""), ("250.01", Fail, "measured=25.001 limit=25")],
    );
    let beside = |c: &mut Case, v: &str| {
        c.hold("AAPL", "100");
        c.work(Side::Buy, "AAPL", "100", limit("99"));
        c.request.quantity = q(v);
    };
    t.check(
        Code::MaxPosition,
        "with 100 held and 100 being bought",
        beside,
        &[("50", Pass, ""), ("50.01", Fail, "measured=25.001 limit=25")],
    );
    // Short 50 more than the 100 that are held.
    let flip = |c: &mut Case, v: &str| {
        c.hold("AAPL", "100");
        c.ask(Side::SellShort, "AAPL", v, limit("100"));
    };
    t.check(
        Code::MaxPosition,
        "flipping 100 held",
        flip,
        &[("350", Pass, ""), ("350.01", Fail, "measured=25.001 limit=25")],
    );
}

/// What is priced in another currency is measured in the account's: 125 yen are a dollar, a pound is 1.25.
pub(super) fn currencies(t: &mut Table) {
    let yen = |quantity: &'static str| {
        move |c: &mut Case, v: &str| {
            c.quote("USD/JPY", "125", "125");
            c.limits = RiskLimits { order_quantity_max: Decimal::from(1_000_000), ..RiskLimits::default() };
            c.ask(Side::Buy, "USD/JPY", if v.is_empty() { quantity } else { v }, limit("125"));
        }
    };
    t.check(
        Code::MaxOrderNotional,
        "dollars for yen at 125",
        yen(""),
        &[("9999", Pass, ""), ("10000", Pass, ""), ("10001", Fail, "measured=10001 limit=10000")],
    );
    t.check(
        Code::MaxPosition,
        "dollars for yen at 125",
        yen(""),
        &[("25000", Pass, ""), ("25001", Fail, "measured=25.001 limit=25")],
    );
    let exposed = |c: &mut Case, v: &str| {
        yen("")(c, v);
        c.figures = Box::new(|a| a.long_market_value = Decimal::from(190_000));
        // 5,000 dollars are being bought already.
        c.work(Side::Buy, "USD/JPY", "5000", limit("125"));
    };
    t.check(
        Code::MaxExposure,
        "beside 195,000, dollars for yen at 125",
        exposed,
        &[("5000", Pass, ""), ("5001", Fail, "measured=200.001 limit=200")],
    );
    // A pair is bought on a tenth of its value.
    let power = |c: &mut Case, v: &str| {
        yen("5000")(c, "");
        let power = d(v);
        c.figures = Box::new(move |a| a.buying_power = power);
    };
    t.check(
        Code::BuyingPower,
        "5,000 dollars for yen at 125",
        power,
        &[("500", Pass, ""), ("499.99", Fail, "measured=500 limit=499.99")],
    );
}

pub(super) fn pairs(t: &mut Table) {
    // The pair may be quoted either way round, and two pairs that meet in the dollar do as well.
    let pounds = |c: &mut Case, v: &str| {
        c.spec("AAPL").currency = "GBP".parse().unwrap();
        c.request.quantity = q("81");
        let (account, pairs) = v.split_once(' ').unwrap_or((v, ""));
        c.books = Case::books_in(AccountKind::Margin, 3, account.parse().unwrap());
        for pair in pairs.split_whitespace() {
            let (pair, rate) = pair.split_once('=').unwrap();
            c.quote(pair, rate, rate);
        }
    };
    t.check(
        Code::MaxOrderNotional,
        "81 shares at 100 pounds, account and pairs",
        pounds,
        &[
            ("GBP", Pass, ""),
            ("USD GBP/USD=1.25", Fail, "measured=10125 limit=10000"),
            ("USD USD/GBP=0.8", Fail, "measured=10125 limit=10000"),
            ("CHF GBP/USD=1.25 USD/CHF=0.9", Pass, "measured=9112.5"),
            ("CHF GBP/USD=1.25 CHF/USD=0.5", Fail, "measured=20250 limit=10000"),
            ("USD", Fail, "currency=GBP has no rate"),
            ("USD GBP/USD=0", Fail, "currency=GBP has no rate"),
        ],
    );
    for code in [Code::MaxPosition, Code::MaxExposure, Code::BuyingPower] {
        let rows = &[("USD GBP/USD=1.25", Pass, ""), ("USD", Fail, "currency=GBP has no rate")];
        t.check(code, "81 shares at 100 pounds, account and pairs", pounds, rows);
    }
    let held = |c: &mut Case, v: &str| {
        c.market.specs.get_mut(&instrument("MSFT")).unwrap().currency = v.parse().unwrap();
        c.hold("MSFT", "1");
    };
    t.check(
        Code::MaxExposure,
        "beside what is held in",
        held,
        &[("USD", Pass, ""), ("GBP", Fail, "currency=GBP has no rate")],
    );
}

pub(super) fn exposures(t: &mut Table) {
    let margin = |c: &mut Case, v: &str| {
        c.figures = Box::new(|a| a.long_market_value = Decimal::from(199_000));
        c.request.quantity = q(v);
    };
    t.check(
        Code::MaxExposure,
        "beside 199,000 on margin",
        margin,
        &[("9.9", Pass, ""), ("10", Pass, ""), ("10.01", Fail, "measured=200.001 limit=200")],
    );
    let cash = |c: &mut Case, v: &str| {
        c.books = Case::books(AccountKind::Cash, 2);
        c.figures = Box::new(|a| a.long_market_value = Decimal::from(99_000));
        c.request.quantity = q(v);
    };
    t.check(
        Code::MaxExposure,
        "beside 99,000 in cash",
        cash,
        &[("10", Pass, ""), ("10.01", Fail, "measured=100.001 limit=100")],
    );
    // Buys and sells of one instrument do not add up: only one side can be the worse.
    let both_sides = |c: &mut Case, v: &str| {
        c.figures = Box::new(|a| a.long_market_value = Decimal::from(190_000));
        c.work(Side::SellShort, "AAPL", "60", limit("100"));
        c.work(Side::Buy, "AAPL", "40", limit("99"));
        c.request.quantity = q(v);
    };
    t.check(
        Code::MaxExposure,
        "with 60 sold short and 40 bought, more",
        both_sides,
        &[("60", Pass, ""), ("60.01", Fail, "measured=200.001 limit=200")],
    );
    // Two sales of everything held end short.
    let twice = |c: &mut Case, v: &str| {
        c.figures = Box::new(|a| a.long_market_value = Decimal::from(199_000));
        c.hold("AAPL", "10");
        c.work(Side::SellShort, "AAPL", "10", limit("100"));
        c.ask(Side::SellShort, "AAPL", v, limit("100"));
    };
    t.check(
        Code::MaxExposure,
        "sold short with all of 10 being sold",
        twice,
        &[("20", Pass, ""), ("20.01", Fail, "measured=200.001 limit=200")],
    );
    let n = |v: &str| v.parse::<usize>().unwrap();
    let orders = |c: &mut Case, v: &str| {
        (0..n(v)).for_each(|_| {
            c.work(Side::Buy, "MSFT", "1", limit("90"));
        });
    };
    t.check(
        Code::MaxOpenOrders,
        "orders working",
        orders,
        &[("98", Pass, ""), ("99", Pass, ""), ("100", Fail, "measured=101 limit=100")],
    );
    let in_it = |c: &mut Case, v: &str| {
        (0..n(v)).for_each(|_| {
            c.work(Side::Buy, "AAPL", "1", limit("90"));
        });
    };
    t.check(
        Code::MaxOpenOrders,
        "orders in the instrument",
        in_it,
        &[("19", Pass, ""), ("20", Fail, "measured=21 limit=20")],
    );
    let bracket = |c: &mut Case, v: &str| {
        in_it(c, v);
        let exit =
            |n: u64, price| BracketExit { client_order_id: ClientOrderId::from_parts(n, 0), price: p(price) };
        (c.request.take_profit, c.request.stop_loss) = (Some(exit(2, "110")), Some(exit(3, "90")));
    };
    t.check(
        Code::MaxOpenOrders,
        "beside a bracket",
        bracket,
        &[("17", Pass, ""), ("18", Fail, "measured=21 limit=20")],
    );
}

pub(super) fn losses(t: &mut Table) {
    let day = |c: &mut Case, v: &str| {
        let pnl = d(v);
        c.figures = Box::new(move |a| a.day_pnl = pnl);
    };
    t.check(
        Code::DailyLoss,
        "of 100,000",
        day,
        &[
            ("-2999", Pass, ""),
            ("-3000", Fail, "measured=3 limit=3"),
            ("-3001", Fail, "measured=3.001 limit=3"),
        ],
    );
    let fallen = |c: &mut Case, v: &str| {
        let equity = d(v);
        c.figures = Box::new(move |a| a.net_liquidation = equity);
    };
    t.check(
        Code::Drawdown,
        "from 100,000 to",
        fallen,
        &[
            ("90001", Pass, ""),
            ("90000", Fail, "measured=10 limit=10"),
            ("89999", Fail, "measured=10.001 limit=10"),
        ],
    );
}

pub(super) fn wash(t: &mut Table) {
    let theirs = |c: &mut Case, v: &str| {
        c.work(Side::SellShort, "AAPL", "5", limit(v));
    };
    t.check(
        Code::WashCross,
        "buying at 100, own offer",
        theirs,
        &[
            ("100.01", Pass, ""),
            ("100", Fail, "own_order=100 price=100"),
            ("99.99", Fail, "own_order=100 price=99.99"),
        ],
    );
    let at_market = |c: &mut Case, v: &str| {
        theirs(c, v);
        c.request.pricing = Pricing::Market;
    };
    t.check(
        Code::WashCross,
        "buying at the market of 100, own offer",
        at_market,
        &[("100.01", Pass, ""), ("100", Fail, "own_order=100 price=100")],
    );
    let waiting = |c: &mut Case, v: &str| {
        c.work(Side::Sell, "AAPL", "5", stop_limit(v, "95"));
    };
    t.check(
        Code::WashCross,
        "a stop limit for 95 that triggers at",
        waiting,
        &[("99.99", Pass, ""), ("100", Fail, "own_order=100 price=95")],
    );
    let stops = |c: &mut Case, v: &str| {
        c.work(Side::Buy, "AAPL", "5", limit(v));
        c.ask(Side::SellShort, "AAPL", "5", stop_limit("98", "97"));
    };
    t.check(
        Code::WashCross,
        "a stop limit from 98 to 97, own bid",
        stops,
        &[
            ("98.01", Pass, ""),
            ("98", Fail, "own_order=100 price=98"),
            ("97", Fail, "own_order=100 price=97"),
            ("96.99", Pass, ""),
        ],
    );
}

pub(super) fn money(t: &mut Table) {
    let power = |c: &mut Case, v: &str| {
        let power = d(v);
        c.figures = Box::new(move |a| a.buying_power = power);
    };
    t.check(
        Code::BuyingPower,
        "for 1,000",
        power,
        &[("1000.01", Pass, ""), ("1000", Pass, ""), ("999.99", Fail, "measured=1000 limit=999.99")],
    );
    // A coin's fee is a quarter per cent; a margin account pays coins in full, which takes twice as much.
    let coins = |c: &mut Case, v: &str| {
        power(c, v);
        c.ask(Side::Buy, "BTC-USD", "10", limit("100"));
    };
    t.check(
        Code::BuyingPower,
        "for 1,000 of coins and the fee",
        coins,
        &[("2002.5", Pass, ""), ("2002.49", Fail, "measured=2002.5 limit=2002.49")],
    );
    // Held by two orders of 40,000 each, of the 200,000 a margin account of 100,000 has.
    let reserved = |c: &mut Case, v: &str| {
        c.work(Side::Buy, "MSFT", "400", limit("100"));
        c.work(Side::Buy, "MSFT", "400", limit("100"));
        c.request.quantity = q(v);
    };
    t.check(
        Code::BuyingPower,
        "beside orders for 80,000",
        reserved,
        &[("1200", Pass, ""), ("1200.01", Fail, "measured=120001 limit=120000")],
    );
    let settled = |c: &mut Case, v: &str| {
        c.books = Case::books(AccountKind::Cash, 2);
        let settled = d(v);
        c.figures = Box::new(move |a| a.settled_cash = settled);
    };
    t.check(
        Code::CashSettled,
        "for 1,000",
        settled,
        &[("1000.01", Pass, ""), ("1000", Pass, ""), ("999.99", Fail, "measured=1000 limit=999.99")],
    );
}

pub(super) fn day_trades(t: &mut Table) {
    let pdt = |c: &mut Case, v: &str| {
        let (trades, equity) = v.split_once(' ').unwrap();
        c.limits.day_trade_rule = DayTradeRule::Pdt;
        c.day_trades = trades.parse().unwrap();
        let equity = d(equity);
        c.figures = Box::new(move |a| a.net_liquidation = equity);
    };
    t.check(
        Code::DayTrade,
        "day trades before and equity",
        pdt,
        &[
            ("1 24999.99", Pass, "measured=2 limit=3"),
            ("2 24999.99", Pass, "measured=3 limit=3"),
            ("3 24999.99", Fail, "measured=4 limit=3"),
            ("3 25000", Pass, ""),
        ],
    );
    let closing = |c: &mut Case, v: &str| {
        pdt(c, "3 10000");
        c.hold("AAPL", "10");
        c.ask(Side::SellShort, "AAPL", v, limit("100"));
    };
    t.check(
        Code::DayTrade,
        "the fourth, selling of 10",
        closing,
        &[("10", Skip, ""), ("11", Fail, "measured=4 limit=3")],
    );
    let elsewhere = |c: &mut Case, v: &str| {
        pdt(c, "3 10000");
        match v {
            "coins" => c.ask(Side::Buy, "BTC-USD", "1", limit("100")),
            "cash" => c.books = Case::books(AccountKind::Cash, 2),
            _ => {}
        }
    };
    t.check(
        Code::DayTrade,
        "the fourth, in",
        elsewhere,
        &[("coins", Skip, ""), ("cash", Skip, ""), ("shares", Fail, "measured=4 limit=3")],
    );
    let intraday = |c: &mut Case, v: &str| {
        c.limits.day_trade_rule = DayTradeRule::IntradayMargin;
        let equity = d(v);
        c.figures = Box::new(move |a| a.net_liquidation = equity);
    };
    t.check(
        Code::DayTrade,
        "for 1,000 held, equity",
        intraday,
        &[("251", Pass, ""), ("250", Pass, ""), ("249.99", Fail, "measured=250 limit=249.99")],
    );
}

pub(super) fn shorts(t: &mut Table) {
    let allowed = |c: &mut Case, v: &str| {
        c.ask(Side::SellShort, "AAPL", "10", limit("100"));
        match v {
            "cash" => c.books = Case::books(AccountKind::Cash, 3),
            "limits" => c.limits.allow_short = false,
            "broker" => c.capabilities.short_sales = false,
            _ => {}
        }
    };
    t.check(
        Code::ShortNotAllowed,
        "forbidden by",
        allowed,
        &[
            ("nobody", Pass, ""),
            ("cash", Fail, "SHORT_NOT_ALLOWED"),
            ("limits", Fail, "SHORT_NOT_ALLOWED"),
            ("broker", Fail, "SHORT_NOT_ALLOWED"),
        ],
    );
    let borrow = |c: &mut Case, v: &str| {
        c.ask(Side::SellShort, "AAPL", "10", limit("100"));
        c.spec("AAPL").shortable = v != "not";
        c.spec("AAPL").easy_to_borrow = v == "easily";
    };
    t.check(
        Code::NotShortable,
        "borrowed",
        borrow,
        &[("easily", Pass, ""), ("hardly", Pass, ""), ("not", Fail, "NOT_SHORTABLE")],
    );
    t.check(
        Code::HardToBorrow,
        "borrowed",
        borrow,
        &[("easily", Pass, ""), ("hardly", Fail, "HARD_TO_BORROW"), ("not", Skip, "")],
    );
    let sell = |c: &mut Case, v: &str| {
        c.hold("AAPL", "10");
        c.ask(Side::Sell, "AAPL", v, limit("100"));
    };
    t.check(
        Code::SellExceedsPosition,
        "of 10",
        sell,
        &[("9.5", Pass, ""), ("10", Pass, ""), ("10.000001", Fail, "measured=10.000001 limit=10")],
    );
    let claimed = |c: &mut Case, v: &str| {
        sell(c, v);
        c.work(Side::Sell, "AAPL", "4", limit("101"));
    };
    t.check(
        Code::SellExceedsPosition,
        "of 10, 4 being sold",
        claimed,
        &[("6", Pass, ""), ("6.1", Fail, "measured=6.1 limit=6")],
    );
    let cover = |c: &mut Case, v: &str| {
        c.hold("AAPL", "-10");
        c.ask(Side::BuyToCover, "AAPL", v, limit("100"));
    };
    t.check(
        Code::SellExceedsPosition,
        "covering 10",
        cover,
        &[("10", Pass, ""), ("10.5", Fail, "measured=10.5 limit=10")],
    );
    let reduce_only = |c: &mut Case, v: &str| {
        sell(c, v);
        c.request.reduce_only = true;
    };
    t.check(
        Code::WouldIncrease,
        "reduce only, of 10",
        reduce_only,
        &[("9", Pass, ""), ("10", Pass, ""), ("11", Fail, "WOULD_INCREASE")],
    );
}

/// SEC rule 201.
pub(super) fn restricted_shorts(t: &mut Table) {
    let restricted = |c: &mut Case, v: &str| {
        c.market.restricted = true;
        c.quote("AAPL", "100", "100.5");
        let pricing = match v.split_once(' ') {
            Some((stop, limit)) => stop_limit(stop, limit),
            None if v == "market" => Pricing::Market,
            None => limit(v),
        };
        c.ask(Side::SellShort, "AAPL", "10", pricing);
    };
    t.check(
        Code::ShortSaleRestricted,
        "bid at 100, limit",
        restricted,
        &[
            ("100.01", Pass, ""),
            ("100", Fail, "measured=100 limit=100"),
            ("99.99", Fail, "measured=99.99 limit=100"),
            ("market", Fail, "only a limit above the bid"),
            ("99 98", Fail, "only a limit above the bid"),
        ],
    );
    let bidless = |c: &mut Case, v: &str| {
        restricted(c, "100.01");
        c.quote("AAPL", v, "100.5");
    };
    t.check(Code::ShortSaleRestricted, "bid", bidless, &[("100", Pass, ""), ("none", Fail, "no bid")]);
    let free = |c: &mut Case, v: &str| {
        restricted(c, "100");
        c.market.restricted = v == "yes";
    };
    t.check(
        Code::ShortSaleRestricted,
        "at the bid, restricted",
        free,
        &[("no", Pass, ""), ("yes", Fail, "measured=100 limit=100")],
    );
}
