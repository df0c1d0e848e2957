//! The verb: side and position effect, wherever in the sentence it stands.

use rust_decimal::Decimal;

use crate::command::lex::{Kind, Token};
use crate::command::types::{LimitPeg, Missing};
use crate::command::{guard, spread, symbols, words};
use crate::domain::order::PositionEffect;

use super::{Parsed, Reader, Trouble, Verb, refuse};

impl Reader<'_> {
    pub(super) fn leading_pleasantries(&mut self) {
        if self.is(&["will", "you"]) {
            self.at += 2;
        }
        while self.forced != Some(self.at)
            && !(matches!(self.text(0), "on" | "in" | "at" | "with" | "from")
                && words::broker(self.text(1)).is_some())
            && !(self.text(0) == "at" && matches!(self.kind(1), Some(Kind::Number(_) | Kind::Money(_))))
            && (matches!(self.kind(0), Some(Kind::Mark(',' | ':')))
                || (words::is_filler(self.text(0)) && self.text(0) != "have" && !self.is(&["cash", "out"])))
        {
            self.at += 1;
        }
    }

    pub(super) fn verb(&mut self) -> Parsed<()> {
        // "reduce only sell 1 btc perp": the flag stands in front.
        if let ("reduce" | "post", "only") = (self.text(0), self.text(1)) {
            self.slots.reduce_only |= self.text(0) == "reduce";
            self.slots.post_only |= self.text(0) == "post";
            self.at += 2;
            return self.verb();
        }
        let (verb, effect, used) = match (self.text(0), self.text(1), self.text(2)) {
            // A short is bought back. Which side is held the engine knows; here the word says it.
            ("buy" | "buying", "back", _) => (Verb::Cover, None, 2),
            ("take", "profit" | "profits", _) => return self.profit(2),
            ("tp" | "take-profit" | "takeprofit", ..) => return self.profit(1),
            ("lift" | "join" | "hit" | "pay" | "slap", "the", "bid" | "offer" | "ask") => {
                return self.touch();
            }
            ("add", "a" | "an" | "my" | "the", _) if self.adds_a_stop() => (Verb::Protect, None, 2),
            // "open 1 bear put spread": the package's name or its price says the side.
            ("open", ..) if self.names_a_package() => {
                self.at += 1;
                return Ok(());
            }
            ("buy", "to", "open") | ("buying", "to", "open") => (Verb::Buy, Some(PositionEffect::Open), 3),
            ("buy", "to", "close") => (Verb::Buy, Some(PositionEffect::Close), 3),
            ("buy", "to", "cover") => (Verb::Cover, None, 3),
            ("sell", "to", "open") => (Verb::Sell, Some(PositionEffect::Open), 3),
            ("sell", "to", "close") => (Verb::Sell, Some(PositionEffect::Close), 3),
            ("sell", "short", _) | ("short", "sell", _) => (Verb::Short, None, 2),
            ("bto", ..) => (Verb::Buy, Some(PositionEffect::Open), 1),
            ("btc", next, _) if self.at + 1 < self.tokens.len() && !guard::is_verb(next) => {
                (Verb::Buy, Some(PositionEffect::Close), 1)
            }
            ("btcover" | "bcover", ..) => (Verb::Cover, None, 1),
            ("sto" | "write" | "writing", ..) => (Verb::Sell, Some(PositionEffect::Open), 1),
            ("stc", ..) => (Verb::Sell, Some(PositionEffect::Close), 1),
            ("pick" | "load" | "scoop" | "snap" | "stock", "up", _)
            | ("go", "long", _)
            | ("get", "long", _) => (Verb::Buy, None, 2),
            ("load", "me", _) => (Verb::Buy, None, 2),
            ("go", "short", _) | ("get", "short", _) => (Verb::Short, None, 2),
            ("get", "out", "of") | ("get", "rid", "of") => (Verb::Close, None, 3),
            ("get" | "take", "me", "out") if self.text(3) == "of" => (Verb::Close, None, 4),
            ("bail", "out", "of") => (Verb::Close, None, 3),
            ("bail", "on", _) => (Verb::Close, None, 2),
            ("pick", "me", "up") => (Verb::Buy, None, 3),
            ("halve", ..) => {
                self.slots.percent_of_position = Some(Decimal::from(50));
                (Verb::Close, None, 1)
            }
            ("sell", "off", _) => (Verb::Sell, None, 2),
            // Who says so buys, or sells: the other side than the verb's.
            ("sell", "me" | "us", _) | ("take", "my" | "our", _) if !self.takes_off() => {
                return either_side();
            }
            // On the floor a bid is a price for a size, an offer a size at a price.
            ("offer", "for", _) => return either_side(),
            ("offer", _, "for") if matches!(self.kind(1), Some(Kind::Number(_) | Kind::Money(_))) => {
                return either_side();
            }
            // "take a third off my tsla" sells, "take 10 aapl" buys.
            ("take", ..) if self.takes_off() => (Verb::Sell, None, 1),
            ("close" | "square" | "cash", "out", "of") => (Verb::Close, None, 3),
            ("close" | "square" | "cash", "out" | "off" | "up", _) => (Verb::Close, None, 2),
            (
                "buy" | "b" | "bot" | "purchase" | "get" | "grab" | "accumulate" | "add" | "long" | "acquire"
                | "bid" | "take" | "spend" | "invest" | "use" | "buying" | "ape" | "yolo" | "snag",
                ..,
            ) => (Verb::Buy, None, 1),
            ("put", ..)
                if matches!(self.kind(1), Some(Kind::Money(_) | Kind::Percent(_) | Kind::Number(_)))
                    && !self.tokens[self.at + 1].raw.starts_with(['+', '-'])
                    && !self.names_a_package() =>
            {
                (Verb::Buy, None, 1)
            }
            (
                "sell" | "s" | "sld" | "dump" | "unload" | "offload" | "trim" | "ditch" | "offer" | "selling"
                | "reduce" | "cut",
                ..,
            ) => (Verb::Sell, None, 1),
            ("short" | "ss" | "shorting", ..) => (Verb::Short, None, 1),
            ("cover", ..) => (Verb::Cover, None, 1),
            ("close" | "exit" | "liquidate" | "flatten" | "square", ..) => (Verb::Close, None, 1),
            ("trail", ..) | ("tsl", ..) | ("trailing", ..) => (Verb::Protect, None, 0),
            ("protect", ..) => (Verb::Protect, None, 1),
            // "set a 5% trailing stop on my nvda": the distance first.
            (_, "trail" | "trailing" | "tsl", _)
                if matches!(self.kind(0), Some(Kind::Percent(_) | Kind::Money(_)))
                    && !self.tokens.iter().any(|t| guard::is_verb(&t.text))
                    && !self.tokens[..self.at].iter().any(|t| is_told(&t.text)) =>
            {
                (Verb::Protect, None, 0)
            }
            ("put" | "set" | "place" | "have", ..) => return self.protect_or_clarify(),
            _ => return self.verbless(),
        };
        self.slots.option_said |= matches!(self.text(0), "write" | "writing");
        // A bid names its price, and so does an offer.
        self.slots.price_first = matches!(self.text(0), "bid" | "offer");
        self.slots.missing_price |= self.slots.price_first;
        self.slots.verb = Some(verb);
        self.slots.effect = effect;
        self.at += used;
        Ok(())
    }

    /// `take profit on nvda at 200`, `tp 250 on my aapl`: a limit that closes. At which price is the whole point of it.
    fn profit(&mut self, used: usize) -> Parsed<()> {
        self.slots.verb = Some(Verb::Close);
        self.slots.missing_price = true;
        self.at += used;
        self.skip(&["at", "of", "to"]);
        let (Some(Kind::Number(price) | Kind::Money(price)), false) = (self.kind(0), self.is_quantity_at(0))
        else {
            return Ok(());
        };
        let price = *price;
        self.at += 1;
        self.limit_price(price)
    }

    /// `lift the offer`, `hit the bid`, `join the bid`: side and price are one word of the floor's.
    fn touch(&mut self) -> Parsed<()> {
        let (verb, peg) = match (self.text(0), self.text(2)) {
            ("lift" | "hit" | "pay" | "slap", "offer" | "ask") => (Verb::Buy, LimitPeg::Ask),
            ("hit", "bid") => (Verb::Sell, LimitPeg::Bid),
            ("join", "bid") => (Verb::Buy, LimitPeg::Bid),
            ("join", _) => (Verb::Sell, LimitPeg::Ask),
            _ => return refuse("A bid is hit, an offer is lifted; say buy or sell."),
        };
        self.slots.verb = Some(verb);
        self.slots.peg = Some(peg);
        self.at += 3;
        while matches!(self.text(0), "on" | "for" | "in" | "with") {
            self.at += 1;
        }
        Ok(())
    }

    /// `put a trailing stop of $2 on my spy`.
    fn protect_or_clarify(&mut self) -> Parsed<()> {
        if self.text(0) == "put" && !self.puts_an_order() {
            return refuse("A put is bought or sold, a stop is put under what is held; say which.");
        }
        self.at += 1;
        while words::is_filler(self.text(0)) && self.at < self.tokens.len() {
            self.at += 1;
        }
        let trails = |word: &str| matches!(word, "trail" | "trailing" | "tsl");
        let by_so_much = matches!(self.kind(0), Some(Kind::Percent(_) | Kind::Money(_)));
        if trails(self.text(0)) || by_so_much && trails(self.text(1)) {
            self.slots.verb = Some(Verb::Protect);
            return Ok(());
        }
        if matches!(self.text(0), "limit" | "market" | "stop") {
            // "place a limit order to buy 100 ...": the verb comes later.
            return self.verbless();
        }
        self.verb_after_filler()
    }

    /// "add a trailing stop of 3% to my spy", "add a 3% trail".
    fn adds_a_stop(&self) -> bool {
        (2..=3).any(|i| matches!(self.text(i), "stop" | "trail" | "trailing" | "tsl"))
    }

    fn names_a_package(&self) -> bool {
        (self.at..self.tokens.len()).any(|i| {
            let texts: Vec<&str> = self.tokens[i..].iter().take(4).map(|t| t.text.as_str()).collect();
            spread::name(&texts).is_some()
        })
    }

    fn takes_off(&self) -> bool {
        self.tokens[self.at..].iter().any(|t| t.text == "off")
    }

    /// Is "put" the verb of an order, "put in an order", "put a stop". Elsewhere it may be half of something else.
    fn puts_an_order(&self) -> bool {
        match (self.text(1), self.text(2)) {
            ("in" | "on" | "up", article) => matches!(article, "a" | "an" | "the" | "my"),
            ("stop" | "stp", next) => !guard::is_verb(next),
            (next, _) => matches!(next, "a" | "an" | "the" | "my" | "trail" | "trailing" | "tsl" | "me"),
        }
    }

    fn verb_after_filler(&mut self) -> Parsed<()> {
        if self.text(0) == "put" {
            return refuse("A put is bought or sold, a stop is put under what is held; say which.");
        }
        if matches!(self.text(0), "set" | "place" | "have" | "") { self.verbless() } else { self.verb() }
    }

    /// The verb stands later: `+10 nvda`, `aapl 190c bto`, `limit buy 100 msft`, `100 f moc sell`.
    fn verbless(&mut self) -> Parsed<()> {
        if let Some(&Kind::Number(value)) = self.kind(0) {
            let verb = match self.tokens[self.at].raw.bytes().next() {
                Some(b'+') => Some(Verb::Buy),
                Some(b'-') => Some(Verb::Sell),
                _ => None,
            };
            if verb.is_some() {
                self.slots.verb = verb;
                self.slots.quantity = Some(value.abs());
                self.at += 1;
                return Ok(());
            }
        }
        // "msft close half"; a close alone may be a price.
        let part = matches!(self.text(2), "half" | "all") || matches!(self.kind(2), Some(Kind::Percent(_)));
        if part
            && matches!(self.text(1), "close" | "exit" | "flatten" | "liquidate" | "dump")
            && matches!(symbols::read(&self.tokens[self.at..], self.context), Some((_, 1)))
        {
            return self.verb_at(self.at + 1);
        }
        let names = ["buy", "bto", "sell", "sto", "stc", "short", "cover", "bot", "sld", "purchase"];
        let later = (self.at..self.tokens.len())
            .find(|i| self.forced != Some(*i) && names.contains(&self.tokens[*i].text.as_str()));
        match later {
            Some(later) => self.verb_at(later),
            None => self.no_verb(),
        }
    }

    /// Reads the verb where it stands, and what stands before it as if it stood after it.
    fn verb_at(&mut self, later: usize) -> Parsed<()> {
        let start = self.at;
        self.at = later;
        self.verb()?;
        let used = self.at - later;
        let (front, back) = (&self.tokens[start..later], &self.tokens[later + used..]);
        // "1. sell 10 aapl": a number of the line is no price.
        if !front.is_empty()
            && front.iter().all(|t| matches!(t.kind, Kind::Number(_) | Kind::Money(_) | Kind::Mark(_)))
        {
            return refuse("There is a number before the verb; say what it is, as in: buy 10 aapl at 20.");
        }
        let says = |word: &str| front.iter().any(|t| t.text == word);
        let kind = front.iter().all(|t| is_kind_of_stop(&t.text)) && (says("stop") || says("stp"));
        // A stop's own words come before its price.
        let stop_in_front =
            says("stop") || says("stp") || says("trail") || says("trailing") || says("bracket");
        // "1 aapl buy 240 put": numbers are read in the order they were said in.
        let counted = front.iter().any(|t| matches!(t.kind, Kind::Number(_)));
        let turned = match (kind, stop_in_front || counted) {
            (true, _) => back.to_vec(),
            (_, true) => [front, back].concat(),
            _ => [back, front].concat(),
        };
        let mut rest = Reader::new(&turned, self.context, None);
        rest.slots = std::mem::take(&mut self.slots);
        if kind {
            // "stop limit sell 10 aapl 220 219": only the kind of the order stood in front, its prices come last.
            rest.slots.stop_last = true;
            rest.slots.market |= says("market") || says("mkt");
            rest.slots.limit_named |= says("limit") || says("lmt");
        }
        rest.slots_to_end()?;
        self.slots = rest.slots;
        self.at = self.tokens.len();
        Ok(())
    }

    /// What a sentence without any verb can still be: a package, whose price says its side, or a stop under what is held.
    fn no_verb(&mut self) -> Parsed<()> {
        // "iron condor spy ... 0.85 cr"; "my iron condor" is one that is there.
        let held = self.tokens.iter().any(|t| is_told(&t.text));
        if self.names_a_package() && !held {
            return Ok(());
        }
        let priced = |t: &Token| t.text == "loss" || matches!(t.kind, Kind::Number(_) | Kind::Money(_));
        if matches!(self.text(0), "stop" | "stp" | "sl" | "stop-loss" | "stoploss")
            && self.tokens[self.at..].iter().any(priced)
        {
            self.slots.verb = Some(Verb::Protect);
            return Ok(());
        }
        Err(Trouble::Missing(vec![Missing::Side], "Buy or sell?".to_owned()))
    }
}

/// Words before what is there already, and is told of.
fn is_told(word: &str) -> bool {
    matches!(word, "my" | "our" | "have" | "the" | "that" | "this" | "there" | "is")
}

fn either_side() -> Parsed<()> {
    Err(Trouble::Missing(vec![Missing::Side], "Do you buy or do you sell?".to_owned()))
}

/// Words that say what kind of stop an order is, and nothing else.
fn is_kind_of_stop(word: &str) -> bool {
    matches!(word, "a" | "stop" | "stp" | "limit" | "lmt" | "market" | "mkt" | "order" | "to")
}
