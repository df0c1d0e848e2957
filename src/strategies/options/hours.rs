//! What may be done at an instant of the session: managing what is open, and opening something new.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::domain::calendar::{Calendar, Session, exchange_date};

/// Managing begins this long after the open.
const MANAGING_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// Opening begins this long after the open: the first quarter of an hour has no honest spreads.
const OPENING_AFTER: SignedDuration = SignedDuration::from_mins(15);
/// Opening ends this long before the close.
const OPENING_BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// From here on it is late in the session: expiries and ex-dates are decided.
const LATE: SignedDuration = SignedDuration::from_mins(30);
/// From here on it is the last chance.
const LAST: SignedDuration = SignedDuration::from_mins(15);

/// An instant within a regular session in which something may be managed.
#[derive(Clone, Copy, Debug)]
pub(in crate::strategies) struct Hours {
    /// The exchange's date.
    pub(in crate::strategies) today: Date,
    /// May something new be opened.
    pub(in crate::strategies) may_open: bool,
    /// The last half hour.
    pub(in crate::strategies) late: bool,
    /// The last quarter of an hour.
    pub(in crate::strategies) last: bool,
    session: Session,
}

impl Hours {
    /// Where `now` lies; `None` outside of what may be managed in.
    pub(in crate::strategies) fn at(calendar: &Calendar, now: Timestamp) -> Option<Self> {
        let today = exchange_date(now);
        let session = calendar.session(today)?;
        let (open, close) = (session.open, session.close);
        if now < open + MANAGING_AFTER || now >= close {
            return None;
        }
        Some(Self {
            today,
            may_open: now >= open + OPENING_AFTER && now <= close - OPENING_BEFORE,
            late: now >= close - LATE,
            last: now >= close - LAST,
            session,
        })
    }

    /// Since the open.
    pub(in crate::strategies) fn since_open(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.session.open)
    }
}
