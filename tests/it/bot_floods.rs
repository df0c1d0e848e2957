//! A bot that asks for far more than anybody would, through the real program.

use super::bots::{BUYER_TOML, GREETS, has_python, write_bot};
use super::detached::Home;

/// Ten thousand orders at once, and no answer is read before the last of them is asked for.
const FLOOD: &str = r#"
greet()
order = {'instrument': 'BTC-USD', 'side': 'buy', 'quantity': '0.001', 'order_type': 'limit', 'limit_price': '100', 'time_in_force': 'gtc'}
for n in range(10000):
    say({'jsonrpc': '2.0', 'id': n + 100, 'method': 'order.place', 'params': dict(order, client_tag=str(n))})
time.sleep(1000)
"#;

/// No more than its terms allow become orders, none of them stays, five such ends are its last, and the engine goes on with everybody else's.
#[test]
fn a_bot_that_asks_for_ten_thousand_orders_gets_what_its_terms_allow() {
    if !has_python() {
        return;
    }
    let home = Home::new();
    let profile = home.path().join("data/profiles/default");
    home.json(&["bot", "new", "flood"]);
    std::fs::remove_file(profile.join("bots/flood/params.schema.json")).unwrap();
    write_bot(&profile, "flood", BUYER_TOML, &format!("{GREETS}{FLOOD}"));
    home.json(&["bot", "approve", "flood", "--yes"]);
    home.json(&["bot", "add", "flood"]);
    home.json(&["bot", "start", "flood"]);
    let orders = |args: &[&str]| home.json(args)["orders"].as_array().unwrap().len();
    // Whoever asks meanwhile is answered.
    home.until("its first order", || orders(&["order", "list", "--all"]) > 0);
    let view = || home.json(&["strategy", "list"])["strategies"][0].clone();
    home.until("its last end", || view()["phase"] == "faulted");
    assert!(view()["reason"].as_str().unwrap().contains("BOT_SLOW"), "{}", view());
    // Eight a minute, and two minutes at most.
    let made = orders(&["order", "list", "--all"]);
    assert!((1..=16).contains(&made), "{made} orders");
    home.until("the end of its orders", || orders(&["order", "list"]) == 0);
    home.json(&["order", "place", "buy", "1", "AAPL"]);
}
