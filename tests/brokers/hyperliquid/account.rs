//! The account: every kind of order, every refusal, keys that are wrong, money.

use std::sync::Arc;

use arbion::brokers::hyperliquid::{Hyperliquid, approve_agent};
use arbion::brokers::{Broker, BrokerError, BrokerKind, Connection, SubmitOutcome};
use arbion::domain::account::AccountMode;
use arbion::domain::execution::{ExecutionKind, Reject};
use arbion::domain::money::{Price, Quantity};
use arbion::domain::order::{
    BracketExit, OrderRequest, OrderStatus, Pricing, Side, TimeInForce, TradingSession,
};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use secrecy::ExposeSecret;

use super::{ground, instrument, of};
use crate::approved::{account as account_id, approve};
use crate::contract::{Subject, handle, price};
use crate::emulators::exchange::Status;
use crate::emulators::faults::Fault;
use crate::emulators::hyperliquid::{AGENT_KEY, MASTER_KEY, STRANGER_KEY, SUB_ACCOUNT, VAULT, master};

fn limit(text: &str) -> Pricing {
    Pricing::Limit { limit_price: price(text) }
}

async fn rejected(subject: &Subject, order: &OrderRequest) -> Reject {
    match subject.submit(order).await {
        SubmitOutcome::Rejected(reject) => reject,
        other => panic!("{order:?}: {other:?}"),
    }
}

#[tokio::test]
async fn an_agent_trades_for_its_master_and_his_sub_accounts_and_vault() {
    let ground = ground().await.with("vault_address", VAULT);
    let login = ground.login(AGENT_KEY);
    let accounts = login.accounts().await.unwrap();
    let keys: Vec<&str> = accounts.iter().map(|account| account.key.as_str()).collect();
    assert_eq!(keys, [master().as_str(), SUB_ACCOUNT, VAULT]);
    assert_eq!(accounts[0].last_four, "9325");
    assert_eq!(accounts[1].kind, "sub-account second");
    assert!(accounts.iter().all(|account| account.trading.is_ok()));
    assert_eq!(login.broker(), BrokerKind::Hyperliquid);
    let subject = ground.subject().await;
    for (key, signed_for) in [(SUB_ACCOUNT, Some(SUB_ACCOUNT)), (VAULT, Some(VAULT)), (&master(), None)] {
        ground.posted("");
        let broker = login.open(key, account_id()).await.unwrap();
        let outcome = broker.submit(approve(subject.resting())).await;
        assert!(matches!(outcome, SubmitOutcome::Acknowledged(_)), "{key}: {outcome:?}");
        let body = &ground.posted("/exchange")[0];
        assert_eq!(body["vaultAddress"].as_str(), signed_for, "{key}");
        // Reads are about the account, never about the agent.
        broker.orders().await.unwrap();
        assert!(ground.posted("/info").iter().all(|body| body["user"].as_str() == Some(key)), "{key}");
    }
    let stranger = login.open("0x1111111111111111111111111111111111111111", account_id()).await.unwrap();
    let outcome = stranger.submit(approve(subject.resting())).await;
    assert!(matches!(outcome, SubmitOutcome::Rejected(reject) if reject.code == "vaultNotRegistered"));
    assert!(matches!(login.open("nobody", account_id()).await, Err(BrokerError::NotFound { .. })));
}

