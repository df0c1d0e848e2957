//! Broker, post only, reduce only, perpetuals; and words that say nothing.

use rust_decimal::Decimal;

use crate::command::lex::Kind;
use crate::command::symbols::{self, Found};
use crate::command::types::Missing;
use crate::command::words;
use crate::domain::instrument::Instrument;
use crate::domain::order::PositionEffect;

use super::{Parsed, Reader, Trouble, Verb, once, refuse};

impl Reader<'_> {
    /// Broker, post only, reduce only, perpetual.
    pub(super) fn flags(&mut self) -> Parsed<()> {
        match (self.text(0), self.text(1)) {
            ("post", "only") | ("maker", "only") => {
                self.at += 2;
                self.slots.post_only = true;
            }
            ("post-only" | "postonly", _) => {
                self.at += 1;
                self.slots.post_only = true;
            }
            ("reduce", "only") => {
                self.at += 2;
                self.slots.reduce_only = true;
            }
            ("reduce-only" | "reduceonly", _) => {
                self.at += 1;
                self.slots.reduce_only = true;
            }
            // "use 25% of buying power to buy qqq" names the verb again; "close my short tsla" the side that is held.
            ("to", "buy" | "purchase") if self.slots.verb == Some(Verb::Buy) => self.at += 2,
            ("short" | "long", _) if matches!(self.slots.verb, Some(Verb::Close | Verb::Cover)) => {
                self.at += 1
            }
            // "sell 2 aapl 190p jan 15 2027 to open at 2.35", "sell 100 tsla short": the verb's other half comes later.
            ("to", "open" | "close" | "cover") => {
                if let Some((verb, effect)) = self.effect_behind() {
                    (self.slots.verb, self.slots.effect) = (Some(verb), effect);
                    self.at += 2;
                }
            }
            ("short", _)
                if self.slots.verb == Some(Verb::Sell)
                    && self.slots.quantity.is_some()
                    && !self.has_exits() =>
            {
                self.at += 1;
                self.slots.verb = Some(Verb::Short);
            }
            ("lot" | "lots", _) if self.slots.quantity.is_some() => {
                self.at += 1;
                self.slots.lots_said = true;
            }
            ("off", _)
                if self.slots.verb == Some(Verb::Sell)
                    && self.tokens.iter().any(|t| matches!(t.text.as_str(), "take" | "trim")) =>
            {
                self.at += 1;
            }
            // "put a stop under my aapl".
            ("under" | "below", _) if self.slots.verb == Some(Verb::Protect) => self.at += 1,
            ("perp" | "perps" | "perpetual", _) => {
                self.at += 1;
                self.slots.perpetual = true;
            }
            ("via" | "through" | "using" | "on" | "with" | "at" | "in" | "from" | "over", _) => {
                let skip = 1 + usize::from(matches!(self.text(1), "my" | "the"));
                if let Some(broker) = words::broker(self.text(skip)) {
                    self.at += skip + 1;
                    while matches!(self.text(0), "account" | "brokers" | "broker" | "brokerage") {
                        self.at += 1;
                    }
                    return once(&mut self.slots.broker, broker, "brokers");
                }
            }
            (word, _) => {
                if let Some(broker) = words::broker(word)
                    && (matches!(self.text(1), "account" | "brokers" | "broker")
                        || self.at + 1 == self.tokens.len() && self.slots.instrument.is_some())
                    && !matches!(word, "coinbase" | "schwab")
                {
                    self.at += 1;
                    while matches!(self.text(0), "account" | "brokers" | "broker") {
                        self.at += 1;
                    }
                    return once(&mut self.slots.broker, broker, "brokers");
                }
            }
        }
        Ok(())
    }

    /// "to open", "to close", "to cover" behind a buy or a sell that has said neither.
    fn effect_behind(&self) -> Option<(Verb, Option<PositionEffect>)> {
        if self.slots.effect.is_some() || self.has_exits() {
            return None;
        }
        match (self.slots.verb?, self.text(1)) {
            (verb @ (Verb::Buy | Verb::Sell), "open") => Some((verb, Some(PositionEffect::Open))),
            (verb @ (Verb::Buy | Verb::Sell), "close") => Some((verb, Some(PositionEffect::Close))),
            (Verb::Buy | Verb::Cover, "cover") => Some((Verb::Cover, None)),
            _ => None,
        }
    }

    /// Were exits read already, as those of an order whose verb is now said to be another.
    const fn has_exits(&self) -> bool {
        self.slots.stop.is_some() || self.slots.stop_loss.is_some() || self.slots.take_profit.is_some()
    }

    pub(super) fn leftovers(&mut self) -> Parsed<()> {
        match self.kind(0) {
            Some(Kind::Mark(',' | ':' | '!' | '(' | ')' | '.' | '…')) => self.at += 1,
            // "buy 10 aapl – limit 230": a dash between words pauses; before a number it may be a sign.
            Some(Kind::Word)
                if matches!(self.text(0), "-" | "–" | "—") && matches!(self.kind(1), Some(Kind::Word)) =>
            {
                self.at += 1;
            }
            // "dec 18 / jan 15".
            Some(Kind::Word) if self.text(0) == "/" && !self.slots.said_expiry.is_empty() => self.at += 1,
            // "btc cash" is another coin than bitcoin.
            Some(Kind::Word) if self.text(0) == "cash" && self.is_behind_coin() => {}
            // "could you buy 10 aapl?" was caught before; a lone mark elsewhere is noise.
            Some(Kind::Word) if words::is_filler(self.text(0)) => return self.filler(),
            _ => {}
        }
        Ok(())
    }

    /// A word that says nothing by itself, unless what it leads to is missing.
    fn filler(&mut self) -> Parsed<()> {
        let before = self.at.checked_sub(1).map_or("", |at| self.tokens[at].text.as_str());
        let closes = matches!(self.slots.verb, Some(Verb::Close | Verb::Cover));
        let sells = closes || self.slots.verb == Some(Verb::Sell);
        match self.text(0) {
            "at" if matches!(self.text(1), "no" | "not") => self.at += 1,
            // "at 180-190", "at around 185": the word that is no price is named.
            "at" if self.stumbles_at(1) => {
                return Err(Trouble::Unknown(self.tokens[self.at + 1].raw.to_owned()));
            }
            "price" if self.price_behind().is_some() => {
                if let Some((price, used)) = self.price_behind() {
                    self.at += used;
                    return self.limit_price(price);
                }
            }
            "at" | "price" => {
                return Err(Trouble::Missing(vec![Missing::Price], "At which price?".to_owned()));
            }
            "for" if self.is_at_the_end() => {
                return Err(Trouble::Missing(vec![Missing::Price], "For how much?".to_owned()));
            }
            word if is_joint(word) && self.is_at_the_end() => {
                return refuse(format!("Something is missing behind '{word}'."));
            }
            // "buy 10 aapl from me": who says so sells them.
            "me" | "us" if matches!(before, "from" | "to") => {
                return Err(Trouble::Missing(vec![Missing::Side], "Do you buy or do you sell?".to_owned()));
            }
            // "close aapl up 5%": what goes up or is up is nobody's order.
            "up" if !matches!(before, "set" | "put" | "pick" | "load" | "scoop" | "snap" | "stock") => {
                return Err(Trouble::Unknown("up".to_owned()));
            }
            "orders" if sells => return orders_are_canceled(),
            "order" if closes && !is_kind_of_order(before) => return orders_are_canceled(),
            _ => self.at += 1,
        }
        Ok(())
    }

    /// "price: 230", and how many tokens it takes.
    fn price_behind(&self) -> Option<(Decimal, usize)> {
        let mark = usize::from(matches!(self.kind(1), Some(Kind::Mark(':'))) || self.text(1) == "=");
        match self.kind(1 + mark)? {
            Kind::Number(price) | Kind::Money(price) => Some((*price, 2 + mark)),
            _ => None,
        }
    }

    /// Is the token so many ahead a word that nobody knows.
    fn stumbles_at(&self, ahead: usize) -> bool {
        self.tokens.get(self.at + ahead..).is_some_and(|rest| {
            rest.first().is_some_and(|t| t.kind == Kind::Word && !words::is_keyword(&t.text))
                && symbols::read(rest, self.context).is_none()
        })
    }

    /// Is the front the sentence's last word, as it was typed.
    fn is_at_the_end(&self) -> bool {
        let here = self.tokens[self.at].start;
        self.tokens.iter().all(|t| t.start <= here || matches!(t.kind, Kind::Mark(_)))
    }

    /// Does a coin stand before the front.
    fn is_behind_coin(&self) -> bool {
        self.at.checked_sub(1).and_then(|at| symbols::read(&self.tokens[at..=at], self.context)).is_some_and(
            |(found, _)| {
                matches!(found, Found::One(Instrument::Crypto { .. } | Instrument::Perpetual { .. }))
            },
        )
    }
}

/// Words that something must stand behind.
fn is_joint(word: &str) -> bool {
    matches!(
        word,
        "a" | "an"
            | "and"
            | "as"
            | "by"
            | "from"
            | "in"
            | "into"
            | "my"
            | "of"
            | "on"
            | "per"
            | "the"
            | "then"
            | "to"
            | "with"
    )
}

/// Words that an order is of: "close tsla with a limit order".
fn is_kind_of_order(word: &str) -> bool {
    matches!(
        word,
        "limit" | "lmt" | "market" | "mkt" | "stop" | "stp" | "loss" | "day" | "gtc" | "a" | "an" | "%"
    )
}

fn orders_are_canceled() -> Parsed<()> {
    refuse("Orders are canceled and positions are closed: say cancel aapl, or close aapl.")
}
