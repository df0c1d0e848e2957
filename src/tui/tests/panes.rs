//! Depth, portfolio, history, alerts, notifications, risk, connections: what they show at three sizes, and what their keys do.

use std::sync::Arc;

use super::harness::Runner;
use super::trading_day;
use crate::client::{Reply, Request, SessionError};
use crate::domain::alert::{AlertChange, AlertId};
use crate::domain::order::{OrderStatus, Pricing, Side, Trail};
use crate::tui::Effect;
use crate::tui::panes::PaneKind;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// A screen with one pane alone.
fn alone(size: (u16, u16), kind: PaneKind) -> Runner {
    let mut runner = Runner::new(size);
    let tab = kind.tab();
    runner.keys("ctrl-p").text(tab).keys("enter");
    if size.0 >= 100 {
        runner.keys("z");
    }
    runner
}

#[test]
fn each_pane_at_three_sizes() {
    for kind in PaneKind::ALL.iter().copied() {
        for size in SIZES {
            let runner = alone(size, kind);
            insta::assert_snapshot!(format!("{}_{}x{}", kind.name(), size.0, size.1), runner.frame());
        }
    }
}

#[test]
fn every_list_in_columns_sorts_by_each_column_it_shows() {
    let mut sorted = Vec::new();
    for kind in PaneKind::ALL.iter().copied() {
        let mut runner = alone((200, 60), kind);
        if !runner.frame().lines().last().unwrap().contains("t sort") {
            continue;
        }
        let own = runner.frame();
        let title = |runner: &Runner| {
            let frame = runner.frame();
            let line = frame.lines().find(|line| line.contains('┌')).unwrap();
            line.split_once(" by ").map(|(_, rest)| rest.trim_matches(['┐', '─', ' ']).to_owned())
        };
        // By key: each column in turn, one way and the other, then as it was.
        let mut by_key = Vec::new();
        while let Some(title) = title(runner.keys("t")) {
            by_key.push(title);
            assert!(by_key.len() < 20, "{kind:?} never comes back: {by_key:?}");
            runner.keys("T").sees("reversed");
        }
        assert_eq!(runner.frame(), own, "{kind:?}");
        // By a click on each word of the head.
        let head = own.lines().nth(own.lines().position(|line| line.contains('┌')).unwrap() + 1).unwrap();
        let row = own.lines().position(|line| line == head).unwrap() as u16;
        let mut by_click = Vec::new();
        for (column, _) in head.chars().enumerate().filter(|(_, letter)| !matches!(letter, ' ' | '│')) {
            runner.click(column as u16, row);
            by_click.extend(title(&runner).map(|title| title.replace(" reversed", "")));
        }
        by_click.sort();
        by_click.dedup();
        by_key.sort();
        assert_eq!(by_click, by_key, "{kind:?}");
        sorted.push((kind, by_key.len()));
    }
    let kinds: Vec<PaneKind> = sorted.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(
        kinds,
        [
            PaneKind::Watchlist,
            PaneKind::Positions,
            PaneKind::Orders,
            PaneKind::History,
            PaneKind::Alerts,
            PaneKind::Strategies,
            PaneKind::Connections,
        ]
    );
    assert!(sorted.iter().all(|(_, columns)| *columns >= 6), "{sorted:?}");
}