#[tokio::test]
async fn keys_that_are_wrong_revoked_expired_or_of_the_other_network_are_told_apart() {
    let ground = ground().await;
    let error = ground.login(STRANGER_KEY).accounts().await.unwrap_err();
    assert!(
        matches!(&error, BrokerError::Unauthorized { reason, .. } if reason.contains("on testnet")),
        "{error}"
    );
    // The master's own key works, and says what it can do besides.
    let own = ground.login(MASTER_KEY).accounts().await.unwrap();
    assert!(own[0].kind.contains("may also withdraw"), "{own:?}");
    // The end of the approval comes near, then is there.
    let subject = ground.subject().await;
    let login = ground.login(AGENT_KEY);
    ground.emulator.desk.state().agent_until = Some(1_600_000_000_000);
    let accounts = login.accounts().await.unwrap();
    assert!(accounts[0].trading.as_ref().unwrap_err().contains("ended 2020-09-13"), "{accounts:?}");
    assert_eq!(rejected(&subject, &subject.resting()).await.code, "UNAUTHORIZED");
    ground.emulator.desk.state().agent_until = None;
    // Signed for the other network: to the venue that is somebody else.
    ground.emulator.desk.state().mainnet = true;
    let reject = rejected(&subject, &subject.resting()).await;
    assert!(reject.code == "UNAUTHORIZED" && reject.message.contains("other network"), "{reject:?}");
    ground.emulator.desk.state().mainnet = false;
    ground.emulator.desk.state().agents.clear();
    let error = login.accounts().await.unwrap_err();
    assert!(matches!(error, BrokerError::Unauthorized { .. }), "{error}");
    assert!(ground.emulator.exchange.orders().is_empty());
    for bad in ["", "hunter2", "0x12"] {
        let credentials = arbion::brokers::Credentials::new().with("private_key", bad.into());
        let error = Hyperliquid::new(&ground.settings, &credentials).unwrap_err();
        assert!(matches!(error, BrokerError::Unauthorized { .. }) && !error.to_string().contains("hunter2"));
    }
    let error = Hyperliquid::new(&ground.settings, &arbion::brokers::Credentials::new()).unwrap_err();
    assert_eq!(error.to_string(), "hyperliquid does not accept the login: there is no private_key");
}

#[tokio::test]
async fn an_account_address_that_the_key_has_no_business_with_is_refused() {
    let ground = ground().await.with("account_address", SUB_ACCOUNT);
    assert_eq!(ground.login(AGENT_KEY).accounts().await.unwrap().len(), 1);
    let ground = ground.with("account_address", "0x2222222222222222222222222222222222222222");
    let error = ground.login(AGENT_KEY).accounts().await.unwrap_err().to_string();
    assert!(error.contains("account_address ...2222") && error.contains("...9325"), "{error}");
}

#[tokio::test]
async fn a_new_agent_is_approved_by_the_accounts_own_key() {
    let ground = ground().await;
    let key = approve_agent(&ground.settings, &MASTER_KEY.into(), "arbion").await.unwrap();
    let login = ground.login(key.expose_secret());
    assert_eq!(login.accounts().await.unwrap()[0].key, master());
    let unnamed = approve_agent(&ground.settings, &MASTER_KEY.into(), "").await.unwrap();
    assert_ne!(unnamed.expose_secret(), key.expose_secret());
    let body = ground.posted("/exchange").pop().unwrap();
    assert!(body["action"].get("agentName").is_none(), "{body}");
    let error = approve_agent(&ground.settings, &STRANGER_KEY.into(), "arbion").await.unwrap_err();
    assert!(matches!(&error, BrokerError::Refused { reject, .. } if reject.code == "mustDeposit"), "{error}");
    let error =
        approve_agent(&ground.settings, &MASTER_KEY.into(), "a name that is too long").await.unwrap_err();
    assert!(matches!(error, BrokerError::Unsupported { .. }));
}

