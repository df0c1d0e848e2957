//! A profile that lives by its own time (`paper.clock`): where its clock stands is kept in a file of the profile, and it is moved ahead by a
//! person, who wants to see today what weeks bring. All that comes due on the way is lived through at its own instant, with its own prices.
//! Brokers know the world's time alone, so that such a profile has none.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use crate::client::{Reply, SessionError};
use crate::config::PaperClock;
use crate::config::files::replace_private;
use crate::core::input::Input;
use crate::domain::instrument::AssetClass;
use crate::store::Store;

use super::clock::{Clock, system_now};
use super::heart::Doing;
use super::launch::{Access, EngineError, Settings};
use super::paper::VenueCommand;
use super::task::EngineTask;

/// How far the clock stands ahead of the system's, in microseconds.
const FILE: &str = "CLOCK";
/// One move is so long at most: the engine does nothing else meanwhile.
const MOVE_MAX: SignedDuration = SignedDuration::from_hours(24 * 62);
/// Stops of one move at most, so that orders that walk for weeks end it.
const STOPS_MAX: usize = 20_000;

fn file_of(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// The clock of a profile: the system's, or its own where it stood.
pub(super) fn open(settings: &Settings) -> Result<Clock, EngineError> {
    let refused = |text: String| Err(EngineError::Clock(text));
    let path = file_of(&settings.directory);
    let stood = match std::fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse::<i64>() {
            Ok(ahead) => Some(ahead),
            Err(_) => {
                return refused(format!(
                    "{}: found '{}', allowed microseconds ahead of the system's clock",
                    path.display(),
                    text.trim().chars().take(40).collect::<String>().escape_default()
                ));
            }
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return refused(format!("{}: {error}", path.display())),
    };
    match (settings.clock, stood) {
        (PaperClock::System, None) => Ok(Clock::System),
        (PaperClock::System, Some(_)) => refused(
            "paper.clock: found \"system\", allowed an instant in this profile, which has lived by its own time; make a new one: arbion profile create NAME"
                .to_owned(),
        ),
        (PaperClock::From(_), Some(ahead)) => Ok(own(ahead)),
        (PaperClock::From(at), None) => {
            if Store::versions(&settings.directory).is_some() {
                return refused(format!(
                    "paper.clock: found \"{at}\", allowed \"system\" in this profile, which has lived by the system's time; make a new one: arbion profile create NAME"
                ));
            }
            let ahead = at.duration_since(system_now());
            let ahead = i64::try_from(ahead.as_micros()).unwrap_or_default();
            if settings.access != Access::Read {
                keep(&path, ahead).map_err(EngineError::Clock)?;
            }
            Ok(own(ahead))
        }
    }
}

fn own(ahead: i64) -> Clock {
    Clock::Own(Arc::new(AtomicI64::new(ahead)))
}

fn keep(path: &Path, ahead: i64) -> Result<(), String> {
    if let Some(directory) = path.parent() {
        crate::store::create_private_directory(directory).map_err(|error| error.to_string())?;
    }
    replace_private(path, format!("{ahead}\n").as_bytes()).map_err(|error| error.to_string())
}

/// Why a profile with a clock of its own has no account at a broker.
pub(super) fn with_broker(broker: &str) -> String {
    format!(
        "paper.clock: found a clock of its own beside an account at {}; allowed \"system\" there",
        broker.escape_default()
    )
}

impl EngineTask {
    /// Moves the profile's own clock ahead, and lives through what comes due on the way.
    pub(super) async fn advance_own(&mut self, seconds: i64) -> Result<Reply, SessionError> {
        let Clock::Own(ahead) = &self.clock else {
            return Err(SessionError::Usage(
                "paper advance: found the simulated market, whose clock is now; allowed in a profile with a clock of its own (paper.clock), and in a replay, there by 'wait 1h' in a script: arbion demo --replay FILE --script FILE"
                    .to_owned(),
            ));
        };
        let ahead = Arc::clone(ahead);
        let span = SignedDuration::from_secs(seconds);
        if !span.is_positive() || span > MOVE_MAX {
            let most = MOVE_MAX.as_hours() / 24;
            return Err(SessionError::Usage(format!(
                "paper advance: found {seconds} s, allowed 1 s to {most} d at a time"
            )));
        }
        let start = self.clock.now();
        let Ok(until) = start.checked_add(span) else {
            return Err(SessionError::Usage("paper advance: the clock would leave the calendar".to_owned()));
        };
        for _ in 0..STOPS_MAX {
            let now = self.clock.now();
            if now >= until {
                return Ok(Reply::Done(format!("the paper clock stands at {}", seconds_of(now))));
            }
            let stop = self.next_stop().await.map_or(until, |stop| stop.min(until));
            if stop > now {
                let moved = i64::try_from(stop.duration_since(now).as_micros()).unwrap_or_default();
                let target = ahead.load(Ordering::Acquire).saturating_add(moved);
                // The disk first: after a kill the clock stands no earlier than what was done by it.
                keep(&file_of(&self.directory), target).map_err(SessionError::Storage)?;
                ahead.store(target, Ordering::Release);
            }
            self.live_through().await;
        }
        Ok(Reply::Done(format!(
            "the paper clock stands at {}, short of {}: too much came due on the way; advance again",
            seconds_of(self.clock.now()),
            seconds_of(until)
        )))
    }

    /// When something is to be done next: an evaluation, the venue's own life, a bell.
    async fn next_stop(&self) -> Option<Timestamp> {
        let (told, due) = oneshot::channel();
        self.paper.tell(VenueCommand::NextDue(told)).await;
        // A venue that has stopped has nothing due.
        let venue = due.await.unwrap_or_default();
        let bell = self.calendar.next_bell(self.clock.now());
        [venue, self.core.strategies_due(), Some(bell)].into_iter().flatten().min()
    }

    /// One instant: its prices, what the venue does by them, what strategies do then, until all of it is written and with the venue.
    async fn live_through(&mut self) {
        self.heart.beat(Doing::Request);
        self.look_for_halt().await;
        let active: Vec<_> = self.feed.active().cloned().collect();
        for instrument in active {
            // Prices of coins and currencies come by themselves; what has a bell is asked for at each stop.
            if matches!(instrument.asset_class(), AssetClass::Equity | AssetClass::Option) {
                self.ensure(&instrument).await;
            }
        }
        self.prices().await;
        self.paper.tell(VenueCommand::Advance(self.clock.now())).await;
        self.follow_venue().await;
        self.step(Input::Tick).await;
        self.look_for_bars().await;
        self.follow_orders().await;
        self.follow_disk().await;
    }
}

/// To the second, as people read it.
fn seconds_of(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
