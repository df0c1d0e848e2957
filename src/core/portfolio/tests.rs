//! Hand-checked books, and what no history may break.

use proptest::prelude::*;

use super::*;
use crate::domain::order::Side;

fn terms(kind: AccountKind) -> AccountTerms {
    AccountTerms {
        account: AccountId::new("paper"),
        kind,
        mode: AccountMode::Paper,
        currency: Currency::USD,
        options_level: 4,
        opening_cash: vec![Money::usd(Decimal::from(100_000))],
    }
}

fn fill(id: u32, instrument: &str, side: Side, quantity: &str, price: &str, fee: &str) -> Execution {
    let instrument = Instrument::from_key(instrument).unwrap();
    let multiplier = if instrument.as_option().is_some() { Decimal::ONE_HUNDRED } else { Decimal::ONE };
    Execution {
        execution_id: ExecutionId::new(format!("x{id}")),
        account: AccountId::new("paper"),
        client_order_id: None,
        broker_order_id: None,
        instrument,
        side,
        quantity: quantity.parse().unwrap(),
        price: price.parse().unwrap(),
        multiplier,
        fee: fee.parse().unwrap(),
        currency: Currency::USD,
        at: "2026-11-24T15:00:00Z".parse().unwrap(),
        kind: ExecutionKind::Trade,
    }
}

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn first_in_first_out_with_fees() {
    let mut books = Portfolio::new(terms(AccountKind::Margin));
    books.apply(&fill(1, "AAPL", Side::Buy, "100", "10", "1"));
    books.apply(&fill(2, "AAPL", Side::Buy, "100", "20", "1"));
    let applied = books.apply(&fill(3, "AAPL", Side::Sell, "150", "30", "3"));
    // 100 at 10 and 50 at 20 are sold at 30: 2,000 + 500 - opening 1.50 - closing 3.
    assert_eq!(applied, Applied::New { realized_pnl: d("2495.5") });
    let aapl = Instrument::equity("AAPL").unwrap();
    books.mark(&aapl, "25".parse().unwrap());
    let position = books.position(&aapl).unwrap();
    assert_eq!((position.quantity, position.average_price), ("50".parse().unwrap(), "20".parse().unwrap()));
    assert_eq!(position.unrealized_pnl, Some(d("250")));
    let account = books.account("2026-11-24T15:00:01Z".parse().unwrap());
    assert_eq!(account.cash, d("101495"));
    assert_eq!(account.net_liquidation, d("102745"));
    assert_eq!(account.day_pnl, d("2745"));
}

#[test]
fn flips_through_zero_and_short_options_carry_the_multiplier() {
    let mut books = Portfolio::new(terms(AccountKind::Margin));
    books.apply(&fill(1, "AAPL", Side::Buy, "10", "100", "0"));
    books.apply(&fill(2, "AAPL", Side::Sell, "25", "110", "0"));
    let aapl = Instrument::equity("AAPL").unwrap();
    let position = books.position(&aapl).unwrap();
    assert_eq!(
        (position.quantity, position.average_price, position.realized_pnl),
        ("-15".parse().unwrap(), "110".parse().unwrap(), d("100"))
    );
    let put = "AAPL  270115P00190000";
    books.apply(&fill(3, put, Side::Sell, "2", "2.35", "1.30"));
    assert_eq!(books.cash(), d("100000") - d("1000") + d("2750") + d("470") - d("1.30"));
    let applied = books.apply(&fill(4, put, Side::Buy, "2", "1.35", "1.30"));
    assert_eq!(applied, Applied::New { realized_pnl: d("197.40") });
}

#[test]
fn e1_a_repeat_is_silent_and_a_contradiction_is_kept_out() {
    let mut books = Portfolio::new(terms(AccountKind::Cash));
    books.apply(&fill(1, "AAPL", Side::Buy, "10", "100", "0"));
    assert_eq!(books.apply(&fill(1, "AAPL", Side::Buy, "10", "100", "0")), Applied::Duplicate);
    let other = books.apply(&fill(1, "AAPL", Side::Buy, "11", "100", "0"));
    assert_eq!(other, Applied::Conflict { kept: ("10".parse().unwrap(), "100".parse().unwrap()) });
    assert_eq!(books.quantity(&Instrument::equity("AAPL").unwrap()), "10".parse().unwrap());
}

