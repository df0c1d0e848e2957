//! What is no order: exercise of held options, and the account's settings.

use arbion::brokers::{BrokerError, SubmitOutcome};
use arbion::domain::execution::ExecutionKind;
use arbion::domain::instrument::Instrument;
use arbion::domain::order::{OrderRequest, OrderSubject, Pricing, Side};
use arbion::domain::venue::{VenueAction, VenueAnswer, VenueSetting};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::contract::{Subject, price};
use crate::emulators::alpaca::{AlpacaEmulator, start};
use crate::emulators::faults::Fault;

/// A contract of AAPL that ends in so many days in New York.
pub fn contract(days: i64, right: char) -> String {
    let today = jiff::Timestamp::from_millisecond(crate::emulators::exchange::now_ms()).unwrap();
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let day = today.to_zoned_datetime(zone).date() + jiff::Span::new().days(days);
    format!("AAPL{}{right}00095000", day.strftime("%y%m%d"))
}

fn option(symbol: &str) -> Instrument {
    let padded = format!("AAPL  {}", &symbol[4..]);
    Instrument::from_key(&padded).unwrap()
}

fn exercise(symbol: &str) -> VenueAction {
    VenueAction::Exercise { instrument: option(symbol) }
}

/// An account with this emulator, which stays at hand.
async fn both() -> (Subject, std::sync::Arc<AlpacaEmulator>) {
    let emulator = std::sync::Arc::new(start(0).await);
    let subject = super::subject_of(&emulator, Box::new(std::sync::Arc::clone(&emulator))).await;
    (subject, emulator)
}

async fn done(subject: &Subject, action: &VenueAction) -> String {
    match subject.broker.act(action).await {
        Ok(VenueAnswer::Done(words)) => words,
        other => panic!("{action}: {other:?}"),
    }
}

async fn refused(subject: &Subject, action: &VenueAction) -> String {
    subject.broker.act(action).await.unwrap_err().to_string()
}

