//! Messages of the streamer that nobody would send (reliability C6).

use super::messages::{Activity, Level, Message, book_of};
use crate::brokers::json;
use crate::domain::quote::{Feed, Quote};
use crate::fuzz;

const MESSAGES: &[&str] = &[
    r#"{"response":[{"service":"ADMIN","command":"LOGIN","requestid":"0","content":{"code":3,"msg":"Login Denied."}}]}"#,
    r#"{"notify":[{"heartbeat":"1668715930582"}]}"#,
    r#"{"data":[{"service":"LEVELONE_EQUITIES","timestamp":1700000000000,"command":"SUBS","content":[{"key":"AAPL","delayed":false,"assetMainType":"EQUITY","1":150.1,"2":150.2,"4":3,"5":4,"8":1000,"12":149,"32":"Halted","35":1700000000001}]}]}"#,
    r#"{"data":[{"service":"LEVELONE_OPTIONS","content":[{"key":"AAPL  240517P00190000","2":1.1,"3":1.2,"16":7}]}]}"#,
    r#"{"data":[{"service":"ACCT_ACTIVITY","content":[{"seq":1,"key":"k","1":"12345678","2":"OrderAccepted","3":"{\"SchwabOrderID\":\"1000000000001\",\"AccountNumber\":\"12345678\"}"}]}]}"#,
    r#"{"data":[{"service":"NASDAQ_BOOK","content":[{"key":"AAPL","1":1700000000000,"2":[{"0":150.1,"1":300,"2":2,"3":[{"0":"NSDQ","1":100,"2":1}]}],"3":[{"0":150.2,"1":5,"2":1,"3":[]}]}]}]}"#,
];

#[test]
fn c6_schwab_messages() {
    let corpus: Vec<Vec<u8>> = MESSAGES.iter().map(|text| text.as_bytes().to_vec()).collect();
    fuzz::run("c6_schwab_messages", &corpus, 10_000, |input| {
        let message = match json::read::<Message<'_>>(input) {
            Ok(message) => message,
            Err(reason) => return fuzz::assert_shows_safely(&reason),
        };
        message.response.iter().for_each(|reply| fuzz::assert_shows_safely(&reply.words()));
        for news in &message.data {
            for fields in &news.content {
                for level in
                    [false, true].iter().filter_map(|option| Level::of(fields, *option, news.timestamp))
                {
                    fuzz::assert_shows_safely(&level.instrument.to_string());
                    let mut quote = Quote::empty(level.instrument.clone(), level.at, Feed::RealTime);
                    level.apply(&mut quote);
                }
                if let Some(book) = book_of(fields) {
                    fuzz::assert_shows_safely(&book.instrument.to_string());
                }
                if let Some(activity) = Activity::of(fields) {
                    assert!(
                        activity.order_id.bytes().all(|byte| byte.is_ascii_digit()),
                        "it becomes part of a path"
                    );
                }
            }
        }
    });
}