#[test]
fn a_split_spreads_the_cost_and_keeps_the_lots() {
    let mut books = Portfolio::new(terms(AccountKind::Margin));
    books.apply(&fill(1, "AAPL", Side::Buy, "100", "88", "0"));
    books.apply(&fill(2, "AAPL", Side::Buy, "50", "90", "0"));
    let mut split = fill(3, "AAPL", Side::Buy, "150", "0", "0");
    split.kind = ExecutionKind::CorporateAction;
    assert_eq!(books.apply(&split), Applied::New { realized_pnl: Decimal::ZERO });
    let aapl = Instrument::equity("AAPL").unwrap();
    let lots: Vec<_> =
        books.lots(&aapl).iter().map(|lot| (lot.quantity.to_string(), lot.price.to_string())).collect();
    assert_eq!(lots, [("200".into(), "44".into()), ("100".into(), "45".into())]);
    assert_eq!(books.cash(), d("86700"));
}

#[test]
fn a_cash_account_buys_with_settled_money_only() {
    let mut books = Portfolio::new(terms(AccountKind::Cash));
    books.apply(&fill(1, "AAPL", Side::Buy, "100", "500", "0"));
    books.apply(&fill(2, "AAPL", Side::Sell, "100", "500", "0"));
    let at = |text: &str| text.parse().unwrap();
    let today = books.account(at("2026-11-24T15:00:00Z"));
    assert_eq!((today.cash, today.settled_cash, today.buying_power), (d("100000"), d("50000"), d("50000")));
    books.roll_day(at("2026-11-25T15:00:00Z"));
    assert_eq!(books.account(at("2026-11-25T15:00:00Z")).settled_cash, d("100000"));
}

/// Settlement is counted in the exchange's own days, with those that no rule knows.
#[test]
fn a_sale_settles_on_the_next_day_of_the_calendar() {
    let mut books = Portfolio::new(terms(AccountKind::Cash));
    let mut calendar = Calendar::nyse();
    calendar.close_on("2026-11-25".parse().unwrap());
    books.set_calendar(Arc::new(calendar));
    books.apply(&fill(1, "AAPL", Side::Buy, "100", "500", "0"));
    books.apply(&fill(2, "AAPL", Side::Sell, "100", "500", "0"));
    // Wednesday is closed, Thursday is Thanksgiving.
    for (day, settled) in [("25", "50000"), ("26", "50000"), ("27", "100000")] {
        let at = format!("2026-11-{day}T15:00:00Z").parse().unwrap();
        books.roll_day(at);
        assert_eq!(books.account(at).settled_cash, d(settled), "{day}");
    }
}

#[test]
fn spreads_need_their_width_and_covered_calls_nothing() {
    let contract = |key: &str| match Instrument::from_key(key).unwrap() {
        Instrument::Option(contract) => contract,
        other => panic!("{other}"),
    };
    let (low, high) = (contract("SPY   261218P00500000"), contract("SPY   261218P00510000"));
    let q = |n: i64| Quantity::from(n);
    let spread = option_strategy_margin(
        &[(&low, q(1), Price::from(2)), (&high, q(-1), Price::from(4))],
        q(0),
        Some(Price::from(520)),
    );
    assert_eq!(spread, Decimal::from(1_000));
    let call = contract("SPY   261218C00530000");
    assert_eq!(
        option_strategy_margin(&[(&call, q(-1), Price::from(4))], q(100), Some(Price::from(520))),
        Decimal::ZERO
    );
    // Naked: 20 % of 520 less 10 out of the money is 94 a share.
    assert_eq!(
        option_strategy_margin(&[(&call, q(-1), Price::from(4))], q(99), Some(Price::from(520))),
        Decimal::from(9_400)
    );
}

