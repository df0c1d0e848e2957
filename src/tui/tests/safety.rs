//! Pastes, hostile text, storms of sizes and a monkey: nothing is sent that was not reviewed, nothing breaks.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::harness::{Runner, options};
use super::{scripted, trading_day};
use crate::client::{Reply, Request, SessionError};
use crate::command::types::Command;
use crate::domain::order::OrderStatus;
use crate::domain::snapshot::{LogLine, Severity, Watchlist};
use crate::tui::{Effect, Input};

#[test]
fn t3_a_paste_never_executes() {
    let mut runner = Runner::new((120, 40));
    runner.paste("buy 10 aapl  buy 10 msft ").sees(": buy 10 aapl  buy 10 msft");
    assert!(runner.executed().is_empty());
    runner.misses("Review order").keys("esc b").paste("1\u{1b}[31m00 x").sees("quantity  100  shares");
    runner.keys("/").misses("Review order");
    assert!(runner.executed().is_empty());
}

#[test]
fn t3_a_paste_is_refused_where_something_is_confirmed() {
    let mut runner = Runner::new((120, 40));
    runner
        .keys(":")
        .text("buy 10 aapl")
        .keys("enter")
        .paste("yes")
        .sees("A paste cannot confirm")
        .sees("Review order");
    runner.keys("esc esc ctrl-k").paste("halt").sees("A paste cannot confirm").sees("Halt all trading?");
    runner.keys("esc").input(Input::PasteTooLong).sees("more than 4 KiB was refused");
}

const HOSTILE: &str = trading_day::HOSTILE;

/// Every byte must be text or one of the few sequences that we send.
pub fn foreign_bytes(written: &[u8]) -> Option<String> {
    let text = String::from_utf8(written.to_vec()).expect("only UTF-8 is written");
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            if c.is_control()
                || ('\u{202a}'..='\u{202e}').contains(&c)
                || ('\u{e0000}'..='\u{e0fff}').contains(&c)
            {
                return Some(format!("{:?}", c));
            }
            continue;
        }
        let body: String = match chars.next() {
            Some('[') => std::iter::from_fn(|| chars.next_if(|c| !c.is_ascii_alphabetic())).collect(),
            other => return Some(format!("escape {other:?}")),
        };
        let last = chars.next();
        let known = match last {
            Some('m' | 'H' | 'C') => body.chars().all(|c| c.is_ascii_digit() || c == ';'),
            Some('h' | 'l') => body == "?2026",
            Some('J') => body == "2",
            _ => false,
        };
        if !known {
            return Some(format!("escape [{body}{last:?}"));
        }
    }
    None
}

fn hostile_snapshot() -> crate::domain::snapshot::Snapshot {
    trading_day::hostile(HOSTILE)
}

#[test]
fn t1_foreign_text_brings_no_escape_sequence() {
    let mut runner = Runner::with(options(), hostile_snapshot(), (200, 60));
    runner.answer = Box::new(|request, snapshot| match (request, scripted::answer(request, snapshot)) {
        (Request::Preview { .. }, Ok(Reply::Preview(mut preview))) => {
            preview.words = HOSTILE.into();
            Ok(Reply::Preview(preview))
        }
        (Request::Execute { .. } | Request::Halt { .. }, _) => Err(SessionError::Rejected(HOSTILE.into())),
        (_, answer) => answer,
    });
    runner.keys("4 enter esc 6 enter esc").paste(HOSTILE).keys("esc b 1 0 down down a").wait(300);
    runner.keys("enter").sees("red").keys("enter ctrl-k enter 6 /").text("x").paste(HOSTILE).keys("enter");
    runner.keys(":").paste(HOSTILE).keys("enter esc ctrl-p").paste(HOSTILE);
    assert_eq!(foreign_bytes(&runner.written), None);
    assert!(runner.written.len() > 10_000, "something was drawn");
}

#[test]
fn t2_confirmations_show_look_alikes_escaped() {
    let mut runner = Runner::new((120, 40));
    runner.answer = Box::new(|request, snapshot| match scripted::answer(request, snapshot) {
        Ok(Reply::Preview(mut preview)) => {
            preview.words = "BUY 10 \u{391}APL".into();
            Ok(Reply::Preview(preview))
        }
        answer => answer,
    });
    runner.keys(":").text("buy 10 aapl").keys("enter").sees("BUY 10 \\u{391}APL");
}

#[test]
fn any_size_draws() {
    let mut runner = Runner::with(options(), hostile_snapshot(), (80, 24));
    for (i, width) in (1..=300).step_by(7).enumerate() {
        for height in (1..=100).step_by(6) {
            runner.resize(width, height);
            match (i + usize::from(height)) % 5 {
                0 => runner.keys("tab"),
                1 => runner.keys("? j esc"),
                2 => runner.keys(": b u y esc"),
                3 => runner.keys("ctrl-p d esc"),
                _ => runner.keys("b 1 0 enter esc esc"),
            };
        }
    }
    assert_eq!(foreign_bytes(&runner.written), None);
}

