//! Exit plans from the command line: set, shown, kept by an engine that stays for them, carried out, taken off; and the risk desk over them.

use super::detached::{Home, is_alive};

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn l5_a_plan_keeps_its_engine_and_closes_its_position() {
    let home = Home::new();
    let nothing = home.output(&["exits", "set", "AAPL", "--stop", "5%"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(said(&nothing).contains("holds no AAPL"), "{}", said(&nothing));
    home.json(&["order", "place", "buy", "10", "AAPL"]);
    home.json(&["exits", "set", "AAPL", "--stop", "20%", "--take", "2r"]);
    let shown = home.json(&["exits", "list"]);
    let plan = &shown["exits"][0];
    assert_eq!((&plan["state"], &plan["instrument"]["symbol"]), (&"armed".into(), &"AAPL".into()), "{shown}");
    for (args, words) in [
        (&["exits", "set", "AAPL", "--stop", "abc"][..], "allowed a price (180), per cent (5%)"),
        (&["exits", "clear", "MSFT"], "no exit plan for MSFT"),
    ] {
        let output = home.output(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{args:?}: {}", said(&output));
    }
    let engine = home.engine().expect("a plan watches, so its engine runs");
    // Its stop is an order, once that rests.
    let stays = home.json(&["engine", "status"])["stays_for"].clone();
    assert!(stays.as_str().is_some_and(|stays| stays.ends_with("1 exit plan")), "{stays}");
    let stopped = home.output(&["engine", "stop"]);
    assert!(!stopped.status.success(), "it would leave the position without its stop");
    assert!(is_alive(engine) && said(&stopped).contains("exit plan watches"), "{}", said(&stopped));

    let desk = home.json(&["risk", "desk"]);
    let worth = |key: &str| desk["accounts"][0][key].as_str().map(|text| text.parse::<f64>().unwrap());
    assert!(worth("net_liquidation").is_none_or(|worth| worth > 99_000.0), "{desk}");
    let text = home.output(&["risk", "desk"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    for words in ["value at risk", "Information Technology", "spot -10 %"] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }

    // Its stop rests at the broker: one order, of the plan.
    let stops = || -> Vec<serde_json::Value> {
        let orders = home.json(&["order", "list"])["orders"].clone();
        let is_stop = |order: &&serde_json::Value| order["request"]["origin"]["kind"] == "exit";
        orders.as_array().unwrap().iter().filter(is_stop).cloned().collect()
    };
    home.until("its stop at the broker", || home.json(&["exits", "list"])["exits"][0]["rests"] == "stop");
    let resting = stops();
    assert_eq!(resting.len(), 1, "{resting:?}");
    assert_eq!(
        (&resting[0]["request"]["order_type"], &resting[0]["request"]["quantity"]),
        (&"stop".into(), &"10".into())
    );
    // Killed, and started again by the next command: the plan is still there, and its order is the one that it had.
    super::detached::signal(engine, "KILL");
    home.until("its end", || !is_alive(engine));
    home.json(&["engine", "start"]);
    assert_eq!(home.json(&["exits", "list"])["exits"][0]["state"], "armed");
    super::detached::pause(std::time::Duration::from_secs(2));
    let again = stops();
    assert_eq!(again.len(), 1, "{again:?}");
    assert_eq!(again[0]["request"]["client_order_id"], resting[0]["request"]["client_order_id"]);
    // A stop that follows so closely goes off with the first price that falls.
    home.json(&["exits", "set", "AAPL", "--trail", "0.01off"]);
    home.until("the exit", || home.json(&["positions"])["positions"].as_array().unwrap().is_empty());
    home.until("the end of the plan", || {
        home.json(&["exits", "list"])["exits"].as_array().unwrap().is_empty()
    });
    let orders = home.json(&["history"]);
    let last = &orders["orders"][0];
    assert_eq!(
        (&last["request"]["origin"]["kind"], &last["status"]),
        (&"exit".into(), &"filled".into()),
        "{last}"
    );
}

/// An order brings its plan: armed by its fill, shown with where it waits, gone with the position.
#[test]
fn an_order_brings_its_plan() {
    let home = Home::new();
    for (args, words) in [
        (&["--exit", "stop=x"][..], "stop: found 'x', allowed a price (180), per cent (5%)"),
        (&["--exit", "luck=1"], "part luck of a plan is not known; there are stop, take"),
    ] {
        let output = home.output(&[&["order", "place", "buy", "10", "AAPL"][..], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{args:?}: {}", said(&output));
    }
    home.json(&["order", "place", "buy", "10", "AAPL", "--exit", "stop=20%", "--exit", "placement=engine"]);
    let plan = home.json(&["exits", "list"])["exits"][0].clone();
    assert_eq!((&plan["state"], &plan["plan"]["placement"]), (&"armed".into(), &"engine".into()), "{plan}");
    let table = home.output(&["exits", "list"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("armed"), "{table}");
    home.json(&["order", "place", "sell", "10", "AAPL"]);
    home.until("the end of the plan", || {
        home.json(&["exits", "list"])["exits"].as_array().unwrap().is_empty()
    });
}