/// Reg T on an account with 100,000 (strategies §11.5): what is held, initial and maintenance margin, buying power.
#[test]
fn margin_by_position() {
    // Symbol, side, quantity, price.
    type Fill = (&'static str, Side, &'static str, &'static str);
    let rows: &[(&[Fill], &str, &str, &str)] = &[
        (&[("AAPL", Side::Buy, "100", "200")], "10000", "5000", "180000"),
        // Short: 150 % and 130 % with the proceeds in.
        (&[("AAPL", Side::SellShort, "100", "200")], "10000", "6000", "180000"),
        // A premium paid is no collateral.
        (&[("AAPL  270115C00190000", Side::Buy, "2", "15")], "3000", "3000", "194000"),
        // Credit spread: the width less the credit. Debit spread: the debit.
        (
            &[
                ("AAPL  270115P00190000", Side::Sell, "1", "4"),
                ("AAPL  270115P00180000", Side::Buy, "1", "2"),
            ],
            "800",
            "800",
            "198400",
        ),
        (
            &[
                ("AAPL  270115C00190000", Side::Buy, "1", "8"),
                ("AAPL  270115C00200000", Side::Sell, "1", "3"),
            ],
            "500",
            "500",
            "199000",
        ),
        // Naked put, spot unknown: 20 % of the strike.
        (&[("AAPL  270115P00190000", Side::Sell, "1", "4")], "3800", "3800", "192400"),
        // Covered: the shares' own margin alone.
        (
            &[("AAPL", Side::Buy, "100", "200"), ("AAPL  270115C00210000", Side::Sell, "1", "5")],
            "10000",
            "5000",
            "180000",
        ),
        // Coins are paid in full.
        (&[("BTC-USD", Side::Buy, "1", "50000")], "50000", "50000", "100000"),
    ];
    for (fills, initial, maintenance, buying_power) in rows {
        let mut books = Portfolio::new(terms(AccountKind::Margin));
        for (n, (symbol, side, quantity, price)) in fills.iter().enumerate() {
            let execution = fill(u32::try_from(n).unwrap(), symbol, *side, quantity, price, "0");
            books.apply(&execution);
            books.mark(&execution.instrument, execution.price);
        }
        let account = books.account("2026-11-24T15:00:00Z".parse().unwrap());
        let figures = (account.initial_margin, account.maintenance_margin, account.buying_power);
        assert_eq!(figures, (d(initial), d(maintenance), d(buying_power)), "{fills:?}");
    }
}

proptest! {
    /// Cash and positions at cost, and what was realised, always add up; repeats and any order change neither units nor cash.
    #[test]
    fn e6_books_add_up_over_any_history(
        trades in prop::collection::vec((0..3_usize, any::<bool>(), 1..200_u32, 100..20_000_u32, 0..300_u32), 1..40),
        shuffle in any::<u64>(),
    ) {
        let symbols = ["AAPL", "BTC-USD", "AAPL  270115P00190000"];
        let fills: Vec<Execution> = trades.iter().enumerate().map(|(i, (symbol, buy, quantity, price, fee))| {
            let side = if *buy { Side::Buy } else { Side::Sell };
            let (price, fee) = (Decimal::new(i64::from(*price), 2).to_string(), Decimal::new(i64::from(*fee), 2).to_string());
            fill(u32::try_from(i).unwrap(), symbols[*symbol], side, &quantity.to_string(), &price, &fee)
        }).collect();
        let mut books = Portfolio::new(terms(AccountKind::Margin));
        let mut realized = Decimal::ZERO;
        for execution in &fills {
            if let Applied::New { realized_pnl } = books.apply(execution) {
                realized += realized_pnl;
            }
            prop_assert_eq!(books.apply(execution), Applied::Duplicate);
        }
        for symbol in symbols {
            let instrument = Instrument::from_key(symbol).unwrap();
            let lots: Quantity = books.lots(&instrument).iter().map(|lot| lot.quantity).sum();
            prop_assert_eq!(lots, books.quantity(&instrument));
        }
        // Without marks, equity is cash and cost; what was spent on open lots' fees has not been realised yet.
        let open_fees: Decimal = symbols.iter().flat_map(|s| books.lots(&Instrument::from_key(s).unwrap()).to_vec()).map(|lot| lot.fees).sum();
        let drift = (books.net_liquidation() - (Decimal::from(100_000) + realized - open_fees)).abs();
        prop_assert!(drift < Decimal::new(1, 12), "{}", drift);
        books.mark(&Instrument::from_key("AAPL").unwrap(), Price::from(77));
        // What is stored and read again is worth the same: values are kept, not stored.
        let stored = serde_json::to_string(&books).unwrap();
        prop_assert_eq!(serde_json::from_str::<Portfolio>(&stored).unwrap(), books.clone());
        let mut shuffled = fills.clone();
        let n = shuffled.len();
        for i in 0..n {
            shuffled.swap(i, (shuffle as usize).wrapping_mul(i + 7) % n);
        }
        let mut again = Portfolio::new(terms(AccountKind::Margin));
        for execution in shuffled.iter().chain(&fills) {
            again.apply(execution);
        }
        prop_assert_eq!(again.cash(), books.cash());
        for symbol in symbols {
            let instrument = Instrument::from_key(symbol).unwrap();
            prop_assert_eq!(again.quantity(&instrument), books.quantity(&instrument));
        }
    }
}
