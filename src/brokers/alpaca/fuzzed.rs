//! Frames of the market data streams and pages of news that nobody would send (reliability C6).

use super::news::Page;
use super::ticks::{read_json, read_packed};
use crate::fuzz;

const MESSAGES: &[&str] = &[
    r#"[{"T":"success","msg":"connected"}]"#,
    r#"[{"T":"error","code":406,"msg":"connection limit exceeded"}]"#,
    r#"[{"T":"subscription","trades":[],"quotes":["AAPL"],"orderbooks":["BTC/USD"],"bars":[]}]"#,
    r#"[{"T":"q","S":"AAPL","bx":"V","bp":190.5,"bs":2,"ax":"V","ap":190.61,"as":1,"t":"2026-07-01T14:30:00.123456789Z","c":["R"],"z":"C"}]"#,
    r#"[{"T":"t","S":"BTC/USD","p":6e4,"s":0.00012,"t":"2026-07-01T14:30:00Z","i":7,"tks":"S"}]"#,
    r#"[{"S":"AAPL","T":"d","o":1,"h":2,"l":0.5,"c":1.5,"v":10,"n":1,"vw":1,"t":"2026-07-01T04:00:00Z"}]"#,
    r#"[{"T":"o","S":"BTC/USD","t":"2026-07-01T14:30:00Z","b":[{"p":1.5,"s":0}],"a":[{"p":2,"s":3.5}],"r":true}]"#,
    r#"[{"T":"s","S":"AAPL","sc":"H","sm":"halted","rc":"x","rm":"y","t":"2026-07-01T14:30:00Z","z":"C"},{"T":"new","a":[{"deep":1}]}]"#,
];

#[test]
fn c6_alpaca_messages() {
    let corpus: Vec<Vec<u8>> = MESSAGES.iter().map(|text| text.as_bytes().to_vec()).collect();
    fuzz::run("c6_alpaca_messages", &corpus, 10_000, |input| {
        let mut ticks = Vec::new();
        if let Err(reason) = read_json(input, &mut ticks) {
            fuzz::assert_shows_safely(&reason);
        }
    });
}

#[test]
fn c6_alpaca_packed_messages() {
    let pack = |text: &&str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        rmp_serde::to_vec_named(&value).unwrap()
    };
    let corpus: Vec<Vec<u8>> = MESSAGES.iter().map(pack).collect();
    fuzz::run("c6_alpaca_packed_messages", &corpus, 10_000, |input| {
        let mut ticks = Vec::new();
        if let Err(reason) = read_packed(input, &mut ticks) {
            fuzz::assert_shows_safely(&reason);
        }
    });
}

#[test]
fn c6_alpaca_news() {
    let pages = [
        r#"{"news":[{"id":24843171,"headline":"Apple&#39;s Plant &amp; More","author":"Ann","created_at":"2026-07-01T14:30:00Z","updated_at":"2026-07-01T14:30:01Z","summary":"A &quot;summary&quot;.","content":"","url":"https://www.benzinga.com/news/1?a=b","images":[{"size":"large","url":"https://x"}],"symbols":["AAPL","BTCUSD"],"source":"benzinga"}],"next_page_token":"MTY"}"#,
        r#"{"news":[{"id":1,"headline":"&#27;[2J\u001b]0;x\u0007","created_at":"2026-07-01T14:30:00Z","url":"javascript:x"},{"id":1,"headline":null,"created_at":"2026-07-01T14:30:00Z"}]}"#,
        r#"{"news":null,"next_page_token":null}"#,
    ];
    let corpus: Vec<Vec<u8>> = pages.iter().map(|text| text.as_bytes().to_vec()).collect();
    fuzz::run("c6_alpaca_news", &corpus, 10_000, |input| {
        let Ok(page) = serde_json::from_slice::<Page>(input) else { return };
        for article in page.articles(50) {
            let texts = [&article.headline, &article.summary, &article.source];
            for text in texts.into_iter().chain(&article.url).chain(&article.symbols) {
                // As it is kept and sent on, not only as it is shown.
                fuzz::assert_shows_safely(&text.to_string());
                assert_eq!(serde_json::to_value(text).unwrap(), serde_json::Value::from(text.to_string()));
            }
        }
    });
}
