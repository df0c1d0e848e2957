//! Bots as strategies of the host: what their terms let through, one order for a tag, proposals that wait for a person.

use super::*;
use crate::core::input::BotWord;
use crate::domain::bot::{BotState, BotTerms, OrderRight};
use crate::domain::denial::DenialCode;
use crate::strategies::{BotNews, BotOrderName, BotPlaced, BotRefusal, BotWant, Proposal};

fn terms(orders: OrderRight) -> BotTerms {
    BotTerms {
        bot: "own".into(),
        version: 1,
        instruments: Some(vec![aapl()]),
        orders,
        max_order_notional: Some(Decimal::from(2_000)),
        max_position_notional: Some(Decimal::from(2_500)),
        max_orders_per_minute: 5,
        max_daily_loss: Some(Decimal::from(50)),
    }
}

fn bot_spec() -> StrategySpec {
    StrategySpec { kind: "bot:own".into(), params: BTreeMap::new(), ..spec("own") }
}

fn running(orders: OrderRight) -> Hosted {
    let mut hosted = Hosted::new();
    hosted.step(Input::BotTerms(Box::new(terms(orders))));
    hosted.add(bot_spec());
    hosted.start("own");
    assert_eq!(hosted.phase("own"), StrategyPhase::Running);
    hosted.rig.quote("100");
    hosted.told.clear();
    hosted
}

impl Hosted {
    /// The bot wants something; what became of it.
    fn wants(&mut self, want: BotWant) -> Result<BotPlaced, BotRefusal> {
        self.told.clear();
        self.step(Input::Bot { strategy: "own".into(), word: BotWord::Ask { ask: 7, want } });
        let answer = self.told.iter().find_map(|told| match told {
            BotTold::Answer { ask: 7, answer } => Some(answer.clone()),
            _ => None,
        });
        answer.expect("every ask is answered")
    }

    fn places(&mut self, tag: &str, side: Side, units: i64) -> Result<BotPlaced, BotRefusal> {
        let proposal = Proposal::single(aapl(), side, Quantity::from(units), Pricing::Market);
        self.wants(BotWant::Place { tag: tag.to_owned(), proposal: Box::new(proposal) })
    }
}

fn code(answer: &Result<BotPlaced, BotRefusal>) -> Option<DenialCode> {
    match answer {
        Err(BotRefusal::Denied { code, .. }) => Some(*code),
        _ => None,
    }
}

#[test]
fn without_approval_there_is_no_bot() {
    let mut hosted = Hosted::new();
    assert!(refused(hosted.add(bot_spec())).contains("has no approved version; see: arbion bot approve own"));
    let mut hosted = running(OrderRight::Paper);
    hosted.step(Input::BotGone("own".into()));
    assert_eq!(hosted.phase("own"), StrategyPhase::Faulted);
    assert!(matches!(hosted.places("a", Side::Buy, 1), Err(BotRefusal::NotReady(_))));
    let mut hosted = Hosted::new();
    hosted.step(Input::BotTerms(Box::new(terms(OrderRight::Paper))));
    let other = StrategySpec { instruments: vec![Instrument::equity("MSFT").unwrap()], ..bot_spec() };
    assert!(refused(hosted.add(other)).contains("MSFT is none of the instruments"));
}