/// A small generator, so that a failure comes again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn random_input(random: &mut Random) -> Input {
    const NAMED: [KeyCode; 14] = [
        KeyCode::Enter,
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Backspace,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::Delete,
        KeyCode::F(1),
    ];
    const WORDS: [&str; 4] = ["buy 10 aapl at 231", "close msft", "cancel 42", "chart btc-usd 1d"];
    match random.below(20) {
        0..8 => {
            let c = char::from(b' ' + random.below(95) as u8);
            Input::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))
        }
        8 => {
            let c = char::from(b'a' + random.below(26) as u8);
            Input::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
        }
        9 => Input::Paste(WORDS[random.below(4) as usize].to_owned()),
        10 => {
            let kinds = [
                MouseEventKind::Down(MouseButton::Left),
                MouseEventKind::ScrollDown,
                MouseEventKind::ScrollUp,
            ];
            Input::Mouse(MouseEvent {
                kind: kinds[random.below(3) as usize],
                column: random.below(130) as u16,
                row: random.below(45) as u16,
                modifiers: KeyModifiers::NONE,
            })
        }
        _ => Input::Key(KeyEvent::new(NAMED[random.below(14) as usize], KeyModifiers::NONE)),
    }
}

/// A hundred thousand keys in all.
const MONKEY_KEYS: u64 = 25_000;

#[test]
fn a_monkey_sends_no_order_without_a_review() {
    monkey([(1, trading_day::snapshot()), (2, trading_day::live())]);
}

#[test]
fn another_monkey_sends_none_either() {
    monkey([(3, trading_day::snapshot()), (4, hostile_snapshot())]);
}

fn monkey(runs: [(u64, crate::domain::snapshot::Snapshot); 2]) {
    for (seed, snapshot) in runs {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed);
        let mut options = options();
        options.settings = crate::config::Loaded::default().options();
        options.chores = Some(Arc::new(|_| Ok(String::new())));
        let mut runner = Runner::with(options, snapshot, (120, 40));
        let mut sent = 0;
        for step in 0..MONKEY_KEYS {
            let input = random_input(&mut random);
            let before = runner.asked.len();
            let frame = (input == enter()).then(|| runner.frame());
            runner.input(input.clone());
            for request in &runner.asked[before..] {
                if let Request::Execute {
                    command: Command::Place(_) | Command::Close(_),
                    confirmation_hash,
                    ..
                } = request
                {
                    let frame = frame.as_ref().unwrap_or_else(|| panic!("{input:?} sent an order"));
                    assert!(frame.contains("Review order"), "step {step}:\n{frame}");
                    assert!(confirmation_hash.is_some());
                    sent += 1;
                }
            }
            runner.asked.clear();
            runner.effects.retain(|effect| matches!(effect, Effect::Copy(_)));
            runner.chores.clear();
            assert_eq!(foreign_bytes(&runner.written), None, "step {step}");
            runner.written.clear();
            match random.below(50) {
                0 => drop(runner.resize(30 + random.below(200) as u16, 8 + random.below(60) as u16)),
                1 => drop(runner.show(trading_day::moved(&runner.snapshot.clone(), step, 20))),
                _ => runner.now += Duration::from_millis(random.below(200)),
            }
        }
        let live = runner.snapshot.mode == crate::domain::account::AccountMode::Live;
        assert_eq!(sent == 0, live, "seed {seed}: {sent} orders were reviewed and sent");
    }
}

fn enter() -> Input {
    Input::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE))
}

#[test]
fn an_engine_that_never_answers_can_still_be_halted() {
    let mut runner = Runner::new((120, 40));
    runner.deaf = true;
    runner.keys("b 1 down down");
    for _ in 0..100 {
        runner.keys("+").wait(200);
    }
    runner.sees("The engine does not answer").keys("ctrl-k enter");
    assert!(matches!(runner.asked.last(), Some(Request::Halt { all: false })));
}

/// Text as an enemy would write it: pieces that terminals act on, between letters, marks and wide characters.
fn hostile_text(random: &mut Random) -> String {
    const PIECES: [&str; 24] = [
        "\u{1b}",
        "\u{1b}[",
        "\u{1b}]0;",
        "\u{1b}]52;c;",
        "\u{1b}P",
        "\u{1b}_",
        "\u{9b}31m",
        "\u{9d}",
        "\u{90}",
        "\u{7}",
        "\u{9c}",
        "\u{1b}\\",
        "\u{202e}",
        "\u{2066}",
        "\u{200b}",
        "\u{feff}",
        "\u{e0041}",
        "\r\n",
        "\t",
        "2J",
        "?1049l",
        "e\u{301}\u{301}",
        "東京",
        "👩\u{200d}🚀",
    ];
    let mut text = String::new();
    for _ in 0..1 + random.below(12) {
        match random.below(3) {
            0 => text.push(char::from(b' ' + random.below(95) as u8)),
            1 => text.push_str(PIECES[random.below(24) as usize]),
            _ => text.extend(char::from_u32(random.below(0x1_1000) as u32)),
        }
    }
    text
}

