//! Keys that are wrong, revoked, read-only; clocks that are off; tokens.

use arbion::brokers::oauth::flow::SignIn;
use arbion::brokers::oauth::keeper::TokenStore as _;
use arbion::brokers::oauth::lockout::Lockout;
use arbion::brokers::oauth::state::States;
use arbion::brokers::oauth::{Binding, paste};
use arbion::brokers::{BrokerError, Credentials, Environment, SubmitOutcome, coinbase};

use super::{Store, connect, connection, credentials, settings, subject_of};
use crate::contract::handle;
use crate::emulators::coinbase::{PORTFOLIO, oauth, start, token};
use crate::emulators::faults::Fault;

#[tokio::test]
async fn both_kinds_of_keys_are_accepted_and_say_what_they_may() {
    let emulator = start(0).await;
    let ed25519 = Credentials::new()
        .with("key_name", emulator.key_name.as_str().into())
        .with("private_key", emulator.ed25519_key.as_str().into());
    for credentials in [credentials(&emulator), ed25519] {
        let connection = connect(&settings(&emulator), &credentials).await.unwrap();
        let accounts = connection.accounts().await.unwrap();
        assert_eq!(accounts.len(), 1);
        let account = &accounts[0];
        assert_eq!((account.key.as_str(), account.last_four.as_str()), (PORTFOLIO, "3333"));
        assert_eq!((account.kind.as_str(), account.trading.clone()), ("default", Ok(())));
        assert_eq!(connection.environment(), Environment::Live);
        assert!(connection.health().limit_left.is_some());
    }
    emulator.knobs().can_transfer = true;
    let accounts = connection(&emulator).await.accounts().await.unwrap();
    assert_eq!(accounts[0].kind, "default, key may transfer");
}

#[tokio::test]
async fn a_key_that_only_reads_cannot_trade_and_says_so() {
    let emulator = start(0).await;
    emulator.knobs().can_trade = false;
    let accounts = connection(&emulator).await.accounts().await.unwrap();
    assert!(accounts[0].trading.as_ref().unwrap_err().contains("permission 'trade'"));
    let (subject, emulator) = subject_of(emulator).await;
    let outcome = subject.submit(&subject.resting()).await;
    let SubmitOutcome::Rejected(reject) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reject.code, "PERMISSION_DENIED");
    assert!(reject.message.contains("Missing required scopes"), "{}", reject.message);
    emulator.knobs().can_view = false;
    let error = connection(&emulator).await.accounts().await.unwrap_err();
    assert!(
        matches!(&error, BrokerError::Unauthorized { reason, .. } if reason.contains("'view'")),
        "{error}"
    );
}

#[tokio::test]
async fn a_revoked_or_foreign_key_is_dead() {
    let emulator = start(0).await;
    let connection = connection(&emulator).await;
    emulator.knobs().revoked = true;
    let error = connection.accounts().await.unwrap_err();
    assert!(matches!(error, BrokerError::Unauthorized { .. }), "{error}");
    emulator.knobs().revoked = false;
    let foreign = Credentials::new()
        .with("key_name", "organizations/x/apiKeys/y".into())
        .with("private_key", emulator.ed25519_key.as_str().into());
    let connection = connect(&settings(&emulator), &foreign).await.unwrap();
    let error = connection.accounts().await.unwrap_err().to_string();
    assert!(error.contains("Unauthorized") && error.contains("make an ECDSA key"), "{error}");
    assert!(!error.contains("organizations"), "{error}");
}

#[tokio::test]
async fn a_bearer_token_works_in_place_of_a_key_and_is_not_signed_anew() {
    let emulator = start(0).await;
    emulator.knobs().bearer = Some("hunter2".into());
    let bearer = Credentials::new().with("access_token", "hunter2".into());
    let connection = connect(&settings(&emulator), &bearer).await.unwrap();
    let accounts = connection.accounts().await.unwrap();
    assert_eq!(accounts.iter().map(|account| account.key.as_str()).collect::<Vec<_>>(), [PORTFOLIO]);
    emulator.knobs().bearer = None;
    emulator.server.take_requests();
    let error = connection.accounts().await.unwrap_err().to_string();
    assert!(error.contains("sign in again") && !error.contains("hunter2"), "{error}");
    assert_eq!(emulator.server.requests().len(), 1);
}

