//! Sentences that tell of an order instead of giving one: "there is an order to buy 10 aapl", "you want to sell 10 aapl", "my stop is
//! 215". They are made of the words of an order and of small talk alone, so that only how these stand to each other shows it.

use super::guard;
use super::lex::{Kind, Token};
use super::words;

/// Does a sentence tell of something, so that nothing may come of it.
pub(super) fn tells(tokens: &[Token]) -> bool {
    let verb = tokens.iter().position(|t| begins_to_act(&t.text)).unwrap_or(tokens.len());
    let sentence = Sentence { tokens, verb };
    (0..verb).any(|at| sentence.tells_before_the_verb(at))
        || (verb + 1..tokens.len()).any(|at| sentence.tells_behind_the_verb(at))
        || (0..tokens.len()).any(|at| sentence.is_no_request(at))
}

/// Words that an instruction begins with, small talk apart.
fn begins_to_act(word: &str) -> bool {
    guard::is_verb(word)
        || words::change(word).is_some()
        || words::cancels_orders(word)
        || words::removes_orders(word)
        || matches!(
            word,
            "buying"
                | "selling"
                | "shorting"
                | "writing"
                | "write"
                | "long"
                | "add"
                | "get"
                | "give"
                | "take"
                | "put"
                | "set"
                | "place"
                | "enter"
                | "submit"
                | "send"
                | "use"
                | "spend"
                | "invest"
                | "pick"
                | "load"
                | "scoop"
                | "snap"
                | "snag"
                | "bail"
                | "halve"
                | "accumulate"
                | "acquire"
                | "bid"
                | "lift"
                | "pay"
                | "slap"
                | "hit"
                | "join"
                | "offload"
                | "ditch"
                | "square"
                | "stop"
                | "stp"
                | "sl"
                | "stop-loss"
                | "stoploss"
                | "trail"
                | "trailing"
                | "tsl"
                | "protect"
                | "start"
                | "run"
                | "launch"
                | "pause"
                | "resume"
                | "switch"
                | "turn"
        )
}

/// Verbs whose past sounds like their present: "i set a stop" reports.
fn is_past_too(word: &str) -> bool {
    matches!(word, "set" | "put" | "cut" | "hit" | "bid")
}

/// Words that may stand between the joint "my" or "the" and an order that is there already.
fn names_what_is_there(word: &str) -> bool {
    matches!(
        word,
        "limit"
            | "market"
            | "order"
            | "orders"
            | "price"
            | "option"
            | "options"
            | "right"
            | "new"
            | "usual"
            | "regular"
            | "position"
            | "stock"
            | "stocks"
            | "iron"
            | "condor"
            | "butterfly"
            | "straddle"
            | "strangle"
            | "spread"
            | "vertical"
            | "calendar"
            | "covered"
            | "bull"
            | "bear"
    )
}

/// Words that an "is" may stand behind in an order: "limit price is 230".
fn takes_a_value(word: &str) -> bool {
    matches!(
        word,
        "price"
            | "limit"
            | "lmt"
            | "stop"
            | "stp"
            | "loss"
            | "target"
            | "profit"
            | "tp"
            | "sl"
            | "pt"
            | "trigger"
            | "quantity"
            | "qty"
            | "size"
            | "amount"
            | "strike"
            | "expiry"
            | "expiration"
            | "tif"
            | "force"
    )
}

/// A sentence and where its first verb stands; behind its end when it has none.
struct Sentence<'a> {
    tokens: &'a [Token<'a>],
    verb: usize,
}

impl Sentence<'_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    fn before(&self, at: usize) -> &str {
        at.checked_sub(1).map_or("", |at| self.text(at))
    }

    fn is_number(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| matches!(token.kind, Kind::Number(_)))
    }

    fn is_mark(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| matches!(token.kind, Kind::Mark(_)))
    }

    /// Is the word one that a request does not begin with: who, what is there, what is like what.
    fn tells_before_the_verb(&self, at: usize) -> bool {
        let (next, before) = (self.text(at + 1), self.before(at));
        match self.text(at) {
            "i" | "we" => !self.wishes(at),
            "you" => !matches!(
                before,
                "can" | "could" | "would" | "will" | "want" | "like" | "need" | "thank" | "love"
            ),
            "like" | "love" => !matches!(before, "i'd" | "we'd" | "would"),
            "have" => next != "to",
            "is" | "be" | "it" | "as" | "own" | "holding" | "that" => true,
            "the" | "my" | "our" | "this" | "usual" => at + 1 == self.verb || names_what_is_there(next),
            "there" => !matches!(before, "hey" | "hi" | "ok" | "okay") && !self.is_mark(at + 1),
            "right" => next != "now" && !self.is_mark(at + 1),
            "thanks" => next == "for",
            "thank" => next == "for" || self.text(at + 2) == "for",
            "can" | "could" => at + 1 == self.verb,
            _ => false,
        }
    }

    /// Says the first person behind here what is wanted, or does it with a verb that has no past in it.
    fn wishes(&self, at: usize) -> bool {
        let next = self.text(at + 1);
        match next {
            "want" | "need" | "wanna" | "gonna" | "gotta" | "would" | "please" | "just" | "now" | "go" => {
                true
            }
            "have" => self.text(at + 2) == "to",
            "place" | "enter" | "submit" => true,
            _ => at + 1 == self.verb && guard::is_verb(next) && !is_past_too(next),
        }
    }

    /// "sell 10 aapl is my order", "buying 10 aapl would be right".
    fn tells_behind_the_verb(&self, at: usize) -> bool {
        match self.text(at) {
            "is" => !takes_a_value(self.before(at)),
            "would" | "could" | "can" => true,
            "be" => self.before(at) != "to" && !self.is_number(at - 1),
            // "a buy of 10 aapl" is one that somebody speaks of.
            "of" => matches!(self.before(at), "buy" | "sell" | "short" | "cover" | "purchase"),
            _ => false,
        }
    }

    /// A verb behind "to" or a preposition belongs to the word before that: "the right to buy", "thanks for buying".
    fn is_no_request(&self, at: usize) -> bool {
        let joint = self.before(at);
        match self.text(at) {
            "buy" | "sell" | "purchase" | "dump" | "cancel" | "liquidate" if joint == "to" => {
                !self.asks_to(at - 1)
            }
            "buying" | "selling" | "shorting" => {
                self.text(at + 1) != "power"
                    && matches!(
                        joint,
                        "for" | "of" | "by" | "from" | "in" | "on" | "like" | "with" | "to" | "than" | "as"
                    )
            }
            _ => false,
        }
    }

    /// May an instruction follow the "to" that stands here.
    fn asks_to(&self, to: usize) -> bool {
        let Some(lead) = to.checked_sub(1) else { return false };
        // "use 500 to buy voo" spends it, "i need cash to buy voo" only tells what for.
        let spends = matches!(self.text(self.verb), "use" | "spend" | "invest" | "put");
        let money = matches!(self.tokens[lead].kind, Kind::Money(_) | Kind::Percent(_))
            || self.is_number(lead)
            || matches!(self.text(lead), "power" | "bp" | "cash" | "dollars" | "bucks");
        spends && money
            || self.text(lead) == "order" && self.before(lead) != "in"
            || matches!(
                self.text(lead),
                "want" | "need" | "like" | "love" | "have" | "going" | "got" | "you" | "ahead" | "try"
            )
    }
}