#[tokio::test]
async fn what_it_cannot_take_is_refused_before_anything_is_sent() {
    let ground = ground().await;
    let subject = ground.subject().await;
    ground.posted("");
    let plain = subject.resting();
    let with = |change: &dyn Fn(&mut OrderRequest)| {
        let mut order = plain.clone();
        change(&mut order);
        order
    };
    for (order, said) in [
        (with(&|o| o.time_in_force = TimeInForce::Day), "it takes gtc or ioc"),
        (with(&|o| o.session = TradingSession::Extended), "extended hours"),
        (with(&|o| o.quantity = "1.00005".parse().unwrap()), "multiples of 0.0001: 1 or 1.0001"),
        (with(&|o| o.pricing = limit("1670.12")), "or an integer: 1670.1 or 1670.2"),
        (of("BTC-USD", plain.clone()), "BTC-USD; it takes perpetuals and spot pairs that are listed"),
        (of("OLD-PERP", plain.clone()), "OLD-PERP, which is delisted"),
        (of("AAPL", plain.clone()), "AAPL; it takes perpetuals"),
    ] {
        let reject = rejected(&subject, &order).await;
        assert_eq!(reject.code, "UNSUPPORTED");
        assert!(reject.message.contains(said), "{}", reject.message);
    }
    assert!(ground.posted("").is_empty() && ground.emulator.exchange.orders().is_empty());
}

#[tokio::test]
async fn every_refusal_of_the_venue_is_a_refusal_with_its_word() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let order = |pricing, change: &dyn Fn(&mut OrderRequest)| {
        let mut order = subject.order(Side::Buy, pricing);
        change(&mut order);
        order
    };
    let small = order(limit("90"), &|o| o.quantity = "0.1".parse().unwrap());
    assert_eq!(rejected(&subject, &small).await.code, "minTradeNtlRejected");
    let crossing = order(limit("101"), &|o| o.post_only = true);
    let reject = rejected(&subject, &crossing).await;
    assert!(reject.code == "badAloPxRejected" && reject.message.contains("bbo was 99.9@100.1"), "{reject:?}");
    let far = order(limit("90"), &|o| o.time_in_force = TimeInForce::Ioc);
    let reject = rejected(&subject, &far).await;
    assert!(reject.code == "iocCancelRejected" && reject.message.starts_with("not filled"), "{reject:?}");
    let large = order(limit("90"), &|o| o.quantity = 100_000.into());
    assert_eq!(rejected(&subject, &large).await.code, "perpMarginRejected");
    ground.emulator.desk.state().post_only = true;
    assert_eq!(rejected(&subject, &subject.resting()).await.code, "postOnlyPeriod");
    ground.emulator.desk.state().post_only = false;
    let text = "Failed to deserialize the JSON body into the target type";
    subject.faults.once("POST", "/exchange", Fault::answer(422, text));
    let reject = rejected(&subject, &subject.resting()).await;
    assert!(reject.code == "HTTP_422" && reject.message.contains("Failed to deserialize"), "{reject:?}");
    subject.faults.once("POST", "/exchange", Fault::answer(403, "blocked"));
    assert_eq!(rejected(&subject, &subject.resting()).await.code, "UNAUTHORIZED");
    for (body, code) in [
        (
            r#"{"status":"err","response":"Too many cumulative requests sent (97460 > 97456) for"}"#,
            "addressLimit",
        ),
        (
            r#"{"status":"err","response":"Must deposit before performing actions. User: 0x12"}"#,
            "mustDeposit",
        ),
        (
            r#"{"status":"ok","response":{"type":"order","data":{"statuses":[{"error":"Order price too far from oracle. asset=1"}]}}}"#,
            "oracleRejected",
        ),
        (
            r#"{"status":"ok","response":{"type":"order","data":{"statuses":[{"error":"Reduce only order would increase position. asset=1"}]}}}"#,
            "reduceOnlyRejected",
        ),
    ] {
        subject.faults.once("POST", "/exchange", Fault::answer(200, body));
        assert_eq!(rejected(&subject, &subject.resting()).await.code, code, "{body}");
    }
    // A nonce that is used proves nothing of this order.
    let body = r#"{"status":"err","response":"Invalid nonce: duplicate nonce 1741107452532"}"#;
    subject.faults.once("POST", "/exchange", Fault::answer(200, body));
    let outcome = subject.submit(&subject.resting()).await;
    assert!(matches!(outcome, SubmitOutcome::Unknown(_)), "{outcome:?}");
    assert!(ground.emulator.exchange.orders().is_empty());
}

