use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use super::super::OauthError;
use super::super::keeper::{Keeper, LoginStatus, Parts, TokenStore, Turn};
use super::super::tokens::Tokens;
use super::server::Server;
use super::{app, at, binding, provider};
use crate::brokers::BrokerError;
use crate::brokers::http::{Call, Http};

#[derive(Default)]
struct Store {
    text: Mutex<Option<String>>,
    full: AtomicBool,
    saves: AtomicUsize,
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[async_trait]
impl TokenStore for Store {
    async fn load(&self) -> Result<Option<SecretString>, String> {
        Ok(self.text.lock().unwrap().clone().map(Into::into))
    }

    async fn save(&self, text: &SecretString) -> Result<(), String> {
        if self.full.load(Ordering::SeqCst) {
            return Err("the disk is full".to_owned());
        }
        self.saves.fetch_add(1, Ordering::SeqCst);
        *self.text.lock().unwrap() = Some(text.expose_secret().to_owned());
        Ok(())
    }

    async fn turn(&self) -> Result<Turn, String> {
        let wait = tokio::time::timeout(Duration::from_secs(2), Arc::clone(&self.turn).lock_owned());
        wait.await.map(Turn::holding).map_err(|_| "another process has it".to_owned())
    }
}

fn tokens(access: &str, refresh: &str) -> Tokens {
    Tokens {
        binding: binding(),
        access: access.into(),
        given_at: at(0),
        access_until: at(1_800),
        refresh: Some(refresh.into()),
        login_at: at(0),
        login_until: Some(at(7 * 86_400)),
        scopes: None,
    }
}

struct World {
    server: Server,
    store: Arc<Store>,
    now: Arc<AtomicI64>,
    base: String,
}

impl World {
    async fn new(rotates: bool) -> Self {
        let server = Server { rotates, ..Server::default() };
        *server.good.lock().unwrap() = "R0".to_owned();
        let base = server.clone().start().await;
        let store = Arc::new(Store::default());
        store.save(&tokens("A0", "R0").to_text().unwrap()).await.unwrap();
        Self { server, store, now: Arc::default(), base }
    }

    async fn keeper(&self) -> Keeper {
        let now = Arc::clone(&self.now);
        let parts = Parts {
            http: Arc::new(Http::new("schwab", &[]).unwrap()),
            provider: provider(&self.base, false),
            app: app(),
            binding: binding(),
            store: Arc::clone(&self.store) as Arc<dyn TokenStore>,
            clock: Arc::new(move || at(now.load(Ordering::SeqCst))),
        };
        Keeper::open(parts).await.unwrap()
    }

    fn at(&self, second: i64) {
        self.now.store(second, Ordering::SeqCst);
    }

    fn kept_refresh(&self) -> String {
        let text = self.store.text.lock().unwrap().clone().unwrap();
        Tokens::from_text(&text.into(), &binding()).unwrap().refresh.unwrap().expose_secret().to_owned()
    }
}

async fn token(keeper: &Keeper) -> String {
    keeper.access().await.unwrap().token.expose_secret().to_owned()
}

#[tokio::test]
async fn n6_fifty_refused_calls_make_one_refresh() {
    for rotates in [false, true] {
        let world = World::new(rotates).await;
        *world.server.delay.lock().unwrap() = Duration::from_millis(50);
        let keeper = world.keeper().await;
        let used = keeper.access().await.unwrap();
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (keeper, used) = (keeper.clone(), used.clone());
            calls.spawn(async move { keeper.refused(&used).await.unwrap().token.expose_secret().to_owned() });
        }
        let got = calls.join_all().await;
        assert!(got.len() == 50 && got.iter().all(|token| token == "A1"), "{got:?}");
        assert_eq!(world.server.count(), 1);
    }
}

