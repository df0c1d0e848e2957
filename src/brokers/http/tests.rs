//! A server that does what servers do on bad days.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Serves one answer after the other, the last one again and again; counts requests.
async fn server(answers: Vec<String>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (counter, answers) = (Arc::clone(&counter), answers.clone());
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                while let Ok(read @ 1..) = socket.read(&mut request).await {
                    let _ = read;
                    let number = counter.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
                    if answers[number] == "silence" {
                        tokio::time::sleep(Duration::from_secs(60)).await;
                    }
                    socket.write_all(answers[number].as_bytes()).await.unwrap();
                    if answers[number].contains("truncated") {
                        return;
                    }
                }
            });
        }
    });
    (address, count)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn line() -> Http {
    let limit = Limit { calls: 1_000, per: Duration::from_secs(1), ..Limit::USUAL };
    Http::new("test", &[("all", limit)]).unwrap()
}

async fn get(line: &Http, call: Call, address: &str) -> Result<Answer, BrokerError> {
    line.send(call, |client| Ok(client.get(format!("{address}/x?key=hunter2")))).await
}

const READ: Call = Call::read("read", "all");
const ORDER: Call = Call::order("order", "all");

#[tokio::test]
async fn n2_reads_are_tried_again_and_orders_never() {
    let bad = || answer("503 Unavailable", "", "<html>down");
    let (address, count) = server(vec![bad(), bad(), answer("200 OK", "", "{\"a\":1}")]).await;
    let line = line();
    let error = get(&line, ORDER, &address).await.unwrap_err();
    assert_eq!(error.to_string(), "test gave no answer: HTTP 503, it begins \"<html>down\"");
    assert_eq!((error.outcome(), count.load(Ordering::SeqCst)), (super::super::Certainty::Unknown, 1));
    let found = get(&line, READ, &address).await.unwrap();
    assert_eq!((found.status.as_u16(), count.load(Ordering::SeqCst)), (200, 3));
    assert_eq!(found.json::<std::collections::BTreeMap<String, u8>>().unwrap()["a"], 1);
    let health = line.health();
    assert_eq!((health.calls, health.failures), (3, 2));
}

