//! How long an order works, and in which sessions.

use crate::command::dates;
use crate::command::types::Missing;
use crate::domain::order::TimeInForce;

use super::{Parsed, Reader, Trouble, once, refuse};

impl Reader<'_> {
    /// Times in force and sessions.
    pub(super) fn durations(&mut self) -> Parsed<()> {
        let (tif, used) = match (self.text(0), self.text(1), self.text(2), self.text(3)) {
            (
                "good",
                "till" | "til" | "until" | "'til",
                "canceled" | "cancelled" | "cancel" | "cancellation",
                _,
            ) => (TimeInForce::Gtc, 3),
            ("good" | "valid", "for", "the", "day") => (TimeInForce::Day, 4),
            ("good" | "valid", "for", "today" | "day", _) => (TimeInForce::Day, 3),
            ("good", "today" | "day", ..) => (TimeInForce::Day, 2),
            ("for", "the", "day", _) => (TimeInForce::Day, 3),
            ("for", "today", ..) => (TimeInForce::Day, 2),
            ("time", "in", "force", _) => {
                self.at += 3;
                return Ok(());
            }
            ("tif", ..) => {
                self.at += 1;
                return Ok(());
            }
            ("day", "order" | "only", ..) => (TimeInForce::Day, 2),
            ("today", "only", ..) => (TimeInForce::Day, 2),
            ("day", ..) => (TimeInForce::Day, 1),
            ("gtc", ..) => (TimeInForce::Gtc, 1),
            ("immediate", "or", "cancel", _) => (TimeInForce::Ioc, 3),
            ("immediate-or-cancel" | "ioc", ..) => (TimeInForce::Ioc, 1),
            ("fill", "or", "kill", _) => (TimeInForce::Fok, 3),
            ("fok" | "fill-or-kill", ..) => (TimeInForce::Fok, 1),
            ("all", "or", "nothing" | "none", _) => {
                return refuse("All-or-none is not offered; fill-or-kill (fok) is.");
            }
            ("at" | "on", "the", "open" | "opening" | "opg", _) => (TimeInForce::Opg, 3),
            ("at" | "on", "market", "open" | "opening", _) => (TimeInForce::Opg, 3),
            ("at" | "on", "market", "close" | "closing", _) => (TimeInForce::Cls, 3),
            ("at" | "on", "open" | "opening", ..) | ("opening", "auction", ..) => (TimeInForce::Opg, 2),
            ("market" | "limit", "on" | "at", "open", _) => (TimeInForce::Opg, 3),
            ("opg" | "moo" | "loo", ..) => (TimeInForce::Opg, 1),
            ("at" | "on", "the", "close" | "closing" | "bell", _) => (TimeInForce::Cls, 3),
            ("at" | "on", "close" | "closing", ..) | ("closing", "auction", ..) => (TimeInForce::Cls, 2),
            ("market" | "limit", "on" | "at", "close", _) => (TimeInForce::Cls, 3),
            ("cls" | "moc" | "loc", ..) => (TimeInForce::Cls, 1),
            ("gtd", ..) => (TimeInForce::Gtd, 1),
            ("good" | "valid", "till" | "til" | "until" | "through" | "thru", ..) => (TimeInForce::Gtd, 2),
            ("until" | "till" | "til", "canceled" | "cancelled" | "cancel", ..) => (TimeInForce::Gtc, 2),
            ("until" | "till" | "til" | "through" | "thru", ..)
                if dates::read(&self.tokens[self.at + 1..], self.context.today).is_some() =>
            {
                (TimeInForce::Gtd, 1)
            }
            _ => return self.sessions(),
        };
        // An auction order says its type with its time: market on close, limit on open.
        self.slots.market |= matches!(self.text(0), "market" | "moo" | "moc") || self.text(1) == "market";
        self.slots.limit_named |= matches!(self.text(0), "limit" | "loo" | "loc");
        self.at += used;
        once(&mut self.slots.tif, tif, "times in force")?;
        if matches!(self.text(0), "auction" | "order" | "bell") && tif != TimeInForce::Gtd {
            self.at += 1;
        }
        if tif == TimeInForce::Gtd {
            match dates::read(&self.tokens[self.at..], self.context.today) {
                Some((said, used)) => {
                    self.slots.expire = Some(said);
                    self.at += used;
                }
                None => return Err(Trouble::Missing(vec![Missing::Date], "Until which day?".to_owned())),
            }
        }
        Ok(())
    }

    fn sessions(&mut self) -> Parsed<()> {
        let used = match (self.text(0), self.text(1), self.text(2)) {
            ("outside" | "in", "regular", "hours") | ("in" | "during", "extended", "hours") => 3,
            ("outside", "rth", _)
            | ("extended", "hours" | "session", _)
            | ("after", "hours", _)
            | ("pre" | "post", "market", _) => 2,
            (
                "ext" | "extended" | "premarket" | "pre-market" | "postmarket" | "post-market" | "afterhours"
                | "after-hours" | "extended-hours" | "ah" | "overnight",
                ..,
            ) => 1,
            _ => 0,
        };
        if used > 0 {
            self.at += used;
            self.slots.extended = true;
            if self.text(0) == "session" {
                self.at += 1;
            }
            return Ok(());
        }
        let regular = match (self.text(0), self.text(1)) {
            ("rth", _) => 1,
            ("regular", "hours" | "session") => 2,
            _ => return Ok(()),
        };
        self.at += regular + usize::from(self.text(regular) == "only");
        self.slots.regular = true;
        Ok(())
    }
}