#[test]
fn a_connection_says_how_many_calls_are_left_and_when_it_is_tried_again() {
    let mut runner = alone((120, 40), PaneKind::Connections);
    let line = |runner: &Runner, name: &str| {
        let frame = runner.frame();
        let line = frame.lines().find(|line| line.trim_matches(['│', '▸', ' ']).starts_with(name));
        line.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(line(&runner, "sim").contains("12 ms 187 "), "{}", line(&runner, "sim"));
    assert!(line(&runner, "schwab").contains("DOWN - 4 13:45:24 EST "), "{}", line(&runner, "schwab"));
    runner.keys("G enter").sees("calls left").sees("next try").sees("13:45:24 EST").keys("esc e");
    assert!(line(&runner, "paper").contains(" up - - "), "{}", line(&runner, "paper"));
}

#[test]
fn the_key_that_shows_all_keys_is_on_every_pane_of_every_size() {
    for size in [(60, 20), (80, 24), (120, 40), (200, 60)] {
        for kind in PaneKind::ALL.iter().copied() {
            let frame = alone(size, kind).frame();
            assert!(frame.lines().last().unwrap().contains("? keys"), "{kind:?} {size:?}\n{frame}");
        }
    }
}

#[test]
fn what_the_hints_offer_to_search_can_be_searched() {
    let mut searched = 0;
    for kind in PaneKind::ALL.iter().copied() {
        let mut runner = alone((120, 40), kind);
        let hints = runner.frame().lines().last().unwrap().to_owned();
        if hints.contains("/ search") {
            runner.keys("/").text("zq").sees("/zq").keys("esc").misses("/zq");
            searched += 1;
        } else {
            let before = runner.frame();
            runner.keys("/");
            assert_eq!(runner.frame(), before, "{kind:?}");
        }
    }
    assert_eq!(searched, 15);
}

#[test]
fn the_engine_is_one_of_the_connections() {
    use crate::client::status::{EngineStatus, QueueStatus};
    let status = EngineStatus {
        pid: 4_242,
        build: "0.1.0".into(),
        protocol: 1,
        profile: "alice".into(),
        socket: "/run/s".into(),
        started_at: trading_day::now(),
        uptime_seconds: 7_300,
        memory_bytes: Some(21_400_000),
        trading_state: crate::domain::limits::TradingState::Active,
        working_orders: 7,
        positions: 5,
        clients: Vec::new(),
        stays_for: Some("working orders".into()),
        calls: Vec::new(),
        calls_open: 0,
        broker_calls: Vec::new(),
        queues: vec![QueueStatus { name: "journal".into(), waiting: 3, limit: 1_024 }],
    };
    let mut runner = alone((120, 40), PaneKind::Connections);
    runner.misses("engine ");
    let mut runner = Runner::new((120, 40));
    runner.answer = Box::new(move |request, snapshot| match request {
        Request::EngineStatus => Ok(Reply::Engine(Box::new(status.clone()))),
        request => super::scripted::answer(request, snapshot),
    });
    runner.keys("ctrl-p").text("conn").keys("enter z").sees("engine").sees("up 2h, 21 MB, 3 waiting");
    runner.keys("g enter").sees("queue journal").sees("3 of 1024 wait").sees("stays for").keys("esc");
    let asked = |runner: &Runner| runner.asked.iter().filter(|r| matches!(r, Request::EngineStatus)).count();
    let before = asked(&runner);
    runner.wait(5_100);
    assert_eq!(asked(&runner), before + 1);
    // One that hangs is told from one that has nothing to say.
    runner.deaf = true;
    runner.wait(5_100).wait(2_100).sees("DOWN").sees("no answer for 2 s");
    runner.keys("1").wait(60_000);
    assert_eq!(asked(&runner), before + 2, "nobody is asked while nobody looks");
}

#[test]
fn orders_are_sorted_by_key_and_by_click() {
    let mut runner = alone((120, 40), PaneKind::Orders);
    runner
        .keys("f f t t t t")
        .sees("by symbol")
        .keys("t t t t t t t")
        .sees("by status")
        .keys("T")
        .sees("by status reversed");
    let statuses = |runner: &Runner| -> Vec<String> {
        let frame = runner.frame();
        let status = |line: &str| {
            let (_, status) = ["DAY ", "GTC "].iter().find_map(|tif| line.rsplit_once(tif))?;
            Some(status.trim_matches(['│', ' ']).to_owned())
        };
        frame.lines().filter(|line| line.contains(" EST ")).filter_map(status).collect()
    };
    let found = statuses(&runner);
    assert!(found.len() > 5 && found[0].starts_with("Unknown"), "{found:?}");
    assert!(found.last().unwrap().starts_with("Canceled"), "{found:?}");
    let frame = runner.frame();
    let (row, head) =
        frame.lines().enumerate().find(|(_, line)| line.contains("status") && line.contains("tif")).unwrap();
    let column = head[..head.find("sym").unwrap()].chars().count() as u16;
    runner.click(column, row as u16).sees("by symbol").misses("reversed").keys("t").sees("by quantity");
}

#[test]
fn limits_keep_their_bars_beside_other_panes() {
    let mut runner = Runner::new((120, 40));
    runner.keys("ctrl-p").text("risk").keys("enter").sees("█");
    runner.keys("/").text("loss").sees("loss today").misses("working orders").keys("enter y");
    let copied = runner.effects.iter().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    assert!(copied.is_some_and(|text| text.contains("loss today")));
}

#[test]
fn a_level_of_the_book_goes_into_the_ticket() {
    let mut runner = Runner::new((120, 40));
    runner.keys("8 z").sees("Depth AAPL").sees("spread 0.02").sees("0.9 bp");
    // Two levels under the best bid, then its price with one key.
    runner.keys("j j enter").sees("Buy").sees("231.77").sees("Limit");
    runner.keys("esc 8 l k k s").sees("Sell").sees("231.81");
    assert!(runner.executed().is_empty());
}

#[test]
fn depth_is_asked_for_once_and_its_absence_is_said() {
    let mut runner = Runner::new((120, 40));
    runner.answer = Box::new(|request, snapshot| match request {
        Request::Book { .. } => Err(SessionError::Usage("recorded bars have no depth and no tape".into())),
        request => super::scripted::answer(request, snapshot),
    });
    runner.keys("j 8").sees("Depth MSFT").sees("recorded bars have no depth and no tape");
    runner.wait(30_000);
    let asked = runner.asked.iter().filter(|request| matches!(request, Request::Book { .. })).count();
    assert_eq!(asked, 1);
}

fn changes(runner: &Runner) -> Vec<&AlertChange> {
    let sent = runner.asked.iter().filter_map(|request| match request {
        Request::Alert(change) => Some(change),
        _ => None,
    });
    sent.collect()
}

#[test]
fn alerts_are_set_changed_and_taken_off() {
    let mut runner = Runner::new((120, 40));
    runner.keys("A z").sees("waiting 1").sees("rang 1").sees("TSLA").sees("330.00");
    runner.keys("a").sees(": alert AAPL above ").text("260").keys("enter");
    assert!(matches!(changes(&runner)[..], [AlertChange::Set { .. }]), "{:?}", runner.asked);
    runner.keys("enter backspace backspace 2 5 enter");
    let edited = changes(&runner);
    let AlertChange::Edit { id, value, .. } = edited[1] else { panic!("{edited:?}") };
    assert_eq!((*id, *value), (AlertId(1), "325".parse().unwrap()));
    runner.keys("enter esc d");
    assert_eq!(changes(&runner)[2], &AlertChange::Remove { id: AlertId(1) });
    runner.keys("D");
    assert_eq!(changes(&runner)[3], &AlertChange::Clear);
    assert_eq!(changes(&runner).len(), 4, "Esc leaves the value as it was");
}

#[test]
fn an_alert_is_set_with_its_price_alone() {
    let mut runner = Runner::new((120, 40));
    for (typed, expected) in [
        ("260", "alert AAPL above 260"),
        ("1,200.5", "alert AAPL above 1200.5"),
        ("230.1", "alert AAPL below 230.1"),
        ("3%", "alert AAPL moved 3% on the day"),
        ("-2.5 %", "alert AAPL down 2.5% on the day"),
    ] {
        runner.keys("p").sees("Alert on AAPL, now 231.80").sees("a price, or a change such as 3%");
        runner.text(typed).misses("such as 3%").keys("enter");
        let sent = changes(&runner).last().copied().cloned().unwrap();
        let AlertChange::Set { instrument, when, value } = sent else { panic!("{sent:?}") };
        let words = crate::domain::alert::words(&instrument, when, value);
        assert_eq!(format!("alert {words}"), expected, "{typed}");
    }
    let before = changes(&runner).len();
    runner.keys("p").text("soon").keys("enter").sees("soon is no price").keys("p esc");
    assert_eq!(changes(&runner).len(), before);
}

#[test]
fn an_alert_that_rings_is_told_once_and_kept() {
    let mut runner = Runner::new((120, 40));
    let mut next = trading_day::moved(&runner.snapshot.clone(), 1, 0);
    let mut alerts = next.alerts.to_vec();
    alerts[0].fired_at = Some(next.now);
    next.alerts = Arc::new(alerts);
    runner.show(next).sees("Alert: TSLA below 330");
    let again = trading_day::moved(&runner.snapshot.clone(), 2, 0);
    runner.show(again);
    let told = runner.effects.iter().filter(|effect| matches!(effect, Effect::Notify(_))).count();
    assert_eq!(told, 1);
    runner.keys("ctrl-p").text("notices").keys("enter z").sees("new 1").sees("Alert: TSLA below 330");
    runner
        .keys("enter")
        .sees("─ Notification ")
        .sees("symbol  TSLA")
        .sees("new 0")
        .keys("esc c")
        .sees("─ TSLA");
}

#[test]
fn a_notification_longer_than_its_row_is_read_in_full() {
    let mut runner = Runner::new((80, 24));
    let mut next = (*runner.snapshot).clone();
    next.seq += 1;
    let orders = Arc::make_mut(&mut next.orders);
    let order = orders.iter_mut().find(|order| order.number.0 == 44).unwrap();
    order.status = OrderStatus::Rejected;
    order.reason =
        Some("the broker has no shares of it to lend today, ask again when the borrow desk opens".to_owned());
    runner.show(next).wait(60_000).keys("ctrl-p").text("notifications").keys("enter").sees("─ Notifications");
    runner.misses("desk opens").keys("enter").sees("the borrow desk opens)");
}

#[test]
fn orders_that_end_are_among_the_notifications() {
    let mut runner = Runner::new((120, 40));
    let mut next = trading_day::moved(&runner.snapshot.clone(), 1, 0);
    let mut orders = next.orders.to_vec();
    let order = orders.iter_mut().find(|order| order.is_working()).unwrap();
    order.status = OrderStatus::Filled;
    order.filled_quantity = order.request.quantity;
    let expected = format!("#{} ", order.number);
    next.orders = Arc::new(orders);
    runner.show(next).keys("ctrl-p").text("notices").keys("enter z").sees(&expected).sees(": filled");
    runner.keys("d").sees("Nothing to tell.");
}

#[test]
fn what_a_trade_went_at_is_in_the_history_of_a_small_screen() {
    let mut runner = alone((80, 24), PaneKind::History);
    runner.sees(" avg ").sees("228.10");
    // And the order in full says on which day, from where, and with which others it has to do.
    let mut snapshot = trading_day::snapshot();
    snapshot.now += jiff::SignedDuration::from_hours(24);
    let orders = Arc::make_mut(&mut snapshot.orders);
    let group = orders[0].request.client_order_id;
    let replaced = orders.iter().find(|order| order.number.0 == 41).unwrap().request.client_order_id;
    for order in orders.iter_mut().filter(|order| [42, 43].contains(&order.number.0)) {
        order.request.contingency.oco_group = Some(group);
        order.replaces = Some(replaced);
    }
    let mut runner = Runner::with(super::harness::options(), snapshot, (120, 40));
    runner
        .keys("4 j j enter")
        .sees("Order #42")
        .sees("created      24 Nov 2026 13:")
        .sees("from         the ticket");
    runner.sees("cancels      #43").sees("in place of  #41").sees("take profit  240.00");
}

#[test]
fn gains_say_what_they_count() {
    let mut runner = alone((80, 24), PaneKind::Portfolio);
    runner.keys("l l").sees("P&L by day  closed").sees("today with open");
    runner.keys("l").sees("P&L by symbol  closed and open");
}

#[test]
fn history_is_filtered_as_one_types_and_keeps_notes() {
    let mut runner = Runner::new((200, 60));
    runner.keys("ctrl-p").text("history").keys("enter z").sees("History");
    runner.keys("/").text("btc").sees("/btc").sees("BTC-USD");
    runner.keys("enter n").sees("note: ").text("too early").keys("enter").sees("too early");
    let notes: Vec<&str> = runner
        .asked
        .iter()
        .filter_map(|request| match request {
            Request::SetNote { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(notes, ["too early"]);
    // Notes are searched too.
    runner.keys("esc /").text("early").sees("too early").sees("1 of ");
    runner.keys("esc enter").sees("Order #");
}

/// Of yesterday is what its row says, in the zone of the screen: there an evening in New York is another day than in London.
#[test]
fn yesterdays_orders_are_found_by_that_word() {
    let mut runner = Runner::new((120, 40));
    runner.answer = Box::new(|request, snapshot| match request {
        Request::OrderHistory(_) => {
            let mut orders = trading_day::orders();
            orders.truncate(3);
            orders[2].created_at = "2026-11-24T03:00:00Z".parse().unwrap();
            Ok(Reply::Orders(orders))
        }
        request => super::scripted::answer(request, snapshot),
    });
    runner.keys("ctrl-p").text("hist").keys("enter z").sees("─ History 3");
    for (typed, rows) in [("yesterday", 1), ("23 nov", 1), ("today", 2), ("24 nov 2026", 2), ("22 nov", 0)] {
        runner.keys("/").text(typed).sees(&format!("─ History {rows} of 3")).keys("esc");
    }
}

#[test]
fn history_asks_for_older_pages_at_its_end() {
    let mut runner = Runner::new((120, 40));
    runner.answer = Box::new(|request, snapshot| match request {
        Request::OrderHistory(query) => {
            let template = trading_day::orders()[0].clone();
            let from = 1_000 - u64::from(query.offset);
            let count = if query.offset < 400 { u64::from(query.limit) } else { 50 };
            let order = |number: u64| {
                let mut order = template.clone();
                order.number = crate::domain::ids::OrderNumber(number);
                order.request.client_order_id =
                    crate::domain::ids::ClientOrderId::from_u128(u128::from(number));
                order
            };
            Ok(Reply::Orders((0..count).map(|n| order(from - n)).collect()))
        }
        request => super::scripted::answer(request, snapshot),
    });
    runner.keys("ctrl-p").text("history").keys("enter z").sees("200+ ");
    runner.keys("G").sees("400+ ").keys("G").sees("450 ").misses("450+");
    runner.keys("G").sees("551");
}

#[test]
fn the_portfolio_goes_through_its_parts() {
    let mut runner = Runner::new((80, 24));
    runner.keys("9").sees("allocation").sees("MSFT").sees("cash");
    runner.keys("l").sees("equity").sees("1 month").keys("i").sees("1 year");
    runner.keys("l").sees("P&L by day").keys("l").sees("P&L by symbol").keys("l").sees("P&L by class");
    runner.keys("l").sees("allocation").keys("/").text("msft").sees("/msft").sees("MSFT").misses("cash");
    runner.text("x").sees("No row matches").keys("esc").sees("cash").misses("/msft");
}

#[test]
fn risk_shows_what_is_used_and_allowed() {
    let mut runner = Runner::new((120, 40));
    runner.keys(":").text("show risk").keys("enter z").sees("Risk").sees("largest: MSFT");
    runner.sees("25.3%").sees("101%!").sees("fall from the high").sees("1.4%");
    runner.keys(":").text("show connections").keys("enter").sees("schwab").sees("DOWN");
}

#[test]
fn the_desk_at_three_sizes() {
    for size in SIZES {
        let mut runner = alone(size, PaneKind::Risk);
        runner.keys("l").sees("value at risk").sees("spot -10%");
        insta::assert_snapshot!(format!("desk_{}x{}", size.0, size.1), runner.frame());
    }
}

fn desks(runner: &Runner) -> Vec<Option<String>> {
    let account = |request: &Request| match request {
        Request::RiskDesk { account } => Some(account.as_ref().map(ToString::to_string)),
        _ => None,
    };
    runner.asked.iter().filter_map(account).collect()
}

#[test]
fn the_desk_is_asked_for_in_view_alone_every_half_minute_and_after_a_fill() {
    let mut runner = alone((120, 40), PaneKind::Risk);
    runner.wait(60_000);
    assert!(desks(&runner).is_empty(), "nobody looks at it");
    runner.keys("l").sees("13:45:10 EST").sees("left out").sees("BTC-USD: no daily closes");
    assert_eq!(desks(&runner), [Some("paper".to_owned())]);
    // Prices alone bring nothing.
    runner.wait(15_000).show(trading_day::moved(&trading_day::snapshot(), 1, 3)).wait(10_000);
    assert_eq!(desks(&runner).len(), 1);
    runner.wait(10_000);
    assert_eq!(desks(&runner).len(), 2, "every half minute");
    // A fill does, within two seconds.
    let mut filled = (*runner.snapshot).clone();
    let mut positions = filled.positions.to_vec();
    positions[0].quantity = positions[0].quantity + positions[0].quantity;
    filled.positions = Arc::new(positions);
    runner.show(filled.clone()).wait(100);
    assert_eq!(desks(&runner).len(), 2);
    runner.wait(2_000);
    assert_eq!(desks(&runner).len(), 3);
    // By hand at any time, and no more once it is out of view.
    runner.keys("r");
    assert_eq!(desks(&runner).len(), 4);
    runner.keys("h").sees("working orders").wait(60_000);
    assert_eq!(desks(&runner).len(), 4);
}

#[test]
fn a_desk_that_does_not_come_leaves_the_old_one_with_its_age() {
    let mut runner = alone((120, 40), PaneKind::Risk);
    runner.keys("l").sees("value at risk");
    runner.answer = Box::new(|_, _| Err(SessionError::Gone));
    let mut later = (*runner.snapshot).clone();
    later.now += jiff::SignedDuration::from_mins(3);
    runner.show(later).wait(31_000).sees("value at risk").sees("3m old");
    runner.sees(&SessionError::Gone.to_string()[..12]);
    // One that never answers is asked again, not waited for.
    runner.deaf = true;
    let asked = desks(&runner).len();
    runner.wait(31_000).wait(21_000);
    assert_eq!(desks(&runner).len(), asked + 2);
}

#[test]
fn a_desk_of_nothing_teaches_and_its_rows_are_searched_copied_and_written_out() {
    let chores: crate::tui::Chores = Arc::new(|_| Ok(String::new()));
    let options = crate::tui::Options { chores: Some(chores), ..super::harness::options() };
    let mut runner = Runner::with(options, trading_day::snapshot(), (120, 40));
    runner.keys("ctrl-p").text("Risk").keys("enter z");
    runner.keys("l /").text("techn").sees("Information Technology").misses("volatility").keys("enter y");
    let copied = runner.effects.iter().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    assert_eq!(copied.unwrap(), "by sector\nInformation Technology 48741.2 420 42622.8");
    runner.keys("esc e");
    let Some(crate::tui::Chore::Export { text, .. }) = runner.chores.last() else {
        panic!("{:?}", runner.chores)
    };
    for line in [
        "account,part,name,value,long,short",
        "paper,what if,spot -10%,-7310.22,,",
        "paper,by class,option,-6118.4,0,420",
        "paper,history,AAPL,1.2114,,",
    ] {
        assert!(text.lines().any(|row| row == line), "{line} is not in\n{text}");
    }
    let mut snapshot = trading_day::snapshot();
    snapshot.positions = Arc::new(Vec::new());
    let mut runner = Runner::with(super::harness::options(), snapshot, (120, 40));
    runner.keys("ctrl-p").text("Risk").keys("enter z l").sees("Nothing is held");
}

#[test]
fn a_trailing_order_says_where_its_stop_stands() {
    let mut snapshot = trading_day::snapshot();
    let mut orders = snapshot.orders.to_vec();
    let order = orders.iter_mut().find(|order| order.is_working()).unwrap();
    order.request.pricing = Pricing::TrailingStop { trail: Trail::Percent(rust_decimal::Decimal::TWO) };
    order.trailing_stop = Some(trading_day::price("227.16"));
    snapshot.orders = Arc::new(orders);
    let mut runner = Runner::new((120, 40));
    runner.show(snapshot).keys("4 z").sees("227.16/2%").keys("g enter").sees("stop now").sees("227.16");
}

#[test]
fn buying_from_the_ladder_is_still_reviewed() {
    let mut runner = Runner::new((120, 40));
    runner.keys("8 b 5 enter").sees("Review order").sees("BUY 5 AAPL");
    assert!(runner.executed().is_empty());
    let place = runner.asked.iter().rev().find_map(|request| match request {
        Request::Preview { command: crate::command::types::Command::Place(place), .. } => Some(place),
        _ => None,
    });
    assert_eq!(place.map(|place| place.side), Some(Side::Buy));
}

#[test]
fn a_long_line_of_the_log_is_read_without_opening_it() {
    let mut snapshot = trading_day::snapshot();
    let line = |n: i64, text: &str| crate::domain::snapshot::LogLine {
        at: snapshot.now + jiff::SignedDuration::from_secs(n),
        severity: crate::domain::snapshot::Severity::Warning,
        code: "TEST".into(),
        text: text.to_owned(),
    };
    let long = "the first words of a line that goes on and on to its very last words";
    let endless = "again and ".repeat(40);
    let log: Vec<_> = (0..6)
        .map(|n| line(n, "short"))
        .chain([line(6, long), line(7, &endless), line(8, "the newest")])
        .collect();
    snapshot.log = std::sync::Arc::new(log);
    let mut runner = Runner::with(super::harness::options(), snapshot, (120, 40));
    runner.sees("last words").sees("again…").sees("the newest");
    // Up through what takes several lines: the selected row is always in view, all of it.
    runner.keys("6 k k").sees("the first words").sees("last words");
    runner.keys("k k k k k k k k g").sees("short").keys("G").sees("the newest");
    // A click lands on the row whose lines are under it.
    let frame = runner.frame();
    let row = frame.lines().position(|line| line.contains("again and")).unwrap();
    let column = frame.lines().nth(row).unwrap().chars().position(|c| c == '!').unwrap() + 20;
    runner.click(column as u16, row as u16 + 1).keys("enter").sees("again and").sees("TEST");
}