#[test]
fn an_order_passes_the_terms_the_guards_and_the_one_door() {
    let mut hosted = running(OrderRight::Paper);
    let placed = hosted.places("first", Side::Buy, 10).unwrap();
    assert_eq!((hosted.sent.len(), placed.status.as_str()), (1, "pending_submit"));
    assert_eq!(hosted.sent[0].origin, Origin { kind: OriginKind::Strategy, name: Some("own".into()) });
    assert_eq!(hosted.disk.decisions, ["BOT_ORDER"]);
    // The same tag is the same order, however often.
    let again = hosted.places("first", Side::Buy, 10).unwrap();
    assert_eq!((again.order, hosted.sent.len()), (placed.order, 1));
    hosted.fills("100");
    assert_eq!(hosted.owns("own"), Quantity::from(10));
    assert!(
        hosted
            .told
            .iter()
            .any(|told| matches!(told, BotTold::News(news) if matches!(**news, BotNews::Execution(_))))
    );
    let permission = |answer: Result<BotPlaced, BotRefusal>| match answer {
        Err(BotRefusal::Permission(text)) => text,
        other => panic!("{other:?}"),
    };
    assert!(permission(hosted.places("big", Side::Buy, 21)).contains("max_order_notional=2000 wanted=2100"));
    let much = permission(hosted.places("much", Side::Buy, 16));
    assert!(much.ends_with("max_position_notional=2500 wanted=2600"), "{much}");
    // What closes has no cap, and sells no more than is its own.
    assert_eq!(code(&hosted.places("short", Side::Sell, 200)), Some(DenialCode::SellExceedsPosition));
    hosted.places("out", Side::Sell, 10).unwrap();
    assert_eq!(hosted.sent.last().unwrap().side, Side::Sell);
    assert!(matches!(hosted.places("a b", Side::Buy, 1), Err(BotRefusal::Bad(_))));
}

#[test]
fn rights_rates_and_the_kill_switch_hold() {
    let mut none = running(OrderRight::None);
    assert!(
        matches!(none.places("a", Side::Buy, 1), Err(BotRefusal::Permission(text)) if text.contains("orders=none"))
    );
    let mut hosted = running(OrderRight::Paper);
    let answers: Vec<_> = (0..7).map(|n| hosted.places(&format!("n{n}"), Side::Buy, n + 1)).collect();
    assert_eq!(hosted.sent.len(), 5);
    assert_eq!(code(&answers[6]), Some(DenialCode::OrderRate));
    hosted.step(Input::Halt { request: RequestId(2), all: false, reason: "test".to_owned() });
    assert!(hosted.told.iter().any(|told| matches!(told, BotTold::News(news) if **news == BotNews::Halted)));
    assert_eq!(hosted.places("late", Side::Buy, 1), Err(BotRefusal::Halted));
}

#[test]
fn a_proposal_waits_for_a_person_and_not_for_long() {
    let mut hosted = running(OrderRight::Propose);
    let placed = hosted.places("a", Side::Buy, 1).unwrap();
    assert_eq!((placed.proposal, placed.status.as_str(), hosted.sent.len()), (Some(1), "proposed", 0));
    assert_eq!(hosted.places("a", Side::Buy, 1).unwrap().proposal, Some(1));
    let hash = hosted.view("own").proposals[0].hash.clone();
    let said = hosted.ask(StrategyChange::Confirm { name: "own".into(), proposal: 1, hash });
    assert!(matches!(said, Outcome::Said(_)), "{said:?}");
    assert_eq!(hosted.sent.len(), 1);
    assert!(hosted.places("a", Side::Buy, 1).unwrap().order.is_some());
    assert_eq!(hosted.places("b", Side::Buy, 1).unwrap().proposal, Some(2));
    hosted.rig.now += SignedDuration::from_secs(61);
    hosted.step(Input::Tick);
    let hash = String::new();
    let late = refused(hosted.ask(StrategyChange::Confirm { name: "own".into(), proposal: 2, hash }));
    assert!(late.contains("no proposal 2"), "{late}");
    assert_eq!(hosted.sent.len(), 1);
}

#[test]
fn its_own_orders_are_changed_and_canceled_and_no_others() {
    let mut hosted = running(OrderRight::Paper);
    let limit = Pricing::Limit { limit_price: Price::from(99) };
    let proposal = Proposal::single(aapl(), Side::Buy, Quantity::from(5), limit);
    let placed =
        hosted.wants(BotWant::Place { tag: "rest".to_owned(), proposal: Box::new(proposal) }).unwrap();
    let id = placed.order.unwrap().0;
    let tag = || BotOrderName::Tag("rest".to_owned());
    let account = paper();
    let update = OrderUpdate { account, client_order_id: id, at: hosted.rig.now, event: acknowledged() };
    hosted.step(Input::Broker(Box::new(AccountEvent::Order(update))));
    let more = OrderChange { quantity: Some(Quantity::from(30)), ..OrderChange::default() };
    assert!(matches!(hosted.wants(BotWant::Replace(tag(), more)), Err(BotRefusal::Permission(_))));
    assert!(matches!(
        hosted.wants(BotWant::Cancel(BotOrderName::Tag("other".to_owned()))),
        Err(BotRefusal::NoOrder(_))
    ));
    hosted.wants(BotWant::Cancel(tag())).unwrap();
    assert_eq!(hosted.canceled, [id]);
}

