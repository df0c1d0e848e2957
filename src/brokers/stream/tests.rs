//! A stream's bad days.

use std::collections::VecDeque;

use tokio::net::TcpListener;
use tokio_tungstenite::accept_async;

use super::*;

/// Counts what it reads; the words `gap` and `refuse` mean what they say.
struct Counting {
    address: String,
    greetings: usize,
    watch: Watch,
}

#[async_trait]
impl Protocol for Counting {
    type Item = String;

    fn watch(&self) -> Watch {
        self.watch
    }

    async fn handshake(&mut self) -> Result<Handshake, StreamError> {
        let headers = vec![("x-key", "hunter2".to_owned())];
        Ok(Handshake { url: self.address.clone(), headers })
    }

    async fn greet(&mut self, line: &mut Line) -> Result<(), StreamError> {
        self.greetings += 1;
        line.send(Frame::text(format!("hello {}", self.greetings))).await
    }

    fn read(&mut self, frame: &Frame, items: &mut Vec<String>) -> Result<Vec<Frame>, StreamError> {
        match String::from_utf8_lossy(frame.bytes()).into_owned() {
            text if text == "gap" => Err(StreamError::Gap("after 7".to_owned())),
            text if text == "refuse" => Err(StreamError::Refused("wrong key".to_owned())),
            text => {
                items.push(text);
                Ok(vec![Frame::text("heard")])
            }
        }
    }

    async fn speak(&mut self) -> Vec<Frame> {
        std::future::pending().await
    }
}

/// Each connection is told its own words after its greeting, and closed when they have run out, unless the last is `stay`.
async fn server(connections: Vec<Vec<&'static str>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("ws://{}", listener.local_addr().unwrap());
    let mut connections = VecDeque::from(connections);
    tokio::spawn(async move {
        while let (Some(words), Ok((socket, _))) = (connections.pop_front(), listener.accept().await) {
            tokio::spawn(serve(socket, words));
        }
    });
    address
}

async fn serve(socket: TcpStream, words: Vec<&'static str>) {
    let mut socket = accept_async(socket).await.unwrap();
    let hello = socket.next().await.unwrap().unwrap();
    socket.send(hello).await.unwrap();
    for word in words {
        if word == "stay" {
            // It reads nothing any more, and so answers no ping.
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        socket.send(Message::text(word)).await.unwrap();
    }
    // What was said is read before the end, so that the end takes nothing with it.
    while let Ok(Some(Ok(_))) = tokio::time::timeout(Duration::from_millis(20), socket.next()).await {}
}

async fn kept(
    connections: Vec<Vec<&'static str>>,
    watch: Watch,
    room: usize,
    overflow: Overflow,
    until: usize,
) -> (Vec<String>, Option<BrokerError>) {
    let mut protocol = Counting { address: server(connections).await, greetings: 0, watch };
    let (out, mut heard) = mpsc::channel(room);
    let keeping = tokio::spawn(async move { keep_open("test", &mut protocol, &out, overflow).await });
    let mut words = Vec::new();
    while words.len() < until {
        let Some(event) = heard.recv().await else { break };
        words.push(match event {
            Kept::Up => "up".to_owned(),
            Kept::Item(text) => text,
            Kept::Down { reason, retry_at } => {
                assert!(retry_at > wall() - SignedDuration::from_secs(1));
                format!("down: {reason}")
            }
        });
        if room == 1 {
            // Somebody slow.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    if words.len() < until {
        return (words, Some(keeping.await.unwrap()));
    }
    drop(heard);
    (words, Some(keeping.await.unwrap()))
}

#[tokio::test]
async fn n10_a_line_that_breaks_is_opened_and_greeted_again() {
    let (words, ended) = kept(
        vec![vec!["a"], vec!["b", "gap"], vec!["c", "stay"]],
        Watch::default(),
        64,
        Overflow::Reopen,
        10,
    )
    .await;
    let tell = |word: &str| words.iter().position(|said| said == word).unwrap();
    assert!(
        tell("hello 1") < tell("a") && tell("a") < tell("hello 2") && tell("b") < tell("hello 3"),
        "{words:?}"
    );
    assert_eq!(words.iter().filter(|word| *word == "up").count(), 3);
    assert!(words.iter().any(|word| word == "down: messages are missing: after 7"), "{words:?}");
    assert!(matches!(ended, Some(BrokerError::Unreachable { reason, .. }) if reason == "nobody listens"));
}

/// A message that cannot be read each time the line is up: each comes up later than the one before, for each has everything asked for.
#[tokio::test]
async fn n3_gaps_again_and_again_are_waited_for_longer_and_longer() {
    let started = Instant::now();
    let (words, _) = kept(vec![vec!["gap"]; 3], Watch::default(), 64, Overflow::Reopen, 9).await;
    assert_eq!(
        words.iter().filter(|word| word.starts_with("down: messages are missing")).count(),
        3,
        "{words:?}"
    );
    // Half of 0.5 and of 1 s at least, and nothing was waited for after the third.
    assert!(started.elapsed() >= Duration::from_millis(750), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_refusal_ends_it() {
    let (words, ended) = kept(vec![vec!["refuse"]], Watch::default(), 64, Overflow::Reopen, 9).await;
    assert_eq!(words, ["up", "hello 1"]);
    assert_eq!(ended.unwrap().to_string(), "test does not accept the login: wrong key");
}

#[tokio::test]
async fn n1_a_silent_line_is_a_dead_one() {
    let watch = Watch { ping_after: Duration::from_millis(40), dead_after: Duration::from_millis(80) };
    let (words, _) = kept(vec![vec!["stay"], vec!["b"]], watch, 64, Overflow::Reopen, 4).await;
    assert_eq!(words[2], "down: silent for 0 s", "{words:?}");
    assert_eq!(words[3], "up");
}

#[tokio::test]
async fn n10_prices_are_dropped_and_order_events_never() {
    let many = || std::iter::repeat_n("x", 200).chain(["stay"]).collect::<Vec<_>>();
    let (words, _) = kept(vec![many()], Watch::default(), 1, Overflow::Drop, 2).await;
    assert!(words.iter().all(|word| !word.starts_with("down")), "{words:?}");
    let (words, _) = kept(vec![many(), vec!["stay"]], Watch::default(), 1, Overflow::Reopen, 3).await;
    let reason = "down: messages are missing: the engine is too slow for them";
    assert!(words.iter().any(|word| word == reason), "{words:?}");
}

#[tokio::test]
async fn a_server_that_refuses_the_upgrade_is_a_refusal_and_secrets_stay_out_of_it() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    for (status, refused) in [("401 Unauthorized", true), ("503 Unavailable", false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/?token=hunter2", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 2048];
            assert!(socket.read(&mut request).await.unwrap() > 0);
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            socket.write_all(answer.as_bytes()).await.unwrap();
        });
        let error = match Line::open(Handshake { url, headers: Vec::new() }, Watch::default()).await {
            Ok(_) => panic!("it opened"),
            Err(error) => error,
        };
        assert_eq!(matches!(error, StreamError::Refused(_)), refused, "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
