//! Levels, plans and their words.

use super::*;

#[test]
fn levels_are_read_as_they_are_written() {
    for text in ["180", "5%", "3.5off", "2atr", "1.5r"] {
        let level: ExitLevel = text.parse().unwrap();
        assert_eq!(level.to_string(), text);
    }
    for wrong in ["", "x", "-5", "0", "100%", "5 %r", "1e10", "99999999999", "1.123456789"] {
        let error = wrong.parse::<ExitLevel>().unwrap_err();
        assert!(matches!(error, ExitError::Level(_)), "{wrong}");
    }
    assert_eq!(
        "a\u{1b}b".parse::<ExitLevel>().unwrap_err().to_string(),
        "level: found 'a\\u{1b}b', allowed a price (180), per cent (5%), an amount (3.5off), a range (2atr) or a risk (2r)"
    );
    let step: TakeStep = "1r:0.5".parse().unwrap();
    assert_eq!((step.level, step.part), (ExitLevel::Risk(Decimal::ONE), Decimal::new(5, 1)));
    for wrong in ["1r:0", "1r:1.1", "1r:x"] {
        assert!(matches!(wrong.parse::<TakeStep>(), Err(ExitError::Step(_))), "{wrong}");
    }
}

#[test]
fn a_plan_that_makes_no_sense_is_refused() {
    let level = |text: &str| Some(text.parse::<ExitLevel>().unwrap());
    let step = |text: &str| text.parse::<TakeStep>().unwrap();
    let trail = |distance: &str| {
        Some(Trailing { distance: distance.parse().unwrap(), activate_at: None, tighten: None })
    };
    let plan = ExitPlan::default;
    for (plan, why) in [
        (plan(), "the plan closes nothing"),
        (ExitPlan { stop_loss: level("1r"), ..plan() }, "a stop is what risk is measured by"),
        (ExitPlan { take_profit: vec![step("2r")], ..plan() }, "risk is measured by a stop"),
        (
            ExitPlan { break_even: true, take_profit: vec![step("5%")], ..plan() },
            "risk is measured by a stop",
        ),
        (
            ExitPlan { take_profit: vec![step("5%:0.6"), step("6%:0.6")], ..plan() },
            "the parts of the targets",
        ),
        (ExitPlan { take_profit: vec![step("5%:0.01"); 11], ..plan() }, "a target has 10 steps"),
        (ExitPlan { trailing: trail("180"), ..plan() }, "a trail is per cent"),
        (ExitPlan { sessions: Some(0), ..plan() }, "sessions: allowed"),
        (ExitPlan { before_close: Some(391), ..plan() }, "minutes before the close"),
    ] {
        let error = plan.check().unwrap_err();
        assert!(matches!(error, ExitError::Plan(_)));
        assert!(error.to_string().starts_with(why), "{error}");
    }
    let whole = ExitPlan {
        stop_loss: level("5%"),
        take_profit: vec![step("1r:0.5"), step("2r:0.5")],
        trailing: trail("2atr"),
        break_even: true,
        sessions: Some(3),
        before_close: Some(10),
        trigger: TriggerPrice::Last,
        ..plan()
    };
    assert_eq!(whole.check(), Ok(()));
    assert_eq!(
        whole.words(),
        "stop 5%, take 1r:0.5, take 2r:0.5, trail 2atr, break even, after 3 sessions, 10 min before the close"
    );
    assert_eq!(whole.clone().levels_mut().count(), 4);
    let text = serde_json::to_string(&whole).unwrap();
    assert_eq!(serde_json::from_str::<ExitPlan>(&text).unwrap(), whole);
}

#[test]
fn a_plan_is_written_by_its_parts_and_read_back() {
    for words in [
        &["stop=5%"][..],
        &["stop=2atr", "take=1r:0.5 2r:0.5", "trail=3%", "trail_from=1r", "then_from=10%", "then_trail=1%"],
        &[
            "trail=3.5off",
            "sessions=3",
            "before_close=10",
            "by=last",
            "placement=engine",
            "scale_in=separate",
        ],
        &["stop=180", "break_even=yes", "by=bid_ask"],
    ] {
        let plan = ExitPlan::from_words(words.iter().copied()).unwrap();
        let back: Vec<String> = plan.pairs().iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(back, words, "{plan:?}");
    }
    for (words, why) in [
        (&["stop=x"][..], "stop: found 'x', allowed a price (180), per cent (5%)"),
        (&["luck=1"], "part luck of a plan is not known; there are stop, take"),
        (&["stop"], "stop: found '', allowed a price"),
        (&["trail_from=1%"], "trail_from, then_from and then_trail need a trail"),
        (&["trail=1%", "then_from=1%"], "then_from and then_trail go together"),
        (&["stop=5%", "break_even=maybe"], "break_even: found 'maybe', allowed yes or no"),
        (&["by=last"], "the plan closes nothing"),
        (&["stop=5%", "sessions=0"], "sessions: allowed 1 to 250"),
    ] {
        let error = ExitPlan::from_words(words.iter().copied()).unwrap_err().to_string();
        assert!(error.starts_with(why), "{error}");
    }
}
