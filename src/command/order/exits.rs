//! What ends a position by itself: the exits of a bracket, stop and trail prices.

use rust_decimal::Decimal;

use crate::command::lex::{Kind, Token};
use crate::command::types::Missing;
use crate::command::words;
use crate::domain::order::PositionEffect;

use super::prices::check_pair;
use super::{Parsed, Reader, Trouble, Verb, once, refuse};

impl Reader<'_> {
    /// Take-profit and stop-loss prices of a bracket.
    pub(super) fn exits(&mut self) -> Parsed<()> {
        if matches!(self.text(0), "bracket" | "bracketed" | "protect" | "protected") {
            self.at += 1;
            self.slots.bracket_said = true;
            return Ok(());
        }
        let profit = match (self.text(0), self.text(1)) {
            ("take", "profit" | "profits") | ("profit", "target") | ("price", "target") => 2,
            ("tp" | "target" | "pt" | "takeprofit" | "take-profit" | "tgt", _) => 1,
            _ => 0,
        };
        if profit > 0 {
            self.at += profit;
            return match self.exit_price()? {
                Some(price) => once(&mut self.slots.take_profit, price, "profit targets"),
                None => refuse("At which price is the profit taken?"),
            };
        }
        let loss = match (self.text(0), self.text(1)) {
            ("stop", "loss") => 2,
            ("sl" | "stoploss" | "stop-loss", _) => 1,
            // "with a stop at 400 and target 430": a stop beside a target is the bracket's.
            ("stop", _)
                if (self.slots.take_profit.is_some() || self.has_target_ahead())
                    && !self.has_loss_ahead() =>
            {
                1
            }
            // "at 230 with a stop at 220": beside an entry that has its price, a stop protects.
            ("stop", _) if self.joined_to_entry() => 1,
            _ => return Ok(()),
        };
        let joined = self.is_joined();
        self.slots.bare_loss |= self.text(0) == "stop" && loss == 1 && !joined;
        self.at += loss;
        if self.slots.verb == Some(Verb::Protect) && self.takes_quantity()? {
            self.slots.stop_named = true;
            return Ok(());
        }
        match self.exit_price()? {
            // What closes has nothing to protect: its "stop loss" is the stop order itself.
            Some(price) if self.closes() => once(&mut self.slots.stop, price, "stop prices"),
            Some(price) => once(&mut self.slots.stop_loss, price, "stop losses"),
            // "stop loss aapl 220": the symbol comes first.
            None if self.slots.verb == Some(Verb::Protect) && self.at < self.tokens.len() => {
                self.slots.stop_named = true;
                Ok(())
            }
            None => {
                Err(Trouble::Missing(vec![Missing::Price], "At which price is the loss stopped?".to_owned()))
            }
        }
    }

    /// Is what stands here joined to what stood before: "with a", "and the".
    pub(super) fn is_joined(&self) -> bool {
        let before = self.tokens[..self.at].iter().rev();
        let mut before = before.skip_while(|t| matches!(t.text.as_str(), "a" | "an" | "the" | "my" | "hard"));
        before.next().is_some_and(|t| {
            matches!(t.text.as_str(), "with" | "and" | "then" | "plus" | "," | "protect" | "protected")
        })
    }

    /// Does a stop here belong to an entry: an order that opens, whose own price or market was said.
    fn joined_to_entry(&self) -> bool {
        let priced = self.slots.limit.is_some() || self.slots.peg.is_some() || self.slots.market;
        self.opens() && priced && self.is_joined() && !matches!(self.text(1), "limit" | "lmt")
    }

    /// Does the order open a position by what its verb says.
    pub(super) fn opens(&self) -> bool {
        match (self.slots.verb, self.slots.effect) {
            (Some(Verb::Buy), Some(PositionEffect::Open) | None) | (Some(Verb::Short), _) => true,
            (Some(Verb::Sell), effect) => effect == Some(PositionEffect::Open),
            _ => false,
        }
    }

    /// The price behind an exit's name.
    fn exit_price(&mut self) -> Parsed<Option<Decimal>> {
        self.skip(&["at", "of", "to", "is", "=", ":"]);
        if let Some(Kind::Percent(_)) = self.kind(0) {
            return refuse("Give the bracket's exits as prices; percentages are set in the order ticket.");
        }
        Ok(self.value())
    }

    /// Does the order reduce a position by what its verb says.
    fn closes(&self) -> bool {
        matches!(self.slots.verb, Some(Verb::Sell | Verb::Close | Verb::Cover | Verb::Protect))
            && self.slots.effect != Some(PositionEffect::Open)
    }

    fn has_target_ahead(&self) -> bool {
        self.tokens[self.at..]
            .iter()
            .any(|t| matches!(t.text.as_str(), "tp" | "target" | "pt" | "profit" | "tgt"))
    }

    /// Is the bracket's loss named by its own word, so that "stop" is the entry's trigger.
    fn has_loss_ahead(&self) -> bool {
        self.tokens[self.at + 1..].iter().enumerate().any(|(i, t)| {
            matches!(t.text.as_str(), "sl" | "stoploss" | "stop-loss")
                || t.text == "loss" && i > 0 && self.tokens[self.at + i].text == "stop"
        })
    }

    /// Stop and trail prices.
    pub(super) fn stops(&mut self) -> Parsed<()> {
        match self.text(0) {
            "trail" | "trailing" | "tsl" => self.trail(),
            "stop" | "stp" | "stops" | "trigger" | "stplmt" | "stoplimit" | "stop-limit" => self.stop(),
            _ => self.stop_before_its_word(),
        }
    }

    /// "150 stop 149 limit": each price before its word, once the amount is known.
    fn stop_before_its_word(&mut self) -> Parsed<()> {
        let counted = self.slots.quantity.is_some()
            || self.slots.all
            || self.slots.notional.is_some()
            || self.slots.percent_of_position.is_some();
        let (Some(Kind::Number(stop) | Kind::Money(stop)), Some(Kind::Number(limit) | Kind::Money(limit))) =
            (self.kind(0), self.kind(2))
        else {
            return Ok(());
        };
        let (stop, limit) = (*stop, *limit);
        let named =
            matches!(self.text(1), "stop" | "stp") && matches!(self.text(3), "limit" | "lmt") && counted;
        let more = matches!(self.kind(4), Some(Kind::Number(_) | Kind::Money(_)));
        if !named || more {
            return Ok(());
        }
        self.at += 4;
        self.slots.limit_named = true;
        once(&mut self.slots.stop, stop, "stop prices")?;
        once(&mut self.slots.limit, limit, "limit prices")?;
        check_pair(&self.slots)
    }

    /// `trail 5%`, `trailing stop of $2`, `5% trailing`.
    fn trail(&mut self) -> Parsed<()> {
        self.trails_alone()?;
        self.at += 1;
        while matches!(self.text(0), "stop" | "stp" | "by" | "of" | "loss" | "at" | "order" | "a" | "with") {
            self.at += 1;
        }
        if let Some((percent, used)) = self.percent_ahead() {
            self.at += used;
            return once(&mut self.slots.trail_percent, percent, "trails");
        }
        if self.takes_quantity()? {
            self.slots.trail_named = true;
            return Ok(());
        }
        match self.value() {
            Some(amount) => once(&mut self.slots.trail_amount, amount, "trails"),
            // "5% trailing": the number stood before.
            None if self.slots.trail_percent.is_some() || self.slots.trail_amount.is_some() => Ok(()),
            // "trail my nvda by 4%": the symbol comes first.
            None if self.slots.verb == Some(Verb::Protect) && self.at < self.tokens.len() => {
                self.slots.trail_named = true;
                Ok(())
            }
            None => refuse("How far does the stop trail? Give per cent or an amount."),
        }
    }

    /// "trail 10 aapl by 5", "stop loss 10 aapl at 220": a number before a name is how many where the distance or the price is marked
    /// behind it. Without a mark either may be it, and a lone number is no quantity: "stop loss 165 nvda".
    fn takes_quantity(&mut self) -> Parsed<bool> {
        let quantity = match self.kind(0) {
            Some(Kind::Number(value)) if self.is_quantity_at(0) => *value,
            _ => return Ok(false),
        };
        let rest = &self.tokens[self.at + 1..];
        let marked = |w: &[Token]| {
            matches!(w[1].kind, Kind::Percent(_) | Kind::Money(_))
                || matches!(w[1].kind, Kind::Number(_))
                    && (w[0].kind == Kind::At || matches!(w[0].text.as_str(), "at" | "by" | "to" | "of"))
        };
        if !rest.windows(2).any(marked) {
            return match rest.iter().any(|t| matches!(t.kind, Kind::Number(_))) {
                true => {
                    refuse("Which number is how many? Say the other behind at, or by: trail 10 aapl by 5.")
                }
                false => Ok(false),
            };
        }
        self.at += 1;
        self.slots.quantity = Some(quantity);
        Ok(true)
    }

    /// "buy 10 aapl with a 5% trailing stop" wants an exit, not an entry that trails.
    pub(super) fn trails_alone(&self) -> Parsed<()> {
        if self.opens() && self.is_joined() {
            return refuse("A trailing exit is put under what is held: buy first, then trail it.");
        }
        Ok(())
    }

    /// `stop 180`, `stop limit at 180`, `stop at market 180`.
    fn stop(&mut self) -> Parsed<()> {
        // "with a stop at 220" of an order without a price, or "at 230 stop 220": the trigger, or the loss.
        let after_price =
            self.slots.limit.is_some() && !self.slots.limit_named && self.at + 1 < self.tokens.len();
        if self.opens() && (self.is_joined() || after_price) && !self.has_loss_ahead() {
            return refuse(
                "Is the stop the order's trigger, or its stop loss? Say stop 240 limit 241, or sl 220.",
            );
        }
        let with_limit = matches!(self.text(0), "stplmt" | "stoplimit" | "stop-limit");
        self.at += 1;
        if matches!(self.text(0), "limit" | "lmt") && matches!(self.text(1), "order" | "at") {
            self.at += 1;
            self.slots.limit_named = true;
        }
        self.slots.limit_named |= with_limit;
        let pair = usize::from(matches!(self.text(0), "limit" | "lmt"));
        if with_limit || pair > 0 {
            // "stop limit 220 219.50": the trigger, then the limit.
            if let (
                Some(Kind::Number(stop) | Kind::Money(stop)),
                Some(Kind::Number(limit) | Kind::Money(limit)),
            ) = (self.kind(pair), self.kind(pair + 1))
            {
                let (stop, limit) = (*stop, *limit);
                self.at += pair + 2;
                once(&mut self.slots.stop, stop, "stop prices")?;
                once(&mut self.slots.limit, limit, "limit prices")?;
                return check_pair(&self.slots);
            }
        }
        // "buy stop limit 10 aapl 240 241": the prices come behind the symbol.
        if pair > 0 && self.is_quantity_at(pair) {
            self.at += pair;
            self.slots.limit_named = true;
        }
        // A stop market order, by its full name: it has no limit.
        let named = self.at;
        self.skip(&["at", "of", "price", "order", "is", "market", "mkt", "=", "on", "a"]);
        self.slots.market |=
            self.tokens[named..self.at].iter().any(|t| matches!(t.text.as_str(), "market" | "mkt"));
        // "buy stop 10 aapl @ 240": a number before a name is the quantity.
        let quantity_first = self.is_quantity_at(0)
            || self.slots.quantity.is_none()
                && self.number_words().is_some_and(|(_, used)| {
                    matches!(self.kind(used), Some(Kind::Word)) && !words::is_keyword(self.text(used))
                });
        match if quantity_first { None } else { self.value() } {
            Some(price) => {
                once(&mut self.slots.stop, price, "stop prices")?;
                if matches!(self.kind(0), Some(Kind::Mark('/'))) {
                    self.at += 1;
                }
                Ok(())
            }
            None if self.tokens[self.at..]
                .iter()
                .any(|t| matches!(t.kind, Kind::At | Kind::Number(_) | Kind::Money(_))) =>
            {
                self.stop_price_later(quantity_first && pair > 0)
            }
            None => Err(Trouble::Missing(
                vec![Missing::Price],
                "At which price does the stop trigger?".to_owned(),
            )),
        }
    }

    /// `stop sell 10 aapl at 180`, `buy stop 10 aapl @ 240`: the price marked by "at" later is the trigger. Of two
    /// prices without a mark, trigger and limit, none can be the quantity: `sell stop limit 10 aapl 220 219`.
    fn stop_price_later(&mut self, prices_last: bool) -> Parsed<()> {
        let marker = (self.at..self.tokens.len()).rev().find(|i| {
            let marked = matches!(self.tokens[*i].kind, Kind::At) || self.tokens[*i].text == "at";
            marked
                && matches!(self.tokens.get(*i + 1).map(|t| &t.kind), Some(Kind::Number(_) | Kind::Money(_)))
        });
        let Some(marker) = marker else {
            if prices_last {
                self.slots.stop_last = true;
                return Ok(());
            }
            return refuse("Which number is the trigger? Say it behind the word: stop 240.");
        };
        if let Kind::Number(price) | Kind::Money(price) = self.tokens[marker + 1].kind {
            once(&mut self.slots.stop, price, "stop prices")?;
            self.slots.missing_price = true;
        }
        Ok(())
    }
}
