//! What the broker itself says an order would cost, while the order is still being written: asked once the keys rest, one question at a time, and
//! never waited for. An answer about an order that has changed since is thrown away.

use std::time::Duration;

use crate::client::{Reply, Request, SessionError};
use crate::command::types::Command;
use crate::domain::order::{BrokerPreview, OriginKind};
use crate::domain::text::clean;

/// Quiet time after the last change before the broker is asked: longer than between two keys.
const QUIET: Duration = Duration::from_millis(700);
/// Two questions are at least this far apart: they come out of what the broker allows for orders.
const APART: Duration = Duration::from_secs(2);
/// Once the market has moved, an answer older than this is asked for anew.
const FRESH: Duration = Duration::from_secs(30);
/// A question without an answer is given up: the engine gives a broker less.
const GIVEN_UP: Duration = Duration::from_secs(10);
/// The age is shown in steps of this, up to a minute.
const STEP: Duration = Duration::from_secs(10);
const OLD: Duration = Duration::from_secs(60);

/// The broker's word on one order.
#[derive(Debug, Default)]
pub struct BrokerSays {
    wanted: Option<Command>,
    due: Option<Duration>,
    asked_at: Option<Duration>,
    generation: u64,
    in_flight: bool,
    /// What it said of what is wanted, and when.
    said: Option<(Duration, BrokerPreview)>,
}

impl BrokerSays {
    /// What is written now; absent when it is no order yet, or goes to a broker that says nothing beforehand.
    pub fn want(&mut self, command: Option<Command>, now: Duration) {
        if command == self.wanted {
            return;
        }
        self.generation += 1;
        self.said = None;
        let apart = self.asked_at.map_or(now, |asked| asked + APART);
        self.due = command.is_some().then_some((now + QUIET).max(apart));
        self.wanted = command;
    }

    /// The market moved: what was said may be of before.
    pub fn market_moved(&mut self, now: Duration) {
        let old = self.said.as_ref().is_some_and(|(at, _)| now.saturating_sub(*at) >= FRESH);
        if old && self.due.is_none() && !self.in_flight {
            self.due = Some(now);
        }
    }

    /// The question that is due now, with its number.
    pub fn poll(&mut self, origin: OriginKind, now: Duration) -> Option<(Request, u64)> {
        let given_up = self.asked_at.is_none_or(|asked| now >= asked + GIVEN_UP);
        self.in_flight &= !given_up;
        if self.in_flight || self.due.is_none_or(|due| due > now) {
            return None;
        }
        let command = self.wanted.clone()?;
        (self.due, self.asked_at, self.in_flight) = (None, Some(now), true);
        Some((Request::Preview { command, origin, account: None, ask_broker: true }, self.generation))
    }

    /// When there is something to do next: a question, or an age that has changed.
    #[must_use]
    pub fn due(&self, now: Duration) -> Option<Duration> {
        if self.in_flight {
            return self.asked_at.map(|asked| asked + GIVEN_UP).filter(|_| self.due.is_some());
        }
        let ages = self.said.as_ref().and_then(|(at, _)| {
            let age = now.saturating_sub(*at);
            let steps = u32::try_from(age.as_secs() / STEP.as_secs()).unwrap_or(u32::MAX);
            (age < OLD).then(|| *at + STEP * (steps + 1))
        });
        self.due.into_iter().chain(ages).min()
    }

    /// An answer. One about an order that has changed since only says that there is room for the next question.
    pub fn answer(&mut self, generation: u64, reply: Result<Reply, SessionError>, now: Duration) {
        self.in_flight = false;
        if generation != self.generation {
            return;
        }
        let said = match reply {
            Ok(Reply::Preview(preview)) => preview.broker,
            Ok(_) => None,
            Err(error) => Some(BrokerPreview {
                warnings: vec![clean(&error.to_string()).into_owned()],
                ..BrokerPreview::default()
            }),
        };
        self.said = said.map(|said| (now, said));
    }

