//! Matching scenarios as readable scripts: market events and orders in, reports out.

mod auctions;
mod bars;
mod carry;
mod corporate;
mod faults;
mod flow;
mod linked;
mod options;
mod packages;
mod quotes;
mod refusals;

use std::fmt::Write;

use super::*;
use crate::domain::calendar::exchange_date;
use crate::domain::corporate::CorporateActionKind;
use crate::domain::ids::AccountId;
use crate::domain::option::Leg;
use crate::domain::order::{
    BracketExit, OrderSubject, Origin, OriginKind, PositionEffect, Pricing, Side, TimeInForce,
    TradingSession, Trail,
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
    let mut request = OrderRequest::plain(
        id(n),
        AccountId::new("paper"),
        Origin::person(OriginKind::Cli),
        OrderSubject::Instrument(Instrument::from_key(words[2]).unwrap()),
        side,
        words[1].parse().unwrap(),
        Pricing::Market,
    );
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

/// A package by words: `buy 2 +KEY -KEY*2 lmt 4.00 gtc`, where `+` is bought and `-` is sold.
fn package(n: u64, words: &[&str]) -> OrderRequest {
    let is_leg = |word: &&&str| word.starts_with('+') || (word.starts_with('-') && word.len() > 5);
    let legs: Vec<Leg> = words
        .iter()
        .filter(is_leg)
        .map(|word| {
            let (key, ratio) = word[1..].split_once('*').unwrap_or((&word[1..], "1"));
            Leg {
                side: if word.starts_with('+') { Side::Buy } else { Side::Sell },
                position_effect: PositionEffect::Open,
                ratio: ratio.parse().unwrap(),
                instrument: Instrument::from_key(key).unwrap(),
            }
        })
        .collect();
    let mut plain = vec![words[0], words[1], "SPY"];
    plain.extend(words[2..].iter().filter(|word| !is_leg(word)));
    let mut request = order(n, &plain);
    request.subject = OrderSubject::Legs(legs);
    request
}

/// `quote SYM BIDxSIZE ASKxSIZE [last P] [lsize N] [vol N] [open P] [halted] [age SECONDS] [live]`; `-` for a side that is missing.
fn quote(now: Timestamp, words: &[&str]) -> Quote {
    let side = |text: &str| match text.split_once('x') {
        Some((p, size)) => (Some(price(p)), size.parse::<Quantity>().unwrap()),
        None => (None, Quantity::ZERO),
    };
    let mut quote = Quote::empty(Instrument::from_key(words[1]).unwrap(), now, Feed::Simulated);
    (quote.bid, quote.bid_size) = side(words[2]);
    (quote.ask, quote.ask_size) = side(words[3]);
    let mut rest = words[4..].iter();
    while let Some(word) = rest.next() {
        match *word {
            "halted" => quote.halted = true,
            "live" => quote.feed = Feed::RealTime,
            "frozen" => quote.feed = Feed::Frozen,
            "last" => quote.last = Some(price(rest.next().unwrap())),
            "low" => quote.low = Some(price(rest.next().unwrap())),
            "high" => quote.high = Some(price(rest.next().unwrap())),
            "open" => quote.open = Some(price(rest.next().unwrap())),
            "lsize" => quote.last_size = rest.next().unwrap().parse().unwrap(),
            "vol" => quote.volume = rest.next().unwrap().parse().unwrap(),
            "age" => quote.as_of -= SignedDuration::from_secs(rest.next().unwrap().parse().unwrap()),
            other => panic!("{other}"),
        }
    }
    quote
}

/// `split SYM 2:1`, `dividend SYM 0.10`, `special SYM 2`, `rename SYM NEW`, `merger SYM 60`, `spinoff SYM`.
fn corporate(now: Timestamp, words: &[&str]) -> CorporateAction {
    let kind = match words[0] {
        "split" => {
            let (a, b) = words[2].split_once(':').unwrap();
            CorporateActionKind::Split { numerator: a.parse().unwrap(), denominator: b.parse().unwrap() }
        }
        "dividend" => CorporateActionKind::Dividend { amount: price(words[2]) },
        "special" => CorporateActionKind::SpecialDividend { amount: price(words[2]) },
        "rename" => CorporateActionKind::SymbolChange { to: words[2].parse().unwrap() },
        "merger" => CorporateActionKind::CashMerger { amount: price(words[2]) },
        other => CorporateActionKind::Other { text: other.to_owned() },
    };
    let (instrument, ex_date) = (Instrument::from_key(words[1]).unwrap(), exchange_date(now));
    CorporateAction { instrument, ex_date, pay_date: None, kind }
}

fn contract(key: &str) -> OptionContract {
    OptionContract::from_occ(key).unwrap()
}

/// Runs a script: `at TIME`, `bar SYM O H L C V`, `order N WORDS`, `package N WORDS`, `cancel N`, `replace N by M WORDS`,
/// `assign KEY`, `expire`, `keep KEY`, `announce SYM 0.25 DATE`, `hard SYM` (cannot be borrowed), `end`, and what the functions above
/// read; one step is a second.
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
            "quote" => venue.on_quote(now, &quote(now, &words)),
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
            // `replace 1 by 2 …`, or `replace 1 after 40 by 2 …` by somebody who knows that 40 have filled.
            "replace" if words[2] == "after" => {
                venue.replace(now, id(number(1)), words[3].parse().unwrap(), &order(number(5), &words[6..]));
            }
            "replace" => {
                let known = venue.order(id(number(1))).map(|(_, filled)| filled).unwrap_or_default();
                venue.replace(now, id(number(1)), known, &order(number(3), &words[4..]));
            }
            "package" => venue.submit(now, &package(number(1), &words[2..])),
            "split" | "dividend" | "special" | "rename" | "merger" | "spinoff" => {
                venue.corporate_action(now, &corporate(now, &words));
            }
            "assign" => drop(venue.assign(now, &contract(words[1]), None)),
            "keep" => report.push_str(if venue.do_not_exercise(now, &contract(words[1])) {
                "kept\n"
            } else {
                "too late\n"
            }),
            "announce" => venue.announce(vec![CorporateAction {
                ex_date: words[3].parse().unwrap(),
                ..corporate(now, &["dividend", words[1], words[2]])
            }]),
            "hard" => {
                let instrument = Instrument::from_key(words[1]).unwrap();
                venue.set_spec(InstrumentSpec { shortable: false, ..InstrumentSpec::standard(instrument) });
            }
            "end" => venue.end_of_data(now),
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
                OrderEvent::ReplaceRejected(_) => "replace refused".to_owned(),
                OrderEvent::Replaced { by } => format!("replaced by {}", by.as_u128()),
                OrderEvent::Expired => "expired".to_owned(),
                OrderEvent::QuantityChanged { quantity } => format!("quantity {quantity}"),
                OrderEvent::Restated { quantity, pricing } => {
                    let price = pricing.limit_price().or(pricing.stop_price()).map(|p| format!(" at {p}"));
                    format!("restated {quantity}{}", price.unwrap_or_default())
                }
                OrderEvent::StopMoved { stop_price } => format!("stop at {stop_price}"),
                OrderEvent::Renamed { subject } => format!("trades {subject}"),
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
        AccountEvent::Statement(_) | AccountEvent::ByBroker(_) => {
            panic!("the venue names its orders by our ids")
        }
        // Said for strategies; what it moves is in the rows that follow.
        AccountEvent::Corporate(_) => {}
        AccountEvent::Notice(notice) => writeln!(report, "{} {}", notice.code, notice.text).unwrap(),
    }
}

/// A rich account without slippage on shares, and `change` on top.
fn venue_with(change: impl FnOnce(&mut VenueConfig)) -> Venue {
    let mut config = VenueConfig::new(AccountId::new("paper"), Decimal::from(1_000_000));
    config.slippage = Slippage::None;
    config.options_level = 4;
    change(&mut config);
    Venue::new(config)
}

fn venue() -> Venue {
    venue_with(|_| {})
}

#[track_caller]
fn check(script: &str, expect: &str) {
    check_with(|_| {}, script, expect);
}

#[track_caller]
fn check_with(change: impl FnOnce(&mut VenueConfig), script: &str, expect: &str) {
    let report = run(&mut venue_with(change), script);
    let expect: String =
        expect.lines().map(str::trim).filter(|l| !l.is_empty()).map(|l| format!("{l}\n")).collect();
    assert_eq!(report, expect);
}
