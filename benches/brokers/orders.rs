//! An order on its way out: from the call to the first byte that the server sees, and what it takes of the client's time beside the official
//! Python client, against the same server in the same run: the whole call without the time from that byte to the answer's last. Nothing is
//! written to disk. Either client shares one core with the server, so that what is measured is the client and not how long it takes to wake
//! another core up, which varies between runs and can be twice what our client does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use arbion::brokers::alpaca::connect;
use arbion::brokers::{BrokerSettings, Connection, Credentials, Environment, SubmitOutcome};
use arbion::domain::ids::ClientOrderId;
use arbion::domain::instrument::Instrument;
use arbion::domain::money::Quantity;
use arbion::domain::order::{OrderRequest, OrderSubject, Origin, OriginKind, Pricing, Side};

use crate::approved::{account, approve};
use crate::measure::{micros, percentile, row};

/// Logins of a run, and orders of each: no more than the broker allows at once. The first of them find the line.
const LINES: usize = 10;
const EACH: usize = 120;
const WARM: usize = 20;
/// Orders of the official client, of which 50 find the line.
const THEIRS: usize = 250;
const NUMBER: &str = "PA3TEST00001";
/// The venv that `tests/oracle/run` makes.
const PYTHON: &str = "target/oracle/bin/python";

/// What alpaca-py takes for each order, in seconds by the clock: one line.
const CLIENT: &str = r#"
import statistics, sys, time
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest
client = TradingClient("PKTEST", "SECRET", paper=True, url_override=sys.argv[1])
times = []
for number in range(int(sys.argv[2])):
    order = LimitOrderRequest(symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=90, client_order_id=f"o{number}")
    began = time.perf_counter()
    client.submit_order(order)
    times.append(time.perf_counter() - began)
print(statistics.median(times[50:]))
"#;

fn answer(path: &str) -> String {
    let body = if path.starts_with("/v2/account") {
        format!(
            r#"{{"id":"a11c0000-0001-4000-8000-000000000001","account_number":"{NUMBER}","status":"ACTIVE","currency":"USD","cash":"100000","equity":"100000","buying_power":"200000","multiplier":"2"}}"#
        )
    } else {
        r#"{"id":"a11c0000-0001-4000-8000-000000000002","client_order_id":"o","created_at":"2026-07-01T14:00:00Z","updated_at":"2026-07-01T14:00:00Z","submitted_at":"2026-07-01T14:00:00Z","asset_id":"a11c0000-0001-4000-8000-000000000003","symbol":"AAPL","asset_class":"us_equity","qty":"1","filled_qty":"0","order_class":"","order_type":"limit","type":"limit","side":"buy","time_in_force":"day","limit_price":"90","status":"accepted","extended_hours":false}"#.to_owned()
    };
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An order as the server had it.
struct Served {
    /// Its first byte came.
    began: Instant,
    /// Its answer was written.
    ended: Instant,
}

/// One connection: answers, and tells of each order.
fn serve(mut line: TcpStream, seen: &mpsc::Sender<Served>) {
    line.set_nodelay(true).unwrap();
    let mut request: Vec<u8> = Vec::new();
    let mut piece = [0_u8; 16_384];
    let mut began = None;
    loop {
        let count = match line.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        began.get_or_insert_with(Instant::now);
        request.extend_from_slice(&piece[..count]);
        let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok())
            .unwrap_or_default();
        if request.len() < end + 4 + length {
            continue;
        }
        request.drain(..end + 4 + length);
        let began = began.take().unwrap_or_else(Instant::now);
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        if line.write_all(answer(&path).as_bytes()).is_err() {
            return;
        }
        if head.starts_with("post") && seen.send(Served { began, ended: Instant::now() }).is_err() {
            return;
        }
    }
}

fn order(number: u64) -> OrderRequest {
    OrderRequest::plain(
        ClientOrderId::from_parts(1_790_000_000_000 + number, number.into()),
        account(),
        Origin::person(OriginKind::Cli),
        OrderSubject::Instrument(Instrument::equity("AAPL").unwrap()),
        Side::Buy,
        Quantity::from(1),
        Pricing::Limit { limit_price: "90".parse().unwrap() },
    )
}

/// Times to the first byte, and the client's of the whole.
async fn ours(url: &str, seen: &mpsc::Receiver<Served>) -> (Vec<Duration>, Vec<Duration>) {
    let mut settings = BrokerSettings::new(Environment::Paper);
    settings.urls.insert("base_url".to_owned(), url.to_owned());
    let keys = Credentials::new().with("key_id", "PKTEST".into()).with("secret_key", "SECRET".into());
    let (mut first, mut whole) = (Vec::new(), Vec::new());
    for login in 0..LINES {
        let line: std::sync::Arc<dyn Connection> = connect(&settings, &keys).await.unwrap();
        let broker = line.account(NUMBER, account()).await.unwrap();
        for number in 0..EACH {
            let order = approve(order((login * EACH + number) as u64));
            let began = Instant::now();
            let outcome = broker.submit(order).await;
            let took = began.elapsed();
            assert!(matches!(outcome, SubmitOutcome::Acknowledged(_)), "{outcome:?}");
            let served = seen.recv().unwrap();
            if number >= WARM {
                first.push(served.began.saturating_duration_since(began));
                whole.push(took.saturating_sub(served.ended - served.began));
            }
        }
    }
    (first, whole)
}

/// The median of the official client, where it is installed.
fn theirs(url: &str, seen: &mpsc::Receiver<Served>) -> Option<Duration> {
    if !Path::new(PYTHON).exists() {
        return None;
    }
    let output = Command::new(PYTHON).args(["-I", "-c", CLIENT, url, &THEIRS.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let whole = Duration::from_secs_f64(text.trim().parse().ok()?);
    let mut served: Vec<Duration> = seen.try_iter().map(|order| order.ended - order.began).collect();
    Some(whole.saturating_sub(percentile(&mut served, 50)))
}

/// Holds this thread, and the threads and programs that it starts, to one core.
#[cfg(target_os = "linux")]
fn stay_on_one_core() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let allowed = sched_getaffinity(None).unwrap();
    let first = (0..CpuSet::MAX_CPU).find(|core| allowed.is_set(*core)).unwrap();
    let mut one = CpuSet::new();
    one.set(first);
    sched_setaffinity(None, &one).unwrap();
}

#[cfg(not(target_os = "linux"))]
fn stay_on_one_core() {}

pub fn run() {
    // Of a thread of its own: other parts have all cores.
    std::thread::spawn(|| {
        stay_on_one_core();
        compare();
    })
    .join()
    .unwrap();
}

fn compare() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, seen) = mpsc::channel();
    std::thread::spawn(move || {
        for line in listener.incoming().flatten() {
            let tell = tell.clone();
            std::thread::spawn(move || serve(line, &tell));
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut first, mut whole) = runtime.block_on(ours(&url, &seen));
    let p99 = percentile(&mut first, 99);
    row("alpaca: an order, from the call to the first byte, p99", micros(p99), "< 500 us");
    let median = percentile(&mut whole, 50);
    row("alpaca: an order and its answer, the client's time, median", micros(median), "");
    match theirs(&url, &seen) {
        Some(them) => {
            let times = them.as_secs_f64() / median.as_secs_f64();
            row("the same by alpaca-py", micros(them), "");
            row("alpaca-py takes so many times longer", format!("{times:.1}"), "10");
        }
        None => row("alpaca-py", "not installed: tests/oracle/run".to_owned(), "10"),
    }
}