/// An order that nobody knows the fate of is not sent again under its tag, and not changed: that could be a second one. It can be canceled.
#[test]
fn an_order_in_doubt_is_neither_repeated_nor_changed() {
    let mut hosted = running(OrderRight::Paper);
    let limit = Pricing::Limit { limit_price: Price::from(99) };
    let proposal = Box::new(Proposal::single(aapl(), Side::Buy, Quantity::from(5), limit));
    let place = || BotWant::Place { tag: "rest".to_owned(), proposal: proposal.clone() };
    let id = hosted.wants(place()).unwrap().order.unwrap().0;
    let tag = || BotOrderName::Tag("rest".to_owned());
    let lower = || OrderChange { limit_price: Some(Price::from(98)), ..OrderChange::default() };
    let underway = BotRefusal::Underway { order: id, status: "pending_submit" };
    assert_eq!(hosted.wants(BotWant::Replace(tag(), lower())), Err(underway));
    let event = OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() };
    let update = OrderUpdate { account: paper(), client_order_id: id, at: hosted.rig.now, event };
    hosted.step(Input::Broker(Box::new(AccountEvent::Order(update))));
    let sent = hosted.sent.len();
    assert_eq!(hosted.wants(place()), Err(BotRefusal::OutcomeUnknown(id)));
    assert_eq!(hosted.wants(BotWant::Replace(tag(), lower())), Err(BotRefusal::OutcomeUnknown(id)));
    assert_eq!(hosted.sent.len(), sent, "nothing more is sent");
    hosted.wants(BotWant::Cancel(tag())).unwrap();
    assert_eq!(hosted.canceled, [id]);
}

#[test]
fn what_a_person_confirmed_grows_only_by_another_word_of_theirs() {
    let mut hosted = running(OrderRight::Propose);
    let limit = Pricing::Limit { limit_price: Price::from(99) };
    let proposal = Proposal::single(aapl(), Side::Buy, Quantity::from(5), limit);
    hosted.wants(BotWant::Place { tag: "rest".to_owned(), proposal: Box::new(proposal) }).unwrap();
    let hash = hosted.view("own").proposals[0].hash.clone();
    let said = hosted.ask(StrategyChange::Confirm { name: "own".into(), proposal: 1, hash });
    assert!(matches!(said, Outcome::Said(_)), "{said:?}");
    let tag = || BotOrderName::Tag("rest".to_owned());
    let id = hosted.sent.last().unwrap().client_order_id;
    let update =
        OrderUpdate { account: paper(), client_order_id: id, at: hosted.rig.now, event: acknowledged() };
    hosted.step(Input::Broker(Box::new(AccountEvent::Order(update))));
    for more in [
        OrderChange { quantity: Some(Quantity::from(6)), ..OrderChange::default() },
        OrderChange { limit_price: Some(Price::from(100)), ..OrderChange::default() },
        OrderChange { time_in_force: Some(TimeInForce::Gtc), ..OrderChange::default() },
    ] {
        let refused = hosted.wants(BotWant::Replace(tag(), more));
        assert!(
            matches!(&refused, Err(BotRefusal::Permission(text)) if text.contains("orders=propose")),
            "{refused:?}"
        );
    }
    let less = OrderChange {
        quantity: Some(Quantity::from(4)),
        limit_price: Some(Price::from(98)),
        ..OrderChange::default()
    };
    assert!(hosted.wants(BotWant::Replace(tag(), less)).unwrap().order.is_some());
}