#[tokio::test]
async fn j3_odd_answers_to_an_order_are_not_refusals() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let long = format!("\"{}\"", "x".repeat(5 << 20));
    for body in [
        r#"{"status":"ok"}"#,
        r#"{"status":"ok","response":{"type":"order","data":{"statuses":[]}}}"#,
        r#"{"status":"ok","response":{"type":"order","data":{"statuses":[7]}}}"#,
        r#"{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":"x"}}]}}}"#,
        r#"{"status":"maybe","response":"?"}"#,
        "null",
        long.as_str(),
    ] {
        subject.faults.once("POST", "/exchange", Fault::answer(200, body));
        let outcome = subject.submit(&subject.resting()).await;
        assert!(matches!(outcome, SubmitOutcome::Unknown(_)), "{}: {outcome:?}", &body[..body.len().min(80)]);
    }
}

#[tokio::test]
async fn an_immediate_order_says_what_became_of_its_rest() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let mut heard = subject.watch().await;
    ground.emulator.exchange.fill_in_parts(Some("0.25".parse().unwrap()));
    let order = OrderRequest { time_in_force: TimeInForce::Ioc, ..subject.order(Side::Buy, limit("101")) };
    let handle = subject.accepted(&order).await;
    let mut filled = Decimal::ZERO;
    loop {
        use arbion::domain::execution::OrderEvent;
        match crate::contract::event_of(&mut heard, &handle).await {
            OrderEvent::Filled(execution) => filled += execution.quantity.get(),
            OrderEvent::Canceled { .. } if filled.is_zero() => {}
            OrderEvent::Canceled { .. } => break,
            OrderEvent::Acknowledged { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(filled, "0.25".parse().unwrap());
    let state = subject.broker.order(&handle).await.unwrap().unwrap();
    assert_eq!((state.status, state.filled_quantity), (OrderStatus::Canceled, "0.25".parse().unwrap()));
}

#[tokio::test]
async fn a_market_order_goes_half_a_per_cent_beyond_the_best_price() {
    let ground = ground().await;
    let subject = ground.subject().await;
    ground.posted("");
    let handle = subject.accepted(&subject.order(Side::Buy, Pricing::Market)).await;
    let body = &ground.posted("/exchange")[0];
    assert_eq!(body["action"]["orders"][0]["p"], "100.61");
    assert_eq!(body["action"]["orders"][0]["t"]["limit"]["tif"], "Ioc");
    subject.until(&handle, OrderStatus::Filled).await;
    // The price cannot be had: nothing was sent.
    subject.faults.times(4, "POST", "/info", Fault::answer(200, "<html>"));
    let outcome = subject.submit(&subject.order(Side::Buy, Pricing::Market)).await;
    assert!(matches!(outcome, SubmitOutcome::NotSent(_)), "{outcome:?}");
    assert!(ground.posted("/exchange").is_empty());
}

#[tokio::test]
async fn a_bracket_wakes_its_exits_and_one_ends_the_other() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let mut order = subject.order(Side::Buy, limit("101"));
    let exit =
        |at: &str| Some(BracketExit { client_order_id: subject.resting().client_order_id, price: price(at) });
    (order.take_profit, order.stop_loss) = (exit("120"), exit("80"));
    let exits = order.exit_orders();
    let parent = subject.accepted(&order).await;
    subject.until(&parent, OrderStatus::Filled).await;
    let (profit, loss) = (handle(&exits[0], None), handle(&exits[1], None));
    subject.until(&profit, OrderStatus::Submitted).await;
    subject.until(&loss, OrderStatus::Submitted).await;
    let reports = subject.broker.orders().await.unwrap();
    for exit in &exits {
        let report =
            reports.iter().find(|report| report.client_order_id == Some(exit.client_order_id)).unwrap();
        assert_eq!((report.pricing, report.quantity, report.side), (exit.pricing, exit.quantity, Side::Sell));
    }
    ground.emulator.exchange.quote("ETH", 121.into(), 122.into());
    subject.until(&profit, OrderStatus::Filled).await;
    subject.until(&loss, OrderStatus::Canceled).await;
    assert!(subject.broker.positions().await.unwrap().is_empty());
}

#[tokio::test]
async fn exits_that_wait_for_their_entry_are_there_and_go_with_it() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let mut order = subject.resting();
    let exit =
        |at: &str| Some(BracketExit { client_order_id: subject.resting().client_order_id, price: price(at) });
    (order.take_profit, order.stop_loss) = (exit("120"), exit("80"));
    let parent = subject.accepted(&order).await;
    let reports = subject.broker.orders().await.unwrap();
    assert_eq!(reports.len(), 3, "{reports:?}");
    for exit in order.exit_orders() {
        let state = subject.broker.order(&handle(&exit, None)).await.unwrap().expect("it waits");
        assert_eq!((state.status, state.filled_quantity), (OrderStatus::Submitted, Quantity::ZERO));
        let report =
            reports.iter().find(|report| report.client_order_id == Some(exit.client_order_id)).unwrap();
        assert_eq!((report.pricing, report.status), (exit.pricing, OrderStatus::Submitted));
    }
    subject.broker.cancel_all().await.unwrap();
    subject.until(&parent, OrderStatus::Canceled).await;
    assert!(subject.broker.orders().await.unwrap().iter().all(|report| report.status.is_terminal()));
}

