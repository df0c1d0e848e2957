//! What a broker's own page says of what can go wrong there, and how its emulator is made to do it.

mod bodies;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::emulators::alpaca::AlpacaEmulator;
use crate::emulators::coinbase::CoinbaseEmulator;
use crate::emulators::hyperliquid::HyperliquidEmulator;
use crate::emulators::schwab::SchwabEmulator;

type Turn = Box<dyn Fn() + Send + Sync>;

/// A way in which a login ends while it is used.
pub struct Ending {
    /// In a few words.
    pub name: &'static str,
    /// Ends it.
    pub end: Turn,
    /// Takes it again, where the same line can go on then.
    pub again: Option<Turn>,
    /// How often it was renewed so far, where the connector renews it by itself; nobody sees its end then.
    pub renewed: Option<Box<dyn Fn() -> u64 + Send + Sync>>,
    /// Lists are refused too, not commands alone.
    pub lists: bool,
}

/// A refusal of an order: status and body, our code for it, and a word of its message.
pub struct Refusal {
    pub status: u16,
    pub body: String,
    pub code: &'static str,
    pub says: &'static str,
}

impl Refusal {
    fn new(status: u16, body: impl Into<String>, code: &'static str, says: &'static str) -> Self {
        Self { status, body: body.into(), code, says }
    }
}

/// All of it for one broker.
pub struct Sheet {
    /// Sets the broker's clock so many seconds beside ours.
    pub skew: Box<dyn Fn(i64) + Send + Sync>,
    /// Every way in which its login ends.
    pub endings: Vec<Ending>,
    /// Every shape in which it refuses an order.
    pub refusals: Vec<Refusal>,
}

/// Keys in headers.
pub fn alpaca(emulator: &AlpacaEmulator) -> Sheet {
    let (books, faults) = (emulator.exchange.clone(), emulator.server.faults.clone());
    let skew = move |seconds: i64| {
        books.skew(seconds * 1_000);
        faults.skew(seconds);
    };
    let (desk, good) = (emulator.desk.clone(), emulator.secret_key.clone());
    let keys = |key: String| -> Turn {
        let desk = desk.clone();
        Box::new(move || desk.state().secret_key.clone_from(&key))
    };
    let revoked = Ending {
        name: "keys that are revoked",
        end: keys("another".to_owned()),
        again: Some(keys(good)),
        renewed: None,
        lists: true,
    };
    Sheet { skew: Box::new(skew), endings: vec![revoked], refusals: bodies::alpaca() }
}

/// An access token that is renewed, and a sign-in that ends.
pub fn schwab(emulator: &SchwabEmulator) -> Sheet {
    let (books, faults) = (emulator.exchange.clone(), emulator.server.faults.clone());
    let skew = move |seconds: i64| {
        books.skew(seconds * 1_000);
        faults.skew(seconds);
    };
    let (expiring, counting, ending) =
        (Arc::clone(&emulator.desk), Arc::clone(&emulator.desk), Arc::clone(&emulator.desk));
    let expired = Ending {
        name: "an access token that expires",
        end: Box::new(move || expiring.access.lock().unwrap().clear()),
        again: None,
        renewed: Some(Box::new(move || counting.refreshes.load(Ordering::SeqCst))),
        lists: true,
    };
    let over = Ending {
        name: "a sign-in that is over",
        end: Box::new(move || {
            "gone".clone_into(&mut ending.refresh.lock().unwrap());
            ending.access.lock().unwrap().clear();
        }),
        // A person has to sign in.
        again: None,
        renewed: None,
        lists: true,
    };
    Sheet { skew: Box::new(skew), endings: vec![expired, over], refusals: bodies::schwab() }
}

/// A key that signs each request.
pub fn coinbase(emulator: &Arc<CoinbaseEmulator>) -> Sheet {
    let clock = Arc::clone(emulator);
    let skew = move |seconds: i64| {
        clock.exchange.skew(seconds * 1_000);
        clock.knobs().skew = seconds;
    };
    let revoked = |revoked: bool| -> Turn {
        let emulator = Arc::clone(emulator);
        Box::new(move || emulator.knobs().revoked = revoked)
    };
    let ending = Ending {
        name: "a key that is revoked",
        end: revoked(true),
        again: Some(revoked(false)),
        renewed: None,
        lists: true,
    };
    Sheet { skew: Box::new(skew), endings: vec![ending], refusals: bodies::coinbase() }
}

/// An agent that signs for the account; what is listed, anybody may read.
pub fn hyperliquid(emulator: &Arc<HyperliquidEmulator>) -> Sheet {
    let clock = Arc::clone(emulator);
    let skew = move |seconds: i64| {
        clock.exchange.skew(seconds * 1_000);
        clock.desk.state().skew_ms = seconds * 1_000;
    };
    let agents = emulator.desk.state().agents.clone();
    let (ending, giving) = (Arc::clone(emulator), Arc::clone(emulator));
    let revoked = Ending {
        name: "an agent that is revoked",
        end: Box::new(move || ending.desk.state().agents.clear()),
        again: Some(Box::new(move || giving.desk.state().agents.clone_from(&agents))),
        renewed: None,
        lists: false,
    };
    Sheet { skew: Box::new(skew), endings: vec![revoked], refusals: bodies::hyperliquid() }
}
