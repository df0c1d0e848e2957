//! The circuit breaker of an account's orders (reliability H5): a broker that does not answer gets no more of those that open, until one of
//! them was answered. Cancels, questions and what closes have no part in it: they always go.

use std::collections::VecDeque;

use tokio::time::{Duration, Instant};

/// Orders in a row without an answer after which it opens.
const IN_A_ROW: usize = 5;
/// Or more than half of at least so many,
const CALLS_MIN: usize = 20;
/// within this time.
const CALLS_WITHIN: Duration = Duration::from_secs(30);
/// Calls that are kept in mind.
const CALLS_MAX: usize = 256;
/// How long it is open at first, and at most; twice as long each time its probe fails.
const PAUSE_MIN: Duration = Duration::from_secs(5);
/// See `PAUSE_MIN`.
const PAUSE_MAX: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    /// Nothing goes until then.
    Open(Instant),
    /// One order may go, and decides.
    HalfOpen,
    /// It is at the broker.
    Probing,
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    /// Nothing goes for so long.
    Open(Duration),
    /// One may go.
    HalfOpen,
    /// All may.
    Closed,
}

/// The breaker of one link.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    pause: Duration,
    /// Failures since the last answer.
    in_a_row: usize,
    /// When calls ended, and whether each was answered, oldest first.
    calls: VecDeque<(Instant, bool)>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed, pause: PAUSE_MIN, in_a_row: 0, calls: VecDeque::new() }
    }
}

impl Breaker {
    /// When it turns by itself.
    pub(super) const fn wakes_at(&self) -> Option<Instant> {
        match self.state {
            State::Open(until) => Some(until),
            _ => None,
        }
    }

    /// Time has passed.
    pub(super) fn turn(&mut self, now: Instant) -> Option<Turned> {
        match self.state {
            State::Open(until) if until <= now => {
                self.state = State::HalfOpen;
                Some(Turned::HalfOpen)
            }
            _ => None,
        }
    }

    /// May an order that opens go; the one that does while it is half open is the probe.
    pub(super) fn lets(&mut self) -> bool {
        match self.state {
            State::Closed => true,
            State::HalfOpen => {
                self.state = State::Probing;
                true
            }
            State::Open(_) | State::Probing => false,
        }
    }

    /// An order was answered, by a yes or a no, or was not. What went before it opened counts no more than its probe does.
    pub(super) fn tell(&mut self, now: Instant, answered: bool) -> Option<Turned> {
        self.calls.push_back((now, answered));
        while self.calls.len() > CALLS_MAX
            || self.calls.front().is_some_and(|(at, _)| now.duration_since(*at) > CALLS_WITHIN)
        {
            self.calls.pop_front();
        }
        self.in_a_row = if answered { 0 } else { self.in_a_row + 1 };
        match self.state {
            State::Open(_) if !answered => None,
            State::Closed if answered || !self.fails() => None,
            _ if answered => {
                *self = Self::default();
                Some(Turned::Closed)
            }
            _ => {
                let again = matches!(self.state, State::HalfOpen | State::Probing);
                self.pause = if again { (self.pause * 2).min(PAUSE_MAX) } else { PAUSE_MIN };
                self.state = State::Open(now + self.pause);
                Some(Turned::Open(self.pause))
            }
        }
    }

    fn fails(&self) -> bool {
        let failed = self.calls.iter().filter(|(_, answered)| !answered).count();
        self.in_a_row >= IN_A_ROW || (self.calls.len() >= CALLS_MIN && failed * 2 > self.calls.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn h5_five_in_a_row_open_it_and_a_probe_that_is_answered_closes_it() {
        let (mut breaker, began) = (Breaker::default(), Instant::now());
        for _ in 0..4 {
            assert_eq!(breaker.tell(began, false), None);
        }
        assert_eq!(breaker.tell(began, true), None, "an answer begins anew");
        for _ in 0..4 {
            assert_eq!(breaker.tell(began, false), None);
        }
        assert!(breaker.lets());
        assert_eq!(breaker.tell(began, false), Some(Turned::Open(seconds(5))));
        let mut at = began;
        for pause in [5, 10, 20, 40, 60, 60] {
            assert!(!breaker.lets());
            assert_eq!(breaker.wakes_at(), Some(at + seconds(pause)));
            assert_eq!(breaker.turn(at + seconds(pause) - Duration::from_millis(1)), None);
            at += seconds(pause);
            assert_eq!(breaker.turn(at), Some(Turned::HalfOpen));
            assert!(breaker.lets() && !breaker.lets(), "one probe");
            assert_eq!(breaker.tell(at, false), Some(Turned::Open(seconds((pause * 2).min(60)))));
        }
        at += seconds(60);
        breaker.turn(at);
        assert!(breaker.lets());
        assert_eq!(breaker.tell(at, true), Some(Turned::Closed));
        assert!(breaker.lets() && breaker.lets());
        for _ in 0..4 {
            assert_eq!(breaker.tell(at, false), None);
        }
        assert_eq!(breaker.tell(at, false), Some(Turned::Open(seconds(5))), "the pause begins anew too");
    }

    #[test]
    fn h5_more_than_half_of_twenty_open_it_and_old_ones_do_not_count() {
        let (mut breaker, began) = (Breaker::default(), Instant::now());
        // Nineteen, eleven of them without an answer: too few to say.
        let mut turned = Vec::new();
        for n in 0..19 {
            turned.extend(breaker.tell(began, n % 5 > 2));
        }
        assert!(turned.is_empty());
        assert_eq!(breaker.tell(began, false), Some(Turned::Open(seconds(5))));
        let mut breaker = Breaker::default();
        for n in 0..19 {
            breaker.tell(began, n % 5 > 2);
        }
        for n in 0..40 {
            // Half is not more than half.
            assert_eq!(breaker.tell(began + seconds(31), n % 2 == 0), None);
        }
    }

    /// An order that was sent before it opened and is answered after all shows that the broker answers.
    #[test]
    fn h5_any_answer_closes_it() {
        let (mut breaker, began) = (Breaker::default(), Instant::now());
        for _ in 0..5 {
            breaker.tell(began, false);
        }
        assert_eq!(breaker.tell(began + seconds(1), false), None, "it is open already");
        assert_eq!(breaker.wakes_at(), Some(began + seconds(5)), "and not for longer");
        assert_eq!(breaker.tell(began + seconds(2), true), Some(Turned::Closed));
        assert_eq!(breaker.wakes_at(), None);
    }
}