#[tokio::test]
async fn j5_an_order_that_may_still_arrive_is_not_said_to_be_absent() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let order = subject.resting();
    // Nor does what would keep it from arriving.
    subject.faults.times(2, "POST", "/exchange", Fault::DropBefore);
    assert!(matches!(subject.submit(&order).await, SubmitOutcome::Unknown(_)));
    let error = subject.broker.order(&handle(&order, None)).await.unwrap_err().to_string();
    assert!(error.contains("may still arrive"), "{error}");
    // What was made before this process began may be on its way too.
    let old = OrderRequest {
        client_order_id: arbion::domain::ids::ClientOrderId::from_parts(1_700_000_000_000, 1),
        ..order
    };
    assert!(subject.broker.order(&handle(&old, None)).await.is_err());
    // What was never sent is absent.
    assert_eq!(subject.broker.order(&handle(&subject.resting(), None)).await.unwrap(), None);
}

#[tokio::test]
async fn orders_of_others_are_shown_without_an_id_of_ours() {
    let ground = ground().await;
    let subject = ground.subject().await;
    for cloid in [serde_json::Value::Null, "0x00000000000000000000000000000001".into()] {
        let mut wire = serde_json::json!({"a": 1, "b": true, "p": "90", "s": "1", "r": false, "t": {"limit": {"tif": "Gtc"}}});
        if !cloid.is_null() {
            wire["c"] = cloid;
        }
        assert!(ground.emulator.desk.place(&wire).get("resting").is_some());
    }
    let reports = subject.broker.orders().await.unwrap();
    assert_eq!(reports.len(), 2);
    assert!(reports.iter().all(|report| report.client_order_id.is_none()));
    subject.broker.cancel_all().await.unwrap();
    let working = |order: &crate::emulators::exchange::Order| order.status == Status::Working;
    assert!(!ground.emulator.exchange.orders().iter().any(working));
}

#[tokio::test]
async fn a_cancel_goes_by_our_id_where_the_venues_is_not_known() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let order = subject.resting();
    subject.accepted(&order).await;
    ground.posted("");
    let by_ours = handle(&order, None);
    assert!(matches!(subject.broker.cancel(&by_ours).await, SubmitOutcome::Acknowledged(_)));
    assert_eq!(ground.posted("/exchange")[0]["action"]["type"], "cancelByCloid");
    let again = subject.broker.cancel(&by_ours).await;
    assert!(matches!(again, SubmitOutcome::Rejected(reject) if reject.code == "notWorking"));
    // A cancel whose answer is lost is sent again, signed anew.
    let order = subject.resting();
    let known = subject.accepted(&order).await;
    subject.faults.once("POST", "/exchange", Fault::DropBefore);
    assert!(matches!(subject.broker.cancel(&known).await, SubmitOutcome::Acknowledged(_)));
    let nonces: Vec<u64> =
        ground.posted("/exchange").iter().map(|body| body["nonce"].as_u64().unwrap()).collect();
    assert!(nonces.windows(2).all(|pair| pair[0] < pair[1]), "{nonces:?}");
}