/// Two processes with one login: whoever comes second with a refresh token that is good once is refused, and has what the first one kept.
#[tokio::test]
async fn n6_a_refresh_of_another_process_is_taken_over() {
    let world = World::new(true).await;
    let keeper = world.keeper().await;
    let used = keeper.access().await.unwrap();
    *world.server.good.lock().unwrap() = "R5".to_owned();
    let store = Arc::clone(&world.store);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        store.save(&tokens("A5", "R5").to_text().unwrap()).await.unwrap();
    });
    assert_eq!(keeper.refused(&used).await.unwrap().token.expose_secret(), "A5");
    assert_eq!(*keeper.status().borrow(), LoginStatus::Good);
    // Nobody kept anything else: the login has ended.
    let used = keeper.access().await.unwrap();
    *world.server.good.lock().unwrap() = "R9".to_owned();
    assert!(matches!(keeper.refused(&used).await, Err(OauthError::LoginNeeded { .. })));
}

/// A refresh token that is good for one use is used once, however many processes have it: a server may end the login that uses it twice.
#[tokio::test]
async fn n6_processes_refresh_by_turns() {
    let world = World::new(true).await;
    *world.server.delay.lock().unwrap() = Duration::from_millis(100);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let keeper = world.keeper().await;
        calls.spawn(async move {
            let used = keeper.access().await.unwrap();
            keeper.refused(&used).await.unwrap().token.expose_secret().to_owned()
        });
    }
    assert!(calls.join_all().await.iter().all(|token| token == "A1"));
    assert_eq!((world.server.count(), world.kept_refresh().as_str()), (1, "R1"));
    // One that never ends does not let the others spend the token beside it.
    let held = Arc::clone(&world.store.turn).lock_owned().await;
    let keeper = world.keeper().await;
    world.at(4_000);
    let error = keeper.access().await.err().unwrap();
    assert!(matches!(&error, OauthError::Transient { reason, .. } if reason.contains("another process")));
    assert_eq!(world.server.count(), 1);
    drop(held);
}

