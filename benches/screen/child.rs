//! The screen in a process of its own over a scripted engine that sends so many pictures a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arbion::client::{Reply, Request, Session, SessionError};
use arbion::domain::money::Price;
use arbion::domain::snapshot::Snapshot;
use arbion::tui::{Options, run as run_screen};
use async_trait::async_trait;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use tokio::sync::watch;

use super::{scripted, trading_day};

/// How often pictures are made: those that are due since.
const EVERY: Duration = Duration::from_millis(1);
/// The thread whose time is not the screen's.
pub const MARKET: &str = "market";

struct Scripted(watch::Receiver<Arc<Snapshot>>);

#[async_trait]
impl Session for Scripted {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.clone()
    }

    async fn request(&self, request: Request) -> Result<Reply, SessionError> {
        scripted::answer(&request, &self.0.borrow())
    }
}

/// Seconds that the machine has been up: a clock that two processes share.
pub fn uptime() -> f64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// A picture later: one symbol of the list has moved by a tick.
fn next(before: &Snapshot, step: u64, now: f64) -> Snapshot {
    let mut next = before.clone();
    next.seq += 1;
    next.now += SignedDuration::from_millis(1);
    next.profile = format!("at {now:.2}").into();
    let list = &before.watchlists[0].instruments;
    let instrument = &list[step as usize % list.len()];
    let mut quotes = (*before.quotes).clone();
    if let (Some(quote), Some(spec)) = (quotes.get_mut(instrument), before.specs.get(instrument))
        && let Some(last) = quote.last
    {
        let up = (step / list.len() as u64).is_multiple_of(2);
        let tick = spec.tick_at(last) * if up { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
        let moved = Price::new(last.get() + tick);
        (quote.last, quote.as_of) = (Some(moved), next.now);
        (quote.bid, quote.ask) =
            (Some(Price::new(moved.get() - tick.abs())), Some(Price::new(moved.get() + tick.abs())));
    }
    next.quotes = Arc::new(quotes);
    next
}

fn market(sender: &watch::Sender<Arc<Snapshot>>, rate: u64) {
    let (start, mut sent) = (Instant::now(), 0);
    while !sender.is_closed() {
        std::thread::park_timeout(EVERY);
        let due = start.elapsed().as_millis() as u64 * rate / 1_000;
        let now = uptime();
        while sent < due {
            sender.send_modify(|snapshot| *snapshot = Arc::new(next(snapshot, sent, now)));
            sent += 1;
        }
    }
}

/// Runs the screen until it is left.
pub fn run(rate: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (sender, snapshots) = watch::channel(Arc::new(trading_day::snapshot()));
    if rate > 0 {
        std::thread::Builder::new().name(MARKET.to_owned()).spawn(move || market(&sender, rate)).unwrap();
    } else {
        // The engine is there, and has nothing to tell.
        std::mem::forget(sender);
    }
    let options = Options::new(Arc::new(|text: &str, _: &_| scripted::understand(text)));
    let result = runtime.block_on(run_screen(Arc::new(Scripted(snapshots)), options));
    runtime.shutdown_background();
    std::process::exit(if result.is_ok() { 0 } else { 70 });
}