/// As the official client asks for it, without a body; what it comes to is told by the activities.
#[tokio::test]
async fn a_held_option_is_exercised_once() {
    let (subject, emulator) = both().await;
    let call = contract(7, 'C');
    subject.exchange.quote(&call, "6".parse().unwrap(), "6.2".parse().unwrap());
    subject.exchange.hold(&call, 3.into(), 2.into());
    // One of the three is for sale, and not free.
    let sale = OrderRequest {
        subject: OrderSubject::Instrument(option(&call)),
        quantity: 1.into(),
        ..subject.order(Side::Sell, Pricing::Limit { limit_price: price("9") })
    };
    subject.accepted(&sale).await;
    emulator.server.take_requests();
    let words = done(&subject, &exercise(&call)).await;
    assert!(words.starts_with("2 of 3 contracts of AAPL "), "{words}");
    let requests = emulator.server.take_requests();
    let request = requests.iter().find(|request| request.method == "POST").unwrap();
    assert_eq!(request.path, format!("/v2/positions/{call}/exercise"));
    assert!(request.body.is_empty() && request.header("content-type").is_none());
    let mut fills = subject.broker.executions(jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    fills.sort_by_key(|fill| fill.instrument.as_option().is_none());
    let told: Vec<(ExecutionKind, Side, String, String)> = fills
        .iter()
        .map(|fill| (fill.kind, fill.side, fill.quantity.to_string(), fill.price.to_string()))
        .collect();
    let row = |side, quantity: &str, price: &str| {
        (ExecutionKind::Exercise, side, quantity.to_owned(), price.to_owned())
    };
    assert_eq!(told, [row(Side::Sell, "2", "0"), row(Side::Buy, "200", "95")]);
    let held = subject.broker.positions().await.unwrap();
    let units = |of: &Instrument| held.iter().find(|row| row.instrument == *of).unwrap().quantity.get();
    assert_eq!((units(&option(&call)), units(&subject.instrument)), (1.into(), 200.into()));
    // The one that is left is for sale.
    let text = refused(&subject, &exercise(&call)).await;
    assert!(text.contains("hold back all of its 1") && text.contains("cancel it first"), "{text}");
}

/// Nothing is sent for what cannot be exercised, and what the broker says to the rest is passed on.
#[tokio::test]
async fn what_cannot_be_exercised_is_said() {
    let (subject, emulator) = both().await;
    let (call, put) = (contract(7, 'C'), contract(0, 'P'));
    let posts = |emulator: &AlpacaEmulator| {
        emulator.server.take_requests().into_iter().filter(|request| request.method == "POST").count()
    };
    assert!(refused(&subject, &exercise(&call)).await.contains("has no position in AAPL"));
    let share = VenueAction::Exercise { instrument: subject.instrument.clone() };
    assert!(refused(&subject, &share).await.contains("options that are held"));
    subject.exchange.hold(&call, (-2).into(), 2.into());
    assert!(refused(&subject, &exercise(&call)).await.contains("which is written"));
    assert_eq!(posts(&emulator), 0);
    subject.exchange.hold(&call, 2.into(), 2.into());
    emulator.desk.state().after_close = true;
    assert!(refused(&subject, &exercise(&call)).await.contains("until midnight"));
    // Without an answer nobody knows, and nobody tries it again.
    emulator.desk.state().after_close = false;
    subject.faults.once("POST", "/exercise", Fault::DropAfter);
    posts(&emulator);
    let error = subject.broker.act(&exercise(&call)).await.unwrap_err();
    assert!(matches!(SubmitOutcome::from(error.clone()), SubmitOutcome::Unknown(_)), "{error}");
    assert_eq!(posts(&emulator), 1);
    assert!(refused(&subject, &exercise(&call)).await.contains("has no position in AAPL"), "it was heard");
    // On its last day alone a contract can be left to end.
    subject.exchange.hold(&call, 2.into(), 2.into());
    let leave = |symbol: &str| VenueAction::DoNotExercise { instrument: option(symbol) };
    assert!(refused(&subject, &leave(&call)).await.contains("expiration day only"));
    subject.exchange.hold(&put, 1.into(), 2.into());
    let words = done(&subject, &leave(&put)).await;
    assert!(words.contains("1 contracts of AAPL") && words.ends_with("without exercise"), "{words}");
    assert_eq!(emulator.desk.state().not_exercised, [put]);
    assert!(subject.broker.act(&VenueAction::ScheduleCancel { after_seconds: None }).await.is_err());
}

fn set(setting: &str, value: &str) -> VenueAction {
    VenueAction::Set { setting: setting.to_owned(), value: value.to_owned() }
}

async fn shown(subject: &Subject) -> Vec<VenueSetting> {
    match subject.broker.act(&VenueAction::Settings).await.unwrap() {
        VenueAnswer::Settings(rows) => rows,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn settings_are_shown_and_one_at_a_time_is_changed() {
    let (subject, emulator) = both().await;
    let value = |rows: &[VenueSetting], name: &str| {
        rows.iter().find(|row| row.setting == name).and_then(|row| row.value.clone())
    };
    let rows = shown(&subject).await;
    assert_eq!(rows.len(), 8);
    assert_eq!((rows[0].setting.as_str(), rows[0].allowed.as_str()), ("suspend_trade", "true, false"));
    assert_eq!(value(&rows, "max_options_trading_level"), None);
    emulator.server.take_requests();
    for (name, word, wire) in [
        ("no_shorting", "true", json!(true)),
        ("max_margin_multiplier", "1", json!("1")),
        ("max_options_trading_level", "2", json!(2)),
        ("trade_confirm_email", "none", json!("none")),
        ("suspend_trade", "true", json!(true)),
    ] {
        let words = done(&subject, &set(name, word)).await;
        assert!(words.starts_with(&format!("{name} is {word}; it was ")), "{words}");
        let requests = emulator.server.take_requests();
        let patch = requests.iter().find(|request| request.method == "PATCH").unwrap();
        assert_eq!(
            (patch.path.as_str(), patch.json()),
            ("/v2/account/configurations", json!({ name: wire }))
        );
        assert_eq!(value(&shown(&subject).await, name).as_deref(), Some(word), "{name}");
        // So it is already: nothing is sent.
        emulator.server.take_requests();
        assert!(done(&subject, &set(name, word)).await.ends_with("already"));
        assert!(emulator.server.take_requests().iter().all(|request| request.method == "GET"));
    }
    // What was set holds: no order comes through, and once they do, none goes short.
    let short = subject.order(Side::SellShort, Pricing::Market);
    let code = |outcome: SubmitOutcome| match outcome {
        SubmitOutcome::Rejected(reject) => reject.code.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(code(subject.submit(&short).await), "BLOCKED");
    done(&subject, &set("suspend_trade", "false")).await;
    assert_eq!(code(subject.submit(&short).await), "NOT_SHORTABLE");
    let figures = subject.broker.account().await.unwrap();
    assert_eq!(figures.kind, arbion::domain::account::AccountKind::Cash);
}

#[tokio::test]
async fn what_is_no_setting_is_refused_with_what_is_one() {
    let (subject, emulator) = both().await;
    for (name, word, said) in [
        ("leverage", "4", "suspend_trade, no_shorting"),
        ("no_shorting", "maybe", "true, false"),
        ("max_margin_multiplier", "3", "1, 2, 4"),
        ("max_options_trading_level", "9", "0, 1, 2, 3"),
        // Of accounts that have it still.
        ("pdt_check", "both", "'pdt_check' of this account"),
    ] {
        let text = refused(&subject, &set(name, word)).await;
        assert!(text.contains(said), "{text}");
    }
    assert!(emulator.server.take_requests().iter().all(|request| request.method != "PATCH"));
    emulator.desk.state().settings["pdt_check"] = "both".into();
    assert!(done(&subject, &set("pdt_check", "entry")).await.contains("it was both"));
    // An answer that says otherwise is no success.
    let other = emulator.desk.state().settings.to_string();
    subject.faults.once("PATCH", "configurations", Fault::answer(200, &other));
    let error = subject.broker.act(&set("no_shorting", "true")).await.unwrap_err();
    assert!(
        matches!(&error, BrokerError::Unreadable { reason, .. } if reason.contains("is false after")),
        "{error}"
    );
}

/// The settings as the official client was answered.
#[tokio::test]
async fn settings_are_read_as_recorded() {
    let (subject, _emulator) = both().await;
    let all: Value =
        serde_json::from_str(include_str!("../../fixtures/brokers/alpaca/sdk-wire.json")).unwrap();
    let rows = all["rest"].as_array().unwrap();
    let row = rows.iter().find(|row| row["call"] == "get_account_configurations()").unwrap();
    subject.faults.once("GET", "configurations", Fault::answer(200, &row["response"]["body"].to_string()));
    let names: Vec<String> = shown(&subject).await.into_iter().map(|row| row.setting).collect();
    assert_eq!(names.len(), 9);
    assert!(names.contains(&"dtbp_check".to_owned()) && names.contains(&"pdt_check".to_owned()));
    // Shares that an exercise delivered are paid for, though the row names the sum alone.
    let body = json!([{
        "activity_type": "OPTRD", "id": "20260720000000000::x", "date": "2026-07-20", "net_amount": "-19000", "symbol": "AAPL",
        "qty": "100", "status": "executed",
    }]);
    subject.faults.once("GET", "activities", Fault::answer(200, &body.to_string()));
    let fills = subject.broker.executions(jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!((fills[0].price, fills[0].quantity.get()), (price("190"), Decimal::ONE_HUNDRED));
}