#[tokio::test]
async fn there_is_no_paper_environment_and_no_login_without_a_key() {
    let paper = arbion::brokers::BrokerSettings::new(Environment::Paper);
    let Err(error) = connect(&paper, &Credentials::new()).await else { panic!("connected") };
    assert!(matches!(error, BrokerError::Unsupported { .. }), "{error}");
    let live = arbion::brokers::BrokerSettings::new(Environment::Live);
    let Err(error) = connect(&live, &Credentials::new()).await else { panic!("connected") };
    assert!(matches!(error, BrokerError::Unauthorized { .. }), "{error}");
    assert_eq!(coinbase::fields().len(), 6);
}

#[tokio::test]
async fn a_401_on_an_order_is_signed_anew_and_sent_once_more() {
    let (subject, emulator) = subject_of(start(0).await).await;
    subject.faults.once("POST", "/brokerage/orders", Fault::answer(401, "Unauthorized"));
    subject.accepted(&subject.resting()).await;
    assert_eq!(emulator.exchange.orders().len(), 1);
    let asked = emulator.server.take_requests();
    assert!(asked.iter().any(|request| request.path.ends_with("/time")), "the server's time was asked for");
    let tokens: Vec<_> = asked
        .iter()
        .filter(|request| request.method == "POST")
        .map(|request| request.header("authorization").unwrap().to_owned())
        .collect();
    assert!(tokens.len() == 2 && tokens[0] != tokens[1], "{tokens:?}");
    // Twice is a refusal, and nothing was done.
    subject.faults.times(2, "POST", "/brokerage/orders", Fault::answer(401, "Unauthorized"));
    let outcome = subject.submit(&subject.resting()).await;
    assert!(
        matches!(&outcome, SubmitOutcome::Rejected(reject) if reject.code == "UNAUTHORIZED"),
        "{outcome:?}"
    );
    assert_eq!(emulator.exchange.orders().len(), 1);
}

#[tokio::test]
async fn n9_a_clock_ten_minutes_off_is_corrected_by_the_servers() {
    for skew in [600, -600] {
        let emulator = start(0).await;
        emulator.knobs().skew = skew;
        let (subject, emulator) = subject_of(emulator).await;
        let mut heard = subject.watch().await;
        let order = subject.resting();
        let placed = subject.accepted(&order).await;
        let event = crate::contract::event_of(&mut heard, &placed).await;
        assert!(matches!(event, arbion::domain::execution::OrderEvent::Acknowledged { .. }), "{event:?}");
        assert_eq!(emulator.exchange.orders().len(), 1);
        let found = subject.broker.order(&handle(&order, None)).await.unwrap();
        assert!(found.is_some(), "by our id, off by {skew} s");
        let refused =
            emulator.server.requests().iter().filter(|request| request.path.ends_with("/time")).count();
        assert!(refused <= 2, "asked for the time {refused} times");
    }
}

#[tokio::test]
async fn each_request_has_a_token_of_its_own_for_its_path_alone() {
    let (subject, emulator) = subject_of(start(0).await).await;
    subject.broker.account().await.unwrap();
    subject.broker.orders().await.unwrap();
    let mut nonces = std::collections::BTreeSet::new();
    let requests = emulator.server.requests();
    let now = arbion::brokers::clock::wall().as_second();
    for request in &requests {
        let bearer = request.header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
        let uri = format!("{} {}{}", request.method, emulator.server.address, request.path);
        nonces.insert(token::check(bearer, Some(&uri), now).unwrap());
    }
    assert!(requests.len() >= 4 && nonces.len() == requests.len());
    assert!(requests.iter().any(|request| !request.query.is_empty()));
}

