//! `confirm = "each"`: an order waits for a person, who hands back the hash of what was shown; unanswered it is not sent, and that is on
//! record. And a strategy's own exit plan.

use super::*;
use crate::domain::exit::{ExitGroup, ExitPlan};
use crate::domain::strategy::Confirm;

fn each() -> Hosted {
    let rules = StrategyRules { confirm: Confirm::Each, ..spec("trend").rules };
    Hosted::running_with(StrategySpec { rules, ..spec("trend") })
}

fn confirm(hosted: &mut Hosted, proposal: u32, hash: &str) -> Outcome {
    hosted.ask(StrategyChange::Confirm { name: "trend".into(), proposal, hash: hash.to_owned() })
}

#[test]
fn an_order_is_sent_only_once_a_person_has_confirmed_what_was_shown() {
    let mut hosted = each();
    crosses_up(&mut hosted);
    let waits = hosted.view("trend").proposals;
    let [waiting] = waits.as_slice() else { panic!("{waits:?}") };
    assert_eq!(
        (hosted.sent.len(), waiting.request.side, waiting.request.quantity),
        (0, Side::Buy, 10.into())
    );
    assert!(waiting.why.starts_with("SMA_CROSS_BUY"), "{}", waiting.why);
    let changed = refused(confirm(&mut hosted, waiting.number, "0000"));
    assert!(changed.contains("is not the order that was shown"), "{changed}");
    assert_eq!(hosted.sent.len(), 0);
    let said = confirm(&mut hosted, waiting.number, &waiting.hash);
    assert!(matches!(said, Outcome::Said(_)), "{said:?}");
    assert_eq!(
        (hosted.sent.len(), hosted.disk.decisions.last().map(String::as_str)),
        (1, Some("SMA_CROSS_BUY"))
    );
    // Once.
    assert!(refused(confirm(&mut hosted, waiting.number, &waiting.hash)).contains("no proposal"));
    assert_eq!(hosted.sent.len(), 1);
}

/// At a broker that wants to hear whether an order opens or closes, a person sees and confirms what would go, not what was meant at first.
#[test]
fn a_proposal_shows_whether_it_opens_or_closes() {
    let capabilities = Capabilities { one_effect: true, ..Capabilities::paper() };
    let setup = AccountSetup { capabilities, ..Rig::new().engine.accounts[&paper()].setup.clone() };
    let mut hosted = Hosted { rig: Rig::of(setup), ..Hosted::silent() };
    hosted.step(Input::RunStrategies);
    let rules = StrategyRules { confirm: Confirm::Each, ..spec("trend").rules };
    hosted.add(StrategySpec { rules, ..spec("trend") });
    hosted.start("trend");
    let trade = |hosted: &mut Hosted, id: &str, side: Side| {
        let OrderEvent::Filled(filled) = fill(ClientOrderId::from_u128(1), id, side, 10, "100") else {
            panic!()
        };
        let execution = Execution { client_order_id: None, ..filled };
        hosted.step(Input::Broker(Box::new(AccountEvent::Execution(execution))));
    };
    trade(&mut hosted, "a", Side::SellShort);
    crosses_up(&mut hosted);
    let shown = |hosted: &Hosted| hosted.view("trend").proposals[0].clone();
    let covers = shown(&hosted);
    assert_eq!(covers.request.side, Side::BuyToCover);
    // The person has covered meanwhile: the same order would open now, and is shown anew.
    trade(&mut hosted, "b", Side::Buy);
    let opens = shown(&hosted);
    assert_eq!((opens.request.side, opens.number), (Side::Buy, covers.number));
    let changed = refused(confirm(&mut hosted, covers.number, &covers.hash));
    assert!(changed.contains("is not the order that was shown"), "{changed}");
    assert!(matches!(confirm(&mut hosted, opens.number, &opens.hash), Outcome::Said(_)));
    assert_eq!(hosted.sent.iter().map(|order| order.side).collect::<Vec<_>>(), [Side::Buy]);
}

#[test]
fn what_nobody_answers_or_wants_is_not_sent_and_on_record() {
    let mut hosted = each();
    crosses_up(&mut hosted);
    hosted.rig.now += SignedDuration::from_secs(61);
    hosted.step(Input::Tick);
    assert_eq!((hosted.view("trend").proposals.len(), hosted.sent.len()), (0, 0));
    assert_eq!(hosted.disk.decisions.last().map(String::as_str), Some("NOT_CONFIRMED"));
    crosses_up(&mut hosted);
    let waiting = hosted.view("trend").proposals[0].clone();
    let declined = hosted.ask(StrategyChange::Decline { name: "trend".into(), proposal: waiting.number });
    assert!(matches!(declined, Outcome::Said(_)), "{declined:?}");
    assert_eq!((hosted.sent.len(), hosted.disk.decisions.last().map(String::as_str)), (0, Some("DECLINED")));
    // The kill switch holds what waits.
    crosses_up(&mut hosted);
    let waiting = hosted.view("trend").proposals[0].clone();
    hosted.step(Input::Halt { request: RequestId(8), all: false, reason: "asked for".to_owned() });
    refused(confirm(&mut hosted, waiting.number, &waiting.hash));
    assert_eq!(hosted.sent.len(), 0);
}

/// Each position of a strategy has its plan, for its own units alone; what its stop closes is the strategy's, and counts as a stop-out.
#[test]
fn a_plan_of_a_strategy_covers_its_own_units() {
    let exits = Some(ExitPlan::from_line("stop=5% placement=engine").unwrap());
    let rules = StrategyRules { stop_outs: 1, cooldown_minutes: 0, ..StrategyRules::default() };
    let mut hosted = Hosted::running_with(StrategySpec { exits, rules, ..spec("trend") });
    crosses_up(&mut hosted);
    hosted.fills("101");
    let groups: Vec<ExitGroup> = hosted.rig.engine.exit_plans();
    assert_eq!(
        (groups.len(), groups[0].owner.as_deref(), groups[0].part.as_str()),
        (1, Some("trend"), "@trend")
    );
    let sent = hosted.sent.len();
    for _ in 0..3 {
        hosted.rig.now += SignedDuration::from_secs(1);
        let mut quote = Quote::empty(aapl(), hosted.rig.now, Feed::Simulated);
        (quote.bid, quote.ask) = ("94".parse().ok(), "94.01".parse().ok());
        hosted.step(Input::Quote(Box::new(quote)));
    }
    let exit = hosted.sent.last().unwrap().clone();
    assert_eq!((hosted.sent.len(), exit.origin.kind, exit.quantity), (sent + 1, OriginKind::Exit, 10.into()));
    assert_eq!(exit.origin.name.as_deref(), Some("trend"));
    hosted.fills("94");
    assert_eq!((hosted.owns("trend"), hosted.rig.engine.exit_plans().len()), (Quantity::ZERO, 0));
    let locks = hosted.view("trend").locks;
    assert!(locks.iter().any(|lock| lock.reason.starts_with("stop_guard")), "{locks:?}");
}