/// Requests that are bought are paid for once, though the answer is lost; how many there are now is asked for and shown.
#[tokio::test]
async fn requests_are_bought_once() {
    let ground = ground().await;
    let account = ground.account().await;
    let cash = ground.emulator.exchange.cash();
    account.reserve_requests(1_000).await.unwrap();
    assert_eq!(cash - ground.emulator.exchange.cash(), Decimal::new(5, 1));
    assert_eq!(account.request_budget().await.unwrap(), (10, 12_234));
    ground.emulator.server.faults.once("POST", "/exchange", Fault::DropAfter);
    let error = account.reserve_requests(2_000).await.unwrap_err();
    assert!(matches!(error, BrokerError::NoAnswer { .. }), "{error}");
    assert_eq!(account.request_budget().await.unwrap(), (10, 14_234), "not twice");
    for none in [0, 100_001] {
        let error = account.reserve_requests(none).await.unwrap_err();
        assert!(matches!(error, BrokerError::Unsupported { .. }), "{error}");
    }
}

#[tokio::test]
async fn leverage_margin_and_the_dead_mans_switch() {
    let ground = ground().await;
    let account = ground.account().await;
    account.update_leverage(&instrument("ETH-PERP"), 20, true).await.unwrap();
    assert_eq!(ground.emulator.desk.state().leverage[&1]["leverage"], 20);
    let error = account.update_leverage(&instrument("ETH-PERP"), 26, true).await.unwrap_err().to_string();
    assert!(error.contains("1 to 25"), "{error}");
    assert!(account.update_leverage(&instrument("PURR-USDC"), 2, true).await.is_err());
    account.update_isolated_margin(&instrument("ETH-PERP"), "-1.5".parse().unwrap()).await.unwrap();
    assert_eq!(ground.emulator.desk.state().margins[0]["ntli"], -1_500_000);
    assert!(
        account.update_isolated_margin(&instrument("ETH-PERP"), "0.0000001".parse().unwrap()).await.is_err()
    );
    let now = arbion::brokers::clock::wall();
    account.schedule_cancel(Some(now + SignedDuration::from_secs(60))).await.unwrap();
    assert!(ground.emulator.desk.state().scheduled.is_some());
    account.schedule_cancel(None).await.unwrap();
    assert!(ground.emulator.desk.state().scheduled.is_none());
    let error = account.schedule_cancel(Some(now + SignedDuration::from_secs(2))).await.unwrap_err();
    assert!(matches!(error, BrokerError::Unsupported { .. }));
    assert_eq!(account.request_budget().await.unwrap(), (10, 11_234));
}

#[tokio::test]
async fn n9_a_clock_ten_minutes_off_signs_by_the_venues() {
    for skew_ms in [600_000, -600_000] {
        let ground = ground().await;
        ground.emulator.desk.state().skew_ms = skew_ms;
        let subject = ground.subject().await;
        ground.posted("");
        subject.accepted(&subject.resting()).await;
        let body = &ground.posted("/exchange")[0];
        let theirs = ground.emulator.desk.now();
        let (nonce, expires) = (body["nonce"].as_i64().unwrap(), body["expiresAfter"].as_i64().unwrap());
        assert!((theirs - nonce).abs() < 3_000, "{skew_ms}: {theirs} {nonce}");
        assert!((10_000..=18_000).contains(&(expires - theirs)), "{skew_ms}: {}", expires - theirs);
    }
}

