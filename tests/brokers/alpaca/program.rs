//! The program itself: what only Alpaca has, asked by its own commands.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::extras::contract;
use crate::connect::{Home, config, emulator, keys};

/// An exercise is confirmed, told, sent, and booked with what it delivers: nothing of it is an adjustment. Settings are shown and changed. What
/// moves is what the broker says moves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_alpaca_has_is_asked_by_its_own_commands() {
    let emulator = emulator().await;
    let call = contract(7, 'C');
    emulator.exchange.quote(&call, "6".parse().unwrap(), "6.2".parse().unwrap());
    emulator.exchange.hold(&call, 2.into(), 2.into());
    for (symbol, price) in [("F", 140), ("HTB", 60)] {
        emulator.exchange.quote(symbol, Decimal::from(price), Decimal::from(price + 1));
    }
    // Between two commands a slow machine may take longer than an engine waits for somebody.
    let text = format!("{}[engine]\nkeep_running = true\n", config(&emulator));
    let input = keys(&emulator);
    tokio::task::spawn_blocking(move || {
        let home = Home::new(&text);
        home.ok(&["connect", "alpaca", "--stdin"], &input);
        let positions = ["positions", "--account", "alpaca-paper"];
        let held = |found: &Value| found["positions"][0]["quantity"] == "2";
        home.until("the contracts", &positions, held);
        let log = || {
            let output = home.run(&["do", "show", "log"], "");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let adjusted = log().matches("POSITION_ADJUSTED").count();
        home.fails(&["alpaca", "exercise", &call], "", 2, "needs --yes");
        let said = home.ok(&["alpaca", "exercise", &call, "--yes"], "").to_string();
        assert!(said.contains("2 of 2 contracts"), "{said}");
        home.ok(&["reconcile", "alpaca-paper"], "");
        let shares = |found: &Value| {
            let rows = found["positions"].as_array().unwrap();
            rows.len() == 1 && rows[0]["instrument"]["symbol"] == "AAPL" && rows[0]["quantity"] == "200"
        };
        let found = home.until("the shares", &positions, shares);
        assert_eq!(found["positions"][0]["average_price"], "95", "{found}");
        assert_eq!(log().matches("POSITION_ADJUSTED").count(), adjusted, "{}", log());
        assert!(log().contains("exercise every free contract of AAPL"), "{}", log());
        let settings = home.ok(&["alpaca", "settings"], "");
        assert_eq!(settings["settings"][1]["setting"], "no_shorting", "{settings}");
        let said = home.ok(&["alpaca", "set", "no_shorting", "true", "-y"], "").to_string();
        assert!(said.contains("no_shorting is true; it was false"), "{said}");
        home.fails(&["alpaca", "set", "no_shorting", "maybe", "-y"], "", 2, "it takes true, false");
        // While everything is halted nothing is set that lets it do more, and whatever lets it do less is.
        home.ok(&["halt"], "");
        home.fails(&["alpaca", "set", "no_shorting", "false", "-y"], "", 2, "the kill switch is on");
        home.ok(&["alpaca", "set", "suspend_trade", "true", "-y"], "");
        for (by, first) in [("gainers", "F"), ("losers", "HTB")] {
            let found = home.ok(&["movers", "--by", by], "");
            assert_eq!(found["quotes"][0]["instrument"]["symbol"], first, "{found}");
            assert_ne!(found["quotes"][0]["feed"], json!("simulated"), "{found}");
        }
    })
    .await
    .unwrap();
}