#[tokio::test]
async fn n2_no_more_than_four_tries() {
    let (address, count) = server(vec![answer("500 Oops", "", "")]).await;
    let call = Call { deadline: Duration::from_secs(20), ..READ };
    assert!(matches!(get(&line(), call, &address).await, Err(BrokerError::NoAnswer { .. })));
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn n1_no_call_is_without_a_deadline() {
    let (address, count) = server(vec!["silence".to_owned()]).await;
    for call in [READ, ORDER] {
        let call = Call { deadline: Duration::from_millis(200), ..call };
        let started = Instant::now();
        let error = get(&line(), call, &address).await.unwrap_err();
        assert_eq!(error.to_string(), "test gave no answer: no answer in time");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn j3_what_was_never_sent_is_told_from_what_may_have_come() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = get(&line(), ORDER, &format!("http://{nobody}")).await.unwrap_err();
    assert!(matches!(error, BrokerError::Unreachable { .. }), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let (address, _) =
        server(vec!["HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\ntruncated".to_owned()]).await;
    let error = get(&line(), ORDER, &address).await.unwrap_err();
    assert!(matches!(error, BrokerError::NoAnswer { .. }), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

/// A portal or a proxy that sends elsewhere is no broker that refuses.
#[tokio::test]
async fn j4_an_answer_that_points_elsewhere_says_nothing_of_an_order() {
    let elsewhere = answer("302 Found", "location: https://portal.example/?token=hunter2\r\n", "<html>");
    let (address, count) = server(vec![elsewhere]).await;
    let error = get(&line(), ORDER, &address).await.unwrap_err();
    assert_eq!((error.outcome(), count.load(Ordering::SeqCst)), (super::super::Certainty::Unknown, 1));
    assert_eq!(
        error.to_string(),
        "test gave no answer: HTTP 302, which points elsewhere and is not followed"
    );
}

#[tokio::test]
async fn n8_a_body_has_a_limit() {
    let (address, _) = server(vec![answer("200 OK", "", &"x".repeat(BODY_MAX + 1))]).await;
    let error = get(&line(), READ, &address).await.unwrap_err();
    assert_eq!(error.to_string(), "test answers read with what cannot be read: it is longer than 8 MiB");
}

#[tokio::test]
async fn n5_the_servers_word_is_kept_by_everybody_after() {
    let busy = answer("429 Too Many Requests", "retry-after: 1\r\n", "");
    let (address, count) = server(vec![busy, answer("200 OK", "x-ratelimit-remaining: 7\r\n", "{}")]).await;
    let line = line();
    let error = get(&line, ORDER, &address).await.unwrap_err();
    assert_eq!(error.to_string(), "test says that there are too many calls; asked again in 1 s");
    let quick = Call { deadline: Duration::from_millis(100), ..ORDER };
    assert!(matches!(get(&line, quick, &address).await, Err(BrokerError::Busy { .. })), "nothing was sent");
    let started = Instant::now();
    get(&line, ORDER, &address).await.unwrap();
    assert!(started.elapsed() > Duration::from_millis(500));
    assert_eq!((count.load(Ordering::SeqCst), line.health().limit_left), (2, Some(7)));
}

#[tokio::test]
async fn n9_the_clock_of_a_broker_is_known_from_its_answers() {
    let (address, _) = server(vec![answer("200 OK", "date: Mon, 21 Sep 2020 14:13:25 GMT\r\n", "{}")]).await;
    let line = line();
    assert_eq!(line.health().clock_offset, None);
    get(&line, READ, &address).await.unwrap();
    assert_eq!(line.broker_now().strftime("%F %H:%M").to_string(), "2020-09-21 14:13");
}

/// How a line behaves on its worst days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// The request is taken, and the connection is reset.
    Resets,
    /// The request is taken, the way back is closed, the way there is not.
    HalfCloses,
    /// What comes back is no HTTP.
    Garbage,
    /// The answer comes byte by byte, and never to its end.
    Drips,
    /// A part of the answer comes, and then nothing.
    Stalls,
}

async fn behave(line: Line, mut socket: tokio::net::TcpStream, counter: &AtomicUsize) {
    if line == Line::Resets {
        // What was received and not read makes it a reset.
        socket.readable().await.unwrap();
        counter.fetch_add(1, Ordering::SeqCst);
        return;
    }
    let mut request = vec![0; 4096];
    let read = socket.read(&mut request).await.unwrap_or_default();
    counter.fetch_add(usize::from(read > 0), Ordering::SeqCst);
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\n";
    match line {
        Line::Resets => {}
        Line::HalfCloses => socket.shutdown().await.unwrap(),
        Line::Garbage => socket.write_all(&[0xff, 0x00, 0x13, b'\n', b'\n']).await.unwrap(),
        Line::Drips => {
            socket.write_all(head.as_bytes()).await.unwrap();
            while socket.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Line::Stalls => socket.write_all(format!("{head}{{\"id\":").as_bytes()).await.unwrap(),
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn outside_18_3_n1_a_call_over_a_bad_line_ends_and_its_order_is_in_doubt() {
    for way in [Line::Resets, Line::HalfCloses, Line::Garbage, Line::Drips, Line::Stalls] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let counter = Arc::clone(&counter);
                tokio::spawn(async move { behave(way, socket, &counter).await });
            }
        });
        let line = line();
        let order = Call { deadline: Duration::from_millis(300), ..ORDER };
        let started = Instant::now();
        let error = get(&line, order, &address).await.unwrap_err();
        assert_eq!(error.outcome(), super::super::Certainty::Unknown, "{way:?}: {error}");
        assert!(started.elapsed() < Duration::from_secs(5), "{way:?}");
        assert_eq!(count.load(Ordering::SeqCst), 1, "{way:?}: it went out once");
        assert!(!error.to_string().contains("hunter2"), "{way:?}: {error}");
        let read = Call { deadline: Duration::from_millis(300), ..READ };
        get(&line, read, &address).await.unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(10), "{way:?}");
    }
}

/// A clock that is ten minutes off makes no pause of two seconds one of ten minutes, and none of none.
#[tokio::test]
async fn n9_what_a_server_says_of_times_is_by_its_own_clock() {
    for off in [-600, 600] {
        let theirs = |ahead: i64| {
            let at = u64::try_from(wall().as_second() + off + ahead).unwrap();
            httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(at))
        };
        let headers = format!("date: {}\r\nretry-after: {}\r\n", theirs(0), theirs(20));
        let (address, _) = server(vec![answer("429 Too Many", &headers, "")]).await;
        let error = get(&line(), ORDER, &address).await.unwrap_err();
        let BrokerError::RateLimited { retry_after, .. } = error else { panic!("{error}") };
        assert!((10..=21).contains(&retry_after.as_secs()), "off by {off} s: {retry_after:?}");
    }
}
