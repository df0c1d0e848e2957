//! What goes wrong on request.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::line::{Lines, State};

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is handled after this long.
    Delay(Duration),
    /// It is not handled; this is answered instead.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// It is handled, and then the connection is dropped without an answer.
    DropAfter,
    /// The connection is dropped before it is handled.
    DropBefore,
    /// It is handled, and half of the answer's body comes before the connection is dropped.
    Truncate,
    /// It is handled, and this is answered instead of what would be.
    AnswerAfter { status: u16, body: String },
    /// It is handled, and the answer's body is changed as this number decides.
    Mangle(u64),
}

impl Fault {
    /// An answer of this status and body, not handled.
    pub fn answer(status: u16, body: &str) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.to_owned() }
    }
}

#[derive(Clone, Debug)]
struct Planned {
    method: String,
    path: String,
    times: usize,
    fault: Fault,
}

/// The faults that are to come, in order; each once or a number of times.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    planned: Arc<Mutex<VecDeque<Planned>>>,
    /// How the lines are that answers go by.
    pub lines: Lines,
    /// Seconds by which answers are dated beside our clock.
    skew: Arc<AtomicI64>,
}

impl Faults {
    /// The next request of this method (`*` for any) whose path has this in it meets the fault.
    pub fn once(&self, method: &str, path: &str, fault: Fault) {
        self.times(1, method, path, fault);
    }

    /// The same for the next few.
    pub fn times(&self, times: usize, method: &str, path: &str, fault: Fault) {
        let planned = Planned { method: method.to_owned(), path: path.to_owned(), times, fault };
        self.planned.lock().unwrap().push_back(planned);
    }

    /// From now on answers have the date of a clock that is so many seconds ahead of ours.
    pub fn skew(&self, seconds: i64) {
        self.skew.store(seconds, Ordering::SeqCst);
    }

    /// The date of an answer, where that is not ours.
    pub fn date(&self) -> Option<String> {
        let skew = self.skew.load(Ordering::SeqCst);
        let now = arbion::brokers::clock::wall().as_second() + skew;
        let at = std::time::UNIX_EPOCH + Duration::from_secs(u64::try_from(now).unwrap());
        (skew != 0).then(|| httpdate::fmt_http_date(at))
    }

    /// Everything goes well again.
    pub fn clear(&self) {
        self.planned.lock().unwrap().clear();
        self.lines.are(State::Well);
    }

    /// What a request meets.
    pub fn take(&self, method: &str, path: &str) -> Option<Fault> {
        let mut planned = self.planned.lock().unwrap();
        let at = planned
            .iter()
            .position(|plan| (plan.method == "*" || plan.method == method) && path.contains(&plan.path))?;
        planned[at].times -= 1;
        let fault = planned[at].fault.clone();
        if planned[at].times == 0 {
            planned.remove(at);
        }
        Some(fault)
    }
}
