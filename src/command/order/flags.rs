//! Broker, post only, reduce only, perpetuals; and words that say nothing.

use crate::command::lex::Kind;
use crate::command::symbols::{self, Found};
use crate::command::words;
use crate::domain::instrument::Instrument;

use super::{Parsed, Reader, Verb, once};

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
            ("lot" | "lots", _) if self.slots.quantity.is_some() => {
                self.at += 1;
                self.slots.lots_said = true;
            }
            ("off", _)
                if self.slots.verb == Some(Verb::Sell) && self.tokens.iter().any(|t| t.text == "take") =>
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
                        || self.at + 1 == self.tokens.len())
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

    pub(super) fn leftovers(&mut self) -> Parsed<()> {
        match self.kind(0) {
            Some(Kind::Mark(',' | ':' | '!' | '(' | ')' | '.' | '…')) => self.at += 1,
            // "btc cash" is another coin than bitcoin.
            Some(Kind::Word) if self.text(0) == "cash" && self.is_behind_coin() => {}
            // "could you buy 10 aapl?" was caught before; a lone mark elsewhere is noise.
            Some(Kind::Word) if words::is_filler(self.text(0)) => self.at += 1,
            _ => {}
        }
        Ok(())
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