#[test]
fn t1_ten_thousand_hostile_texts_go_through_every_pane() {
    const TEXTS_EACH: usize = 200;
    let mut random = Random(0x5eed);
    let mut texts = 0;
    let mut runner = Runner::with(options(), trading_day::snapshot(), (120, 40));
    runner.keys("z");
    while texts < 10_000 {
        let mut snapshot = trading_day::moved(&runner.snapshot.clone(), texts as u64, 0);
        let mut next = || {
            texts += 1;
            hostile_text(&mut random)
        };
        snapshot.profile = next().into();
        snapshot.market.name = next().into();
        snapshot.log = Arc::new(
            (0..TEXTS_EACH / 2)
                .map(|_| LogLine {
                    at: snapshot.now,
                    severity: Severity::Error,
                    code: next().into(),
                    text: next(),
                })
                .collect(),
        );
        let mut orders = snapshot.orders.to_vec();
        orders.iter_mut().for_each(|order| order.reason = Some(next()));
        snapshot.orders = Arc::new(orders);
        let mut connections = snapshot.connections.to_vec();
        connections.iter_mut().for_each(|connection| {
            (connection.name, connection.text) = (next().into(), next());
            connection.last_error = Some((snapshot.now, next()));
        });
        snapshot.connections = Arc::new(connections);
        let mut strategies = snapshot.strategies.to_vec();
        strategies.iter_mut().for_each(|view| {
            (view.spec.name, view.spec.kind, view.reason) = (next().into(), next().into(), Some(next()));
            view.last_decision.iter_mut().for_each(|decision| decision.text = next());
        });
        snapshot.strategies = Arc::new(strategies);
        let instruments = snapshot.watchlists[0].instruments.clone();
        snapshot.watchlists = Arc::new(
            (0..20).map(|_| Watchlist { name: next().into(), instruments: instruments.clone() }).collect(),
        );
        runner.show(snapshot);
        for kind in crate::tui::panes::PaneKind::ALL {
            runner.keys("ctrl-p").text(kind.tab()).text(" pane").keys("enter");
            runner.keys("j enter esc n G");
            assert_eq!(foreign_bytes(&runner.written), None, "{kind:?}");
            runner.written.clear();
        }
    }
}

#[test]
fn a_storm_of_sizes_leaves_what_a_fresh_screen_shows() {
    let mut runner = Runner::new((120, 40));
    let mut random = Random(7);
    for _ in 0..500 {
        runner.resize(1 + random.below(320) as u16, 1 + random.below(110) as u16);
        runner.written.clear();
    }
    for size in [(80, 24), (120, 40), (200, 60)] {
        runner.resize(size.0, size.1).wait(20_000);
        let mut fresh = Runner::new(size);
        fresh.now = runner.now;
        fresh.wait(0);
        assert_eq!(runner.frame(), fresh.frame(), "{size:?}");
    }
}

#[test]
fn the_zone_can_change_under_the_screen() {
    let mut runner = Runner::new((120, 40));
    runner.sees("13:45 EST");
    let mut snapshot = trading_day::moved(&runner.snapshot.clone(), 1, 0);
    // Over the end of summer time in New York, and back over its beginning.
    for (at, clock) in [("2026-11-01T05:59:00Z", "01:59 EDT"), ("2026-11-01T06:00:00Z", "01:00 EST")] {
        snapshot.seq += 1;
        snapshot.now = at.parse().unwrap();
        runner.show(snapshot.clone()).sees(clock);
    }
}

/// Whoever nudges a price twice means the same order twice.
#[test]
fn the_cursor_goes_on_with_the_order_that_took_the_place() {
    // Among the working orders, and among all, where the old one still stands.
    for view in ["", " f f"] {
        replaced_twice(view);
    }
}

fn replaced_twice(view: &str) {
    let mut runner = Runner::new((120, 40));
    runner.keys(&format!("4{view} g j j c")).sees("Cancel order #42?").keys("esc");
    let mut next = trading_day::moved(&runner.snapshot.clone(), 1, 0);
    let mut orders = next.orders.to_vec();
    let old = orders.iter_mut().find(|order| order.number.0 == 42).unwrap();
    let (id, mut new) = (old.request.client_order_id, old.clone());
    old.status = OrderStatus::Replaced;
    new.number = crate::domain::ids::OrderNumber(45);
    new.request.client_order_id = crate::domain::ids::ClientOrderId::from_parts(45, 45);
    new.replaces = Some(id);
    // Twice in one picture.
    let mut newest = new.clone();
    newest.number = crate::domain::ids::OrderNumber(46);
    newest.request.client_order_id = crate::domain::ids::ClientOrderId::from_parts(46, 46);
    newest.replaces = Some(new.request.client_order_id);
    new.status = OrderStatus::Replaced;
    orders.splice(0..0, [newest, new]);
    next.orders = std::sync::Arc::new(orders);
    runner.show(next);
    runner.keys("c").sees("Cancel order #46?").keys("esc");
    // Whoever goes to the old one stays there.
    if view.is_empty() {
        return;
    }
    runner.keys("g / 4 2 enter").wait(1_000).keys("enter").sees("Order #42");
}
