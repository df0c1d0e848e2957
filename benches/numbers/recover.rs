//! A killed engine, and how long until the next one has compared its books with the broker's.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use arbion::client::remote::{self, RemoteSession, Terms};
use arbion::client::wire::ClientKind;
use arbion::client::{Request, Session};
use arbion::domain::order::OriginKind;

use super::measure::{millis, percentile, row};

const KILLS: usize = 20;
/// Working orders that the next start finds: fewer than risk lets out by itself.
const ORDERS: usize = 18;

pub fn run() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut engine = start(home.path());
        let session = attach(home.path()).await;
        for _ in 0..ORDERS {
            session.request(order()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        let mut times = Vec::new();
        for _ in 0..KILLS {
            engine.kill().unwrap();
            let killed = Instant::now();
            engine.wait().unwrap();
            engine = start(home.path());
            let session = attach(home.path()).await;
            let mut pictures = session.snapshots();
            let reconciled = |picture: &arbion::domain::snapshot::Snapshot| {
                picture.connections.iter().any(|connection| connection.text.contains("reconciled"))
            };
            while !reconciled(&pictures.borrow_and_update()) {
                pictures.changed().await.unwrap();
            }
            times.push(killed.elapsed());
        }
        engine.kill().unwrap();
        engine.wait().unwrap();
        row(
            "engine: killed to reconciled, 18 orders at work, median",
            millis(percentile(&mut times, 50)),
            "1000 ms",
        );
        row("  the slowest of 20", millis(percentile(&mut times, 100)), "1000 ms");
    });
}

fn start(home: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arbion"));
    command.args(["engine", "run"]).env("ARBION_HOME", home);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

async fn attach(home: &Path) -> RemoteSession {
    let terms = Terms {
        path: home.join("run/default.sock"),
        client: ClientKind::Screen,
        build: "bench".to_owned(),
        uid: std::fs::metadata(home).unwrap().uid(),
        actor: None,
        patience: Some(Duration::from_secs(20)),
    };
    loop {
        if let Ok(session) = remote::attach(terms.clone()).await {
            return session;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn order() -> Request {
    let json = r#"{"intent":"place","side":"buy","instrument":{"kind":"equity","symbol":"KO"},"quantity":"1","order_type":"limit","limit_price":"1","time_in_force":"gtc"}"#;
    Request::Execute {
        command: serde_json::from_str(json).unwrap(),
        origin: OriginKind::Cli,
        account: None,
        confirmation_hash: None,
        allow_duplicate: true,
        wait: true,
    }
}
