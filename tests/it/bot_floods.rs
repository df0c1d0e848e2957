//! A bot that asks for far more than anybody would, through the real program.

use super::bots::{BUYER_TOML, GREETS, has_python, lines, write_bot};
use super::detached::Home;

const FLOOD: &str = r#"
import collections, threading
greet()
codes, done = collections.Counter(), threading.Event()
def hear():
    for line in sys.stdin:
        answer = json.loads(line)
        if answer.get('id', 0) and answer['id'] >= 100 and 'method' not in answer:
            codes[answer.get('error', {}).get('code', 0)] += 1
            if sum(codes.values()) == 10000:
                done.set()
        elif 'id' in answer and 'method' in answer:
            say({'jsonrpc': '2.0', 'id': answer['id'], 'result': {}})
threading.Thread(target=hear, daemon=True).start()
order = {'instrument': 'BTC-USD', 'side': 'buy', 'quantity': '0.001', 'order_type': 'limit', 'limit_price': '100', 'time_in_force': 'gtc'}
for n in range(10000):
    say({'jsonrpc': '2.0', 'id': n + 100, 'method': 'order.place', 'params': dict(order, client_tag=str(n))})
done.wait()
say({'jsonrpc': '2.0', 'method': 'log', 'params': {'level': 'info', 'text': 'answered ' + str(sorted(codes))}})
time.sleep(1000)
"#;

/// Ten thousand orders at once: each is answered, no more than its terms allow become orders, and the engine goes on with everybody else's.
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
    home.until("its first orders", || {
        // Whoever asks meanwhile is answered.
        !home.json(&["order", "list", "--all"])["orders"].as_array().unwrap().is_empty()
    });
    home.until("the last of its answers", || lines(&home, "flood").contains("answered "));
    let log = lines(&home, "flood");
    assert!(log.contains("answered [-32003, 0]"), "{log}");
    let orders = home.json(&["order", "list", "--all"])["orders"].as_array().unwrap().len();
    assert!((1..=8).contains(&orders), "{orders} orders");
    assert_eq!(home.json(&["strategy", "list"])["strategies"][0]["phase"], "running");
    home.json(&["bot", "stop", "flood"]);
    home.until("its rest", || home.json(&["strategy", "list"])["strategies"][0]["phase"] == "disabled");
}