#[tokio::test]
async fn a_stream_that_does_not_accept_the_login_ends() {
    let (subject, emulator) = subject_of(start(0).await).await;
    emulator.knobs().revoked = true;
    let (events, _heard) = tokio::sync::mpsc::channel(16);
    let watching = subject.broker.watch(events);
    let error = tokio::time::timeout(std::time::Duration::from_secs(15), watching).await.unwrap();
    assert!(matches!(error, BrokerError::Unauthorized { .. }), "{error}");
}

/// "Sign in with Coinbase": an access token that ended is refreshed once, the rotated pair is kept before it is used, and streams have it too.
#[tokio::test]
async fn a_sign_in_is_kept_fresh_and_its_rotated_tokens_are_kept() {
    let emulator = start(0).await;
    let mut settings = settings(&emulator);
    settings.urls.insert("oauth_url".into(), emulator.server.url());
    let app = Credentials::new()
        .with("client_id", oauth::CLIENT_ID.into())
        .with("client_secret", oauth::CLIENT_SECRET.into());
    let store = std::sync::Arc::new(Store::default());
    let open = |store: &std::sync::Arc<Store>| {
        coinbase::connect(&settings, &app, "alice", std::sync::Arc::<Store>::clone(store))
    };
    let Err(error) = open(&store).await else { panic!("nobody has signed in") };
    assert!(matches!(&error, BrokerError::Unauthorized { .. }), "{error}");

    // Signs in as a person would.
    let (provider, registered) = coinbase::sign_in(&settings, &app).unwrap().unwrap();
    let redirect = registered.redirect.clone();
    let binding = Binding { profile: "alice".to_owned(), broker: "coinbase", environment: Environment::Live };
    let states = std::sync::Arc::new(States::new().unwrap());
    let mut lockout = Lockout::default();
    let now = arbion::brokers::clock::wall();
    let sign_in = SignIn::begin(provider, registered, binding, states, &lockout, now).unwrap();
    let page = sign_in.url().to_owned();
    let place = tokio::task::spawn_blocking(move || crate::signing_in::browse(&page)).await.unwrap();
    assert!(place.starts_with("http://127.0.0.1:8181/oauth/cb?code="), "{place}");
    let callback = paste::read(&place, &redirect, sign_in.state()).unwrap();
    let line = coinbase::line_to().unwrap();
    let tokens = sign_in.finish(&line, callback, &mut lockout, now).await.unwrap();
    store.save(&tokens.to_text().unwrap()).await.unwrap();

    let connection = open(&store).await.unwrap();
    assert_eq!(connection.accounts().await.unwrap()[0].key, PORTFOLIO);
    // It is taken back there: one refresh for all who ask at once, and the call is made again.
    emulator.knobs().bearer = Some("another".into());
    let asked = (0..20).map(|_| connection.accounts());
    for answer in futures_util::future::join_all(asked).await {
        answer.unwrap();
    }
    assert_eq!(emulator.knobs().given, 2);
    let kept = store.0.lock().unwrap().clone().unwrap();
    assert!(kept.contains("refresh-2") && !kept.contains("refresh-1"), "the new pair is kept");
    // The streams of an account have the token.
    let broker = connection.account(PORTFOLIO, crate::approved::account()).await.unwrap();
    let (events, mut heard) = tokio::sync::mpsc::channel(16);
    let watched = std::sync::Arc::clone(&broker);
    let watch = tokio::spawn(async move { watched.watch(events).await });
    let first = tokio::time::timeout(std::time::Duration::from_secs(20), heard.recv()).await;
    assert!(matches!(first, Ok(Some(arbion::brokers::AccountStream::Up))), "{first:?}");
    watch.abort();
    // A process that comes later goes on with what is kept.
    drop(connection);
    assert_eq!(open(&store).await.unwrap().accounts().await.unwrap().len(), 1);
}
