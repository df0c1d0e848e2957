//! A plan by its parts as text, `stop=5%`: as the configuration and the forms of strategies have it.

use rust_decimal::Decimal;

use super::{ExitError, ExitLevel, ExitPlan, Placement, ScaleIn, TakeStep, Trailing, TriggerPrice, shown};

/// The parts of a plan: name, what may stand there, what it does.
pub const PLAN_WORDS: &[(&str, &str, &str)] = &[
    ("stop", "a price (180), per cent (5%), an amount (3.5off) or a range (2atr)", "where the loss ends"),
    (
        "take",
        "levels such as 220, 10% or 1r:0.5, blanks between them",
        "where profit is taken, and which part there",
    ),
    (
        "trail",
        "per cent (5%), an amount (3.5off) or a range (2atr)",
        "how far a stop follows behind the best price",
    ),
    ("trail_from", "a level", "it follows from there on"),
    ("then_from", "a level", "from there on it follows more closely"),
    ("then_trail", "a distance", "how closely then"),
    ("break_even", "yes or no", "once the profit is the first risk, the stop stands at the entry with fees"),
    ("sessions", "1 to 250", "closed after so many sessions"),
    ("before_close", "1 to 390", "closed so many minutes before the end of the session"),
    ("by", "mark, last or bid_ask", "which price counts"),
    ("placement", "auto or engine", "the stop rests at the broker where it can, or watches in the engine"),
    ("scale_in", "extend or separate", "what is added later belongs to the plan, or gets one of its own"),
];

/// A part of a plan that is wrong.
fn wrong(name: &str, found: &str) -> ExitError {
    match PLAN_WORDS.iter().find(|(known, ..)| *known == name) {
        Some((name, allowed, _)) => ExitError::Part { name, found: shown(found), allowed },
        None => {
            let known: Vec<&str> = PLAN_WORDS.iter().map(|(name, ..)| *name).collect();
            ExitError::Unknown { name: shown(name), known: known.join(", ") }
        }
    }
}

impl ExitPlan {
    /// A plan from its parts.
    ///
    /// # Errors
    /// Names the part and what may stand there, or says why the whole is no plan.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ExitError> {
        let mut plan = Self::default();
        let (mut trail, mut from, mut then_from, mut then_trail) = (None, None, None, None);
        for (name, text) in pairs {
            let bad = || wrong(name, text);
            let level = || text.parse::<ExitLevel>().map(Some).map_err(|_| bad());
            let whole = || text.parse::<u32>().map(Some).map_err(|_| bad());
            match name {
                "stop" => plan.stop_loss = level()?,
                "take" => {
                    let steps = text.split_whitespace().map(str::parse::<TakeStep>);
                    plan.take_profit = steps.collect::<Result<_, _>>().map_err(|_| bad())?;
                }
                "trail" => trail = level()?,
                "trail_from" => from = level()?,
                "then_from" => then_from = level()?,
                "then_trail" => then_trail = level()?,
                "break_even" => {
                    plan.break_even = match text {
                        "yes" | "true" => true,
                        "no" | "false" => false,
                        _ => return Err(bad()),
                    }
                }
                "sessions" => plan.sessions = whole()?,
                "before_close" => plan.before_close = whole()?,
                "by" => {
                    plan.trigger = match text {
                        "mark" => TriggerPrice::Mark,
                        "last" => TriggerPrice::Last,
                        "bid_ask" | "bid-ask" => TriggerPrice::BidAsk,
                        _ => return Err(bad()),
                    }
                }
                "placement" => {
                    plan.placement = match text {
                        "auto" => Placement::Auto,
                        "engine" => Placement::Engine,
                        _ => return Err(bad()),
                    }
                }
                "scale_in" => {
                    plan.scale_in = match text {
                        "extend" => ScaleIn::Extend,
                        "separate" => ScaleIn::Separate,
                        _ => return Err(bad()),
                    }
                }
                _ => return Err(bad()),
            }
        }
        if trail.is_none() && (from.is_some() || then_from.is_some() || then_trail.is_some()) {
            return Err(ExitError::Plan("trail_from, then_from and then_trail need a trail"));
        }
        if then_from.is_some() != then_trail.is_some() {
            return Err(ExitError::Plan("then_from and then_trail go together"));
        }
        plan.trailing = trail.map(|distance| Trailing {
            distance,
            activate_at: from,
            tighten: then_from.zip(then_trail),
        });
        plan.check()?;
        Ok(plan)
    }

    /// The parts of a plan; what is as it is by itself is left out.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        pairs.extend(self.stop_loss.map(|level| ("stop", level.to_string())));
        if !self.take_profit.is_empty() {
            let steps: Vec<String> = self
                .take_profit
                .iter()
                .map(|step| match step.part == Decimal::ONE {
                    true => step.level.to_string(),
                    false => format!("{}:{}", step.level, step.part.normalize()),
                })
                .collect();
            pairs.push(("take", steps.join(" ")));
        }
        if let Some(trail) = &self.trailing {
            pairs.push(("trail", trail.distance.to_string()));
            pairs.extend(trail.activate_at.map(|level| ("trail_from", level.to_string())));
            if let Some((from, distance)) = trail.tighten {
                pairs.push(("then_from", from.to_string()));
                pairs.push(("then_trail", distance.to_string()));
            }
        }
        pairs.extend(self.break_even.then(|| ("break_even", "yes".to_owned())));
        pairs.extend(self.sessions.map(|n| ("sessions", n.to_string())));
        pairs.extend(self.before_close.map(|n| ("before_close", n.to_string())));
        pairs.extend(match self.trigger {
            TriggerPrice::Mark => None,
            TriggerPrice::Last => Some(("by", "last".to_owned())),
            TriggerPrice::BidAsk => Some(("by", "bid_ask".to_owned())),
        });
        pairs.extend((self.placement == Placement::Engine).then(|| ("placement", "engine".to_owned())));
        pairs.extend((self.scale_in == ScaleIn::Separate).then(|| ("scale_in", "separate".to_owned())));
        pairs
    }

    /// A plan from a line such as `stop=5% take=1r:0.5 2r:0.5`: a word without a name belongs to the one before it.
    ///
    /// # Errors
    /// As `from_pairs`.
    pub fn from_line(line: &str) -> Result<Self, ExitError> {
        let mut words: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            match words.last_mut().filter(|_| !word.contains('=')) {
                Some(before) => {
                    before.push(' ');
                    before.push_str(word);
                }
                None => words.push(word.to_owned()),
            }
        }
        Self::from_words(words.iter().map(String::as_str))
    }

    /// A plan from words such as `stop=5%`.
    ///
    /// # Errors
    /// As `from_pairs`.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, ExitError> {
        let pairs: Result<Vec<(&str, &str)>, ExitError> =
            words.into_iter().map(|word| word.split_once('=').ok_or_else(|| wrong(word, ""))).collect();
        Self::from_pairs(pairs?)
    }
}