#[tokio::test]
async fn another_dex_is_looked_at_when_it_is_named() {
    let ground = ground().await.with("dexs", "xyz");
    let subject = ground.subject().await;
    ground.posted("");
    let order = of("XYZ.TSLA-PERP", subject.order(Side::Buy, limit("240")));
    let known = subject.accepted(&order).await;
    assert_eq!(ground.posted("/exchange")[0]["action"]["orders"][0]["a"], 110_000);
    let reports = subject.broker.orders().await.unwrap();
    assert_eq!(reports[0].subject, order.subject);
    subject.broker.cancel_all().await.unwrap();
    subject.until(&known, OrderStatus::Canceled).await;
    let crossing = of("XYZ.TSLA-PERP", subject.order(Side::Buy, limit("251")));
    subject.until(&subject.accepted(&crossing).await, OrderStatus::Filled).await;
    let positions = subject.broker.positions().await.unwrap();
    assert_eq!(positions[0].instrument.key(), "XYZ.TSLA-PERP");
    let missing = super::ground().await.with("dexs", "abc");
    let error = missing.login(AGENT_KEY).open(&master(), account_id()).await.unwrap_err();
    assert!(matches!(error, BrokerError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn spot_is_bought_with_a_fee_in_its_own_units() {
    let ground = ground().await;
    let subject = ground.subject().await;
    let mut order = of("PURR-USDC", subject.order(Side::Buy, limit("0.1236")));
    order.quantity = 1_000.into();
    let known = subject.accepted(&order).await;
    subject.until(&known, OrderStatus::Filled).await;
    let executions = subject.broker.executions(Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(executions.len(), 2);
    assert_eq!((executions[0].kind, executions[0].fee), (ExecutionKind::Trade, Decimal::ZERO));
    assert_eq!(
        (executions[1].kind, executions[1].quantity),
        (ExecutionKind::Fee, Quantity::new("0.7".parse().unwrap()))
    );
    let positions = subject.broker.positions().await.unwrap();
    assert_eq!((positions[0].instrument.key().as_str(), positions[0].quantity), ("PURR-USDC", 1_000.into()));
}

#[tokio::test]
async fn figures_are_the_venues_own() {
    let ground = ground().await;
    let account: Arc<dyn Broker> = ground.account().await;
    let figures = account.account().await.unwrap();
    assert_eq!((figures.mode, figures.currency.as_str()), (AccountMode::Paper, "USDC"));
    assert_eq!(figures.net_liquidation, "1000014.625485".parse().unwrap());
    assert_eq!((figures.buying_power, figures.day_pnl), (1_000_000.into(), "12.5".parse().unwrap()));
    ground.emulator.desk.state().abstraction = Some("unifiedAccount");
    let unified = ground.account().await.account().await.unwrap();
    assert_eq!(
        (unified.buying_power, unified.net_liquidation),
        ("14.625485".parse().unwrap(), "14.625485".parse().unwrap())
    );
    let spec = account.spec(&instrument("ETH-PERP")).await.unwrap();
    assert_eq!(spec.tick_at(Price::from(100)), Decimal::new(1, 2));
    assert!(matches!(account.spec(&instrument("NOPE-PERP")).await, Err(BrokerError::NotFound { .. })));
}

/// Pages overlap: more are asked for than would hold what the venue reaches back.
#[tokio::test]
async fn long_lists_of_fills_are_read_to_their_end() {
    let ground = ground().await;
    let subject = ground.subject().await;
    subject.accepted(&subject.resting()).await;
    let order = subject.exchange.orders().last().unwrap().number;
    subject.exchange.list_fills(order, 10_000);
    let executions = subject.broker.executions(Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(executions.len(), 10_000);
    let newest = subject.exchange.fills().last().unwrap().at_ms;
    assert_eq!(executions.last().unwrap().at.as_millisecond(), newest);
}