    /// What it said of what is written now, and how long ago in words.
    #[must_use]
    pub fn said(&self, now: Duration) -> Option<(&BrokerPreview, String)> {
        let (at, said) = self.said.as_ref()?;
        let age = now.saturating_sub(*at);
        let words = match age.as_secs() / STEP.as_secs() {
            0 => "now".to_owned(),
            _ if age >= OLD => "over a minute ago".to_owned(),
            steps => format!("{} s ago", steps * STEP.as_secs()),
        };
        Some((said, words))
    }

    /// It is being asked, or will be.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.wanted.is_some() && self.said.is_none() && (self.in_flight || self.due.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Option<Command> {
        Some(Command::Clarify { missing: Vec::new(), message: text.to_owned() })
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn says(fee: &str) -> Result<Reply, SessionError> {
        Err(SessionError::Usage(fee.to_owned()))
    }

    #[test]
    fn keys_ask_nothing_until_they_rest() {
        let mut broker = BrokerSays::default();
        let mut asked = 0;
        // A key each 100 ms: none is a question.
        for n in 0..20_u64 {
            broker.want(written(&n.to_string()), ms(n * 100));
            asked += usize::from(broker.poll(OriginKind::Ticket, ms(n * 100)).is_some());
        }
        assert_eq!(asked, 0);
        assert_eq!(broker.due(ms(1_900)), Some(ms(2_600)));
        assert!(broker.poll(OriginKind::Ticket, ms(2_600)).is_some());
        assert!(broker.is_running());
    }

    #[test]
    fn one_question_at_a_time_and_the_newest_text_counts() {
        let mut broker = BrokerSays::default();
        broker.want(written("a"), ms(0));
        let (_, first) = broker.poll(OriginKind::Ticket, ms(700)).unwrap();
        broker.want(written("b"), ms(800));
        assert_eq!(broker.poll(OriginKind::Ticket, ms(5_000)), None, "the first is on its way");
        broker.answer(first, says("of a"), ms(5_100));
        assert!(broker.said(ms(5_100)).is_none(), "it was about another order");
        let (_, second) = broker.poll(OriginKind::Ticket, ms(5_100)).unwrap();
        broker.answer(second, says("of b"), ms(5_200));
        let (said, age) = broker.said(ms(5_200)).unwrap();
        assert_eq!((said.warnings.as_slice(), age.as_str()), (["of b".to_owned()].as_slice(), "now"));
        // Questions are two seconds apart, whatever is typed.
        broker.want(written("c"), ms(5_300));
        assert_eq!((broker.due(ms(5_300)), broker.said(ms(5_300)).is_none()), (Some(ms(7_100)), true));
    }

    #[test]
    fn an_answer_grows_old_and_is_asked_for_anew_once_the_market_moves() {
        let mut broker = BrokerSays::default();
        broker.want(written("a"), ms(0));
        let (_, number) = broker.poll(OriginKind::Ticket, ms(700)).unwrap();
        broker.answer(number, says("x"), ms(1_000));
        for (now, words, next) in [
            (1_000, "now", Some(11_000)),
            (12_000, "10 s ago", Some(21_000)),
            (59_000, "50 s ago", Some(61_000)),
            (90_000, "over a minute ago", None),
        ] {
            assert_eq!(broker.said(ms(now)).unwrap().1, words);
            assert_eq!(broker.due(ms(now)), next.map(ms), "{words}");
        }
        broker.market_moved(ms(20_000));
        assert_eq!(broker.poll(OriginKind::Ticket, ms(20_000)), None);
        broker.market_moved(ms(31_000));
        assert!(broker.poll(OriginKind::Ticket, ms(31_000)).is_some());
        // No answer at all: the next question goes when it is given up.
        broker.want(written("b"), ms(32_000));
        assert_eq!(broker.due(ms(32_000)), Some(ms(41_000)));
        assert!(broker.poll(OriginKind::Ticket, ms(41_000)).is_some());
        broker.want(None, ms(42_000));
        assert_eq!((broker.due(ms(42_000)), broker.is_running()), (None, false));
    }
}