/// A person signs in anew, or takes the login away, while the old one is refreshed: what comes of that refresh is not put in its place.
#[tokio::test]
async fn n6_a_new_login_is_not_overwritten_by_the_refresh_of_the_old_one() {
    let world = World::new(true).await;
    *world.server.delay.lock().unwrap() = Duration::from_millis(200);
    let keeper = world.keeper().await;
    let used = keeper.access().await.unwrap();
    let asked = tokio::spawn({
        let keeper = keeper.clone();
        async move { keeper.refused(&used).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let new = Tokens { login_at: at(60), ..tokens("A9", "R9") };
    world.store.save(&new.to_text().unwrap()).await.unwrap();
    assert_eq!(asked.await.unwrap().unwrap().token.expose_secret(), "A9");
    assert_eq!(world.kept_refresh(), "R9");
    *world.server.good.lock().unwrap() = "R9".to_owned();
    let used = keeper.access().await.unwrap();
    let asked = tokio::spawn(async move { keeper.refused(&used).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    *world.store.text.lock().unwrap() = None;
    assert!(matches!(asked.await.unwrap(), Err(OauthError::LoginNeeded { .. })));
    assert!(world.store.text.lock().unwrap().is_none(), "what was wiped stays wiped");
}

/// A token endpoint that hangs holds up no order while the token before is good, and every call once it is not.
#[tokio::test]
async fn n6_a_refresh_that_hangs_holds_up_nobody_who_has_a_token() {
    let world = World::new(true).await;
    *world.server.delay.lock().unwrap() = Duration::from_secs(4);
    let keeper = world.keeper().await;
    world.at(1_500);
    let began = std::time::Instant::now();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let keeper = keeper.clone();
        calls.spawn(async move { token(&keeper).await });
    }
    assert!(calls.join_all().await.iter().all(|token| token == "A0"));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    // A token that was refused is good for nobody: this waits for the refresh that is on its way.
    let used = keeper.access().await.unwrap();
    assert_eq!(keeper.refused(&used).await.unwrap().token.expose_secret(), "A1");
    assert_eq!((token(&keeper).await.as_str(), world.server.count()), ("A1", 1));
}

#[tokio::test]
async fn n6_a_hundred_callers_at_the_end_of_a_token_make_one_refresh() {
    let world = World::new(true).await;
    *world.server.delay.lock().unwrap() = Duration::from_millis(50);
    let keeper = world.keeper().await;
    world.at(1_499);
    assert_eq!(token(&keeper).await, "A0");
    assert_eq!(world.server.count(), 0);
    world.at(1_500);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let keeper = keeper.clone();
        calls.spawn(async move { token(&keeper).await });
    }
    assert!(calls.join_all().await.iter().all(|token| token == "A1"));
    assert_eq!(world.server.count(), 1);
}

#[tokio::test]
async fn n6_fifty_refused_calls_and_a_server_that_is_down_ask_it_no_oftener() {
    let world = World::new(false).await;
    for _ in 0..4 {
        world.server.answer(503, "");
    }
    let keeper = world.keeper().await;
    let used = keeper.access().await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (keeper, used) = (keeper.clone(), used.clone());
        calls.spawn(async move { keeper.refused(&used).await.err().unwrap() });
    }
    assert!(calls.join_all().await.iter().all(|error| matches!(error, OauthError::Transient { .. })));
    assert_eq!(world.server.count(), 2, "one try and one more");
    assert!(matches!(&*keeper.status().borrow(), LoginStatus::Waiting(_)));
    // The old token is used while it lasts, and it goes on by itself.
    world.at(1_600);
    assert_eq!(token(&keeper).await, "A0");
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.server.answers.lock().unwrap().clear();
    assert_eq!(token(&keeper).await, "A3");
    assert_eq!(*keeper.status().borrow(), LoginStatus::Good);
}

#[tokio::test]
async fn n6_a_rotated_token_is_kept_before_the_new_one_is_used() {
    let world = World::new(true).await;
    let keeper = world.keeper().await;
    world.at(1_790);
    world.store.full.store(true, Ordering::SeqCst);
    assert_eq!(token(&keeper).await, "A0", "the new one is not used");
    world.at(1_801);
    let error = keeper.access().await.err().unwrap();
    assert!(matches!(error, OauthError::NotKept { .. }), "{error}");
    assert!(matches!(keeper.as_broker_error(&error), BrokerError::Unreachable { .. }));
    assert_eq!(world.server.count(), 1, "and the only good refresh token is not spent again");
    world.store.full.store(false, Ordering::SeqCst);
    assert_eq!((token(&keeper).await, world.kept_refresh()), ("A1".to_owned(), "R1".to_owned()));
    assert_eq!(world.server.count(), 1);
}

#[tokio::test]
async fn n6_a_caller_that_gives_up_takes_no_token_with_it() {
    let world = World::new(true).await;
    *world.server.delay.lock().unwrap() = Duration::from_millis(100);
    let keeper = world.keeper().await;
    world.at(1_900);
    let gave_up = tokio::time::timeout(Duration::from_millis(20), keeper.access()).await;
    assert!(gave_up.is_err());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.kept_refresh(), "R1", "it ran to its end");
    assert_eq!((token(&keeper).await.as_str(), world.server.count()), ("A1", 1));
}

#[tokio::test]
async fn n6_killed_between_answer_and_vault_the_old_token_is_tried_once() {
    let world = World::new(true).await;
    // The server has rotated, and the process was killed before the vault had it.
    *world.server.good.lock().unwrap() = "R-lost".to_owned();
    world.at(1_900);
    let keeper = world.keeper().await;
    for _ in 0..3 {
        let error = keeper.access().await.err().unwrap();
        assert!(matches!(error, OauthError::LoginNeeded { .. }), "{error}");
        assert!(matches!(keeper.as_broker_error(&error), BrokerError::Unauthorized { .. }));
    }
    assert_eq!(world.server.count(), 1, "once");
    assert!(matches!(&*keeper.status().borrow(), LoginStatus::Needed(_)));
    assert_eq!(world.kept_refresh(), "R0");
    // A person signs in.
    *world.server.good.lock().unwrap() = "R9".to_owned();
    let new = Tokens { given_at: at(1_900), access_until: at(3_700), ..tokens("A9", "R9") };
    keeper.adopt(new).await.unwrap();
    assert_eq!((token(&keeper).await.as_str(), world.kept_refresh().as_str()), ("A9", "R9"));
    assert_eq!(*keeper.status().borrow(), LoginStatus::Good);
}

#[tokio::test]
async fn n6_killed_after_the_vault_the_new_token_is_there() {
    let world = World::new(true).await;
    world.at(1_500);
    assert_eq!(token(&world.keeper().await).await, "A1");
    assert_eq!((token(&world.keeper().await).await.as_str(), world.server.count()), ("A1", 1));
}

#[tokio::test]
async fn n6_what_somebody_else_has_refreshed_is_taken_over() {
    let world = World::new(true).await;
    let (first, second) = (world.keeper().await, world.keeper().await);
    world.at(1_500);
    assert_eq!(token(&first).await, "A1");
    assert_eq!(token(&second).await, "A1", "read anew before it refreshes");
    assert_eq!(world.server.count(), 1);
    // Taken away: nothing is refreshed, nothing is kept again.
    *world.store.text.lock().unwrap() = None;
    world.at(4_000);
    assert!(matches!(first.access().await, Err(OauthError::LoginNeeded { .. })));
    assert_eq!((world.server.count(), world.store.text.lock().unwrap().is_none()), (1, true));
}

#[tokio::test]
async fn n6_an_unchanged_refresh_token_needs_no_disk_to_go_on() {
    let world = World::new(false).await;
    let keeper = world.keeper().await;
    world.at(1_500);
    world.store.full.store(true, Ordering::SeqCst);
    assert_eq!(token(&keeper).await, "A1");
}

#[tokio::test]
async fn n6_it_is_kept_fresh_with_nobody_asking() {
    let world = World::new(true).await;
    world.at(1_499);
    let keeper = world.keeper().await;
    keeper.keep_fresh();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.server.count(), 0);
    world.at(1_500);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while world.kept_refresh() != "R1" {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(keeper.countdown().unwrap().left.as_hours(), 167);
}

#[tokio::test]
async fn a_401_refreshes_once_and_a_second_one_is_the_end() {
    use axum::http::{HeaderMap, StatusCode};
    let world = World::new(true).await;
    let keeper = world.keeper().await;
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let saw = Arc::clone(&seen);
    let router = axum::Router::new().route(
        "/x",
        axum::routing::post(move |headers: HeaderMap| async move {
            let who = headers["authorization"].to_str().unwrap().to_owned();
            saw.lock().unwrap().push(who.clone());
            if who == "Bearer A1" { StatusCode::OK } else { StatusCode::UNAUTHORIZED }
        }),
    );
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", socket.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
    let http = Http::new("schwab", &[]).unwrap();
    let send = || {
        keeper.send(&http, Call::order("x", "x"), |client, token| {
            Ok(client.post(&url).bearer_auth(token.expose_secret()))
        })
    };
    assert_eq!(send().await.unwrap().status.as_u16(), 200);
    assert_eq!(*seen.lock().unwrap(), ["Bearer A0", "Bearer A1"]);
    world.at(1_800);
    let error = send().await.unwrap_err();
    assert!(matches!(error, BrokerError::Unauthorized { .. }), "{error}");
    assert_eq!(*seen.lock().unwrap(), ["Bearer A0", "Bearer A1", "Bearer A2", "Bearer A3"], "no third time");
}