#[test]
fn a_bot_that_is_down_opens_nothing_and_what_it_remembers_is_on_the_disk() {
    let mut hosted = running(OrderRight::Paper);
    hosted.wants(BotWant::Remember("{\"count\":3}".to_owned())).unwrap();
    let limit = Pricing::Limit { limit_price: Price::from(99) };
    let proposal = Proposal::single(aapl(), Side::Buy, Quantity::from(5), limit);
    let placed =
        hosted.wants(BotWant::Place { tag: "rest".to_owned(), proposal: Box::new(proposal) }).unwrap();
    let state = BotState { crashes: 2, last_line: Some("hello".to_owned()), ..BotState::default() };
    let word = |word| Input::Bot { strategy: "own".into(), word };
    hosted.step(word(BotWord::State(state.clone())));
    assert_eq!(hosted.view("own").bot, Some(state));
    hosted.step(word(BotWord::Down("it crashed".to_owned())));
    assert_eq!(hosted.rig.engine.order(placed.order.unwrap().0).unwrap().status, OrderStatus::PendingCancel);
    let mut next = hosted.restarted();
    next.step(Input::BotTerms(Box::new(terms(OrderRight::Paper))));
    next.step(Input::RunStrategies);
    assert_eq!(next.rig.engine.bot_to_run("own").unwrap().2, Some("{\"count\":3}"));
    // A tag outlives its engine.
    assert_eq!(next.places("rest", Side::Buy, 5).unwrap().order, placed.order);
    next.step(word(BotWord::Failed("five times".to_owned())));
    assert_eq!(next.phase("own"), StrategyPhase::Faulted);
    let mut ended = running(OrderRight::Paper);
    ended.step(word(BotWord::Finished));
    assert_eq!(ended.phase("own"), StrategyPhase::Disabled);
}

#[test]
fn refusals_are_one_line() {
    for (refusal, line) in [
        (BotRefusal::Permission("orders=none".to_owned()), "its permissions forbid it: orders=none"),
        (BotRefusal::Denied { code: DenialCode::Halted, text: "x".to_owned() }, "x"),
        (BotRefusal::NotReady("paused".to_owned()), "its strategy is paused; nothing is sent"),
        (BotRefusal::Halted, "the kill switch is on"),
        (BotRefusal::NoOrder("a".to_owned()), "it has no working order a"),
        (BotRefusal::Bad("b".to_owned()), "b"),
    ] {
        assert_eq!(refusal.to_string(), line);
    }
}

#[test]
fn a_bot_is_told_what_is_due_and_when_the_exchange_opens() {
    use crate::domain::bot::BotPhase;
    use crate::strategies::Schedule;
    let mut hosted = running(OrderRight::Paper);
    let every = |text: &str| Schedule::managing(text, text.parse().unwrap());
    let state = BotState { phase: BotPhase::Running, ..BotState::default() };
    hosted.step(Input::Bot { strategy: "own".into(), word: BotWord::State(state) });
    assert_eq!(hosted.wants(BotWant::Schedule(vec![every("every 1m all")])).unwrap().status, "done");
    let mut news = |seconds: i64| {
        hosted.told.clear();
        hosted.rig.now += jiff::SignedDuration::from_secs(seconds);
        hosted.step(Input::Tick);
        let news = hosted.told.iter().filter_map(|told| match told {
            BotTold::News(news) => Some((**news).clone()),
            BotTold::Answer { .. } => None,
        });
        news.collect::<Vec<_>>()
    };
    let due = |told: &[BotNews]| told.iter().filter(|one| matches!(one, BotNews::Due { .. })).count();
    let sessions = |told: &[BotNews]| {
        told.iter().filter(|one| matches!(one, BotNews::Session { .. })).cloned().collect::<Vec<_>>()
    };
    let first = news(60);
    assert_eq!(due(&first), 1, "{first:?}");
    let open = sessions(&first);
    assert_eq!(open.len(), 1, "{first:?}");
    // However much was missed, it is one run; and nothing of the session is said twice.
    let later = news(3_600);
    assert_eq!((due(&later), sessions(&later).len()), (1, 0));
    let day = news(86_400 / 2);
    assert_eq!(due(&day), 1);
    assert!(sessions(&day).iter().all(|said| !open.contains(said)), "{day:?}");
    // Nothing wanted is nothing due.
    hosted.wants(BotWant::Schedule(Vec::new())).unwrap();
    hosted.rig.now += jiff::SignedDuration::from_secs(600);
    hosted.told.clear();
    hosted.step(Input::Tick);
    assert!(hosted.told.is_empty(), "{:?}", hosted.told);
}
