//! Real bars through strategy, risk, venue and books, with every figure worked out by hand from the rows of
//! `assets/market/us-equities-daily.csv`.

use arbion::core::paper::{Slippage, VenueConfig};
use arbion::domain::calendar::exchange_date;
use arbion::domain::execution::ExecutionKind;
use arbion::domain::ids::AccountId;
use arbion::domain::instrument::Instrument;
use arbion::domain::money::{Price, Quantity};
use arbion::domain::order::{Pricing, Side, TimeInForce};
use arbion::engine::backtest::{self, Backtest};
use arbion::market::bars_file;
use arbion::strategies::{
    Books, Decision, Head, MemoryError, Output, Proposal, Schedule, Strategy, StrategyInput,
};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// At the close of this day: this order.
type Line = (&'static str, Side, i64, Option<&'static str>);

/// Orders by the calendar.
struct Script {
    head: Head,
    lines: Vec<Line>,
}

impl Strategy for Script {
    fn head(&self) -> &Head {
        &self.head
    }

    fn warm_up_bars(&self) -> usize {
        0
    }

    fn schedules(&self) -> Vec<Schedule> {
        Vec::new()
    }

    fn memory(&self) -> String {
        String::new()
    }

    fn restore(&mut self, _: &str) -> Result<(), MemoryError> {
        Ok(())
    }

    fn on_input(&mut self, _: Timestamp, input: StrategyInput<'_>, _: &dyn Books, out: &mut Vec<Output>) {
        let StrategyInput::Bar { instrument, bar, .. } = input else { return };
        let today = exchange_date(bar.start);
        for (day, side, quantity, limit) in &self.lines {
            if day.parse::<Date>().unwrap() != today {
                continue;
            }
            let proposal = Proposal {
                time_in_force: TimeInForce::Gtc,
                ..Proposal::single(
                    instrument.clone(),
                    *side,
                    Quantity::from(*quantity),
                    limit.map_or(Pricing::Market, |limit| Pricing::Limit {
                        limit_price: limit.parse().unwrap(),
                    }),
                )
            };
            let decision = Decision::new("SCRIPT", None, Vec::new());
            out.push(Output::Propose(proposal, decision));
        }
    }
}

fn run(symbol: &str, until: &str, lines: Vec<Line>) -> Backtest {
    let instrument = Instrument::equity(symbol).unwrap();
    let mut bars = bars_file::shipped().unwrap();
    let last: Date = until.parse().unwrap();
    for series in bars.series.values_mut() {
        series.retain(|row| exchange_date(row.bar.start) <= last);
    }
    let mut venue = VenueConfig::new(AccountId::new("test"), Decimal::from(100_000));
    venue.slippage = Slippage::None;
    let mut script = Script { head: Head::new("script", "script".into(), vec![instrument]), lines };
    backtest::run(&bars, &mut script, venue)
}

fn dollars(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn fills(run: &Backtest) -> Vec<String> {
    let line = |fill: &arbion::core::effect::BookedExecution| {
        let e = &fill.execution;
        let what = if e.kind == ExecutionKind::Trade { "" } else { e.kind.as_str() };
        format!("{} {} {} {} {what}", exchange_date(e.at), e.side, e.quantity, e.price).trim_end().to_owned()
    };
    run.fills.iter().map(line).collect()
}

#[test]
fn apples_split_of_2005_doubles_the_shares_and_leaves_the_money() {
    let run = run(
        "AAPL",
        "2005-03-04",
        vec![
            ("2005-02-24", Side::Buy, 100, None),
            // Good till canceled at 95, which the market never sees again after the split: the venue takes it out.
            ("2005-02-25", Side::Sell, 100, Some("95")),
            ("2005-03-01", Side::Sell, 150, None),
            // 43.01 is the high of 4 March: a limit at 43.00 fills there, not at the open of 42.76.
            ("2005-03-03", Side::Sell, 50, Some("43.00")),
        ],
    );
    assert_eq!(
        fills(&run),
        [
            // Seen at the close of the 24th, bought at the open of the 25th.
            "2005-02-25 buy 100 89.62",
            // Two for one before the open of the 28th: 100 more at nothing.
            "2005-02-28 buy 100 0 corporate_action",
            "2005-03-02 sell 150 44.25",
            "2005-03-04 sell 50 43",
        ]
    );
    // 100 x 89.62 = 8,962.00 is now 200 x 44.81. (44.25 - 44.81) x 150 = -84.00; (43.00 - 44.81) x 50 = -90.50.
    let gains: Vec<Decimal> = run.trips.iter().map(|trip| trip.pnl).collect();
    assert_eq!(gains, [dollars("-84.00"), dollars("-90.50")]);
    // 100,000.00 - 8,962.00 + 6,637.50 + 2,150.00.
    assert_eq!(run.final_equity, dollars("99825.50"));
    let equity = |day: &str| run.equity.iter().find(|of| of.date.to_string() == day).unwrap().close;
    // The close before: 100 x 88.99 and 91,038.00 in cash. The first after: 200 x 44.86.
    assert_eq!(equity("2005-02-25"), dollars("99937.00"));
    assert_eq!(equity("2005-02-28"), dollars("100010.00"));
    assert_eq!((run.orders, run.denied, run.fees), (4, 0, Decimal::ZERO));
}

#[test]
fn a_dividend_is_paid_to_who_held_before_the_ex_date() {
    // IBM paid 0.85 on 2012-08-08, its ex-date.
    let held = run(
        "IBM",
        "2012-08-10",
        vec![("2012-08-06", Side::Buy, 100, None), ("2012-08-08", Side::Sell, 100, None)],
    );
    assert_eq!(fills(&held), ["2012-08-07 buy 100 199.43", "2012-08-09 sell 100 198.62"]);
    // 100 x (198.62 - 199.43) + 85.00.
    assert_eq!(held.final_equity, dollars("100004.00"));

    // Bought at the open of the ex-date itself: nothing.
    let late = run(
        "IBM",
        "2012-08-10",
        vec![("2012-08-07", Side::Buy, 100, None), ("2012-08-08", Side::Sell, 100, None)],
    );
    assert_eq!(fills(&late), ["2012-08-08 buy 100 198.27", "2012-08-09 sell 100 198.62"]);
    assert_eq!(late.final_equity, dollars("100035.00"));

    // Whoever is short pays it: 100 x (199.43 - 198.62) - 85.00.
    let short = run(
        "IBM",
        "2012-08-10",
        vec![("2012-08-06", Side::SellShort, 100, None), ("2012-08-08", Side::BuyToCover, 100, None)],
    );
    assert_eq!(fills(&short), ["2012-08-07 sell_short 100 199.43", "2012-08-09 buy_to_cover 100 198.62"]);
    assert_eq!(short.final_equity, dollars("99996.00"));
}

#[test]
fn a_limit_fills_only_where_the_bar_trades_through_it() {
    let run = run(
        "AAPL",
        "2005-03-04",
        vec![
            ("2005-02-28", Side::Buy, 10, None),
            // 44.08 was the low of 2 March: a bid at 44.08 was touched, not traded through; one at 44.09 was.
            ("2005-03-01", Side::Buy, 20, Some("44.08")),
            ("2005-03-01", Side::Buy, 30, Some("44.09")),
        ],
    );
    assert_eq!(
        fills(&run),
        [
            "2005-03-01 buy 10 44.99",
            "2005-03-02 buy 30 44.09",
            // The next morning it opened at 44.34 and fell to 41.22.
            "2005-03-03 buy 20 44.08",
        ]
    );
    assert_eq!(run.fills[0].execution.price, "44.99".parse::<Price>().unwrap());
}
