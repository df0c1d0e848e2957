//! Keeps us within a broker's limits: per kind of call a window that never holds more than its limit, wherever it is laid. Reads may use a part
//! of it, the last of that trickling, orders a little more, cancels all of it. What the server's own headers say comes before. A call waits for its
//! turn at most as long as its caller can wait (reliability N5).

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota};

/// Of a published limit, the part that is used at most.
const USED_PER_CENT: u32 = 95;
/// Of that, the part that everything but cancels may use.
const SHARED_PER_CENT: u32 = 80;
/// Of that, the part that reads may use: an order does not wait for a flood of them to be forgotten.
const READS_PER_CENT: u32 = 90;
/// Of that, the part that may go at once; the rest comes evenly over the limit's time, so that whoever comes after a burst waits a while and not
/// for all of it to be forgotten.
const BURST_PER_CENT: u32 = 90;
/// A limit over no more than this is not spread: a burst is forgotten soon enough.
const SPREAD_FROM: Duration = Duration::from_secs(2);
/// Of its limit in per cent, what the server says is left, from which on nothing but cancels goes until it begins anew: somebody else calls in
/// the same name.
const LEFT_PER_CENT: u32 = 5;
/// Longest time that a server's word can hold us back.
const HELD_MAX: Duration = Duration::from_secs(300);
/// Shortest time that nothing at all is sent after too many calls, where the server does not say how long it wants peace.
pub const SILENT_HOLD_MIN: Duration = Duration::from_secs(1);

/// What a call is for: a cancel goes before everything else, an order before reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Takes risk off.
    Cancel,
    /// Enters or changes an order.
    Order,
    /// Everything else.
    Normal,
}

/// A published limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Calls (or units of weight).
    pub calls: u32,
    /// In this time.
    pub per: Duration,
    /// Reads that may go at once before they come evenly, where that is known; else a part of the limit.
    pub burst: Option<u32>,
    /// Are there orders and cancels, for which a share is kept; else reads have all of it.
    pub orders: bool,
    /// After too many calls, where the server does not say for how long it wants peace: the shortest and the longest time.
    pub silence: (Duration, Duration),
}

impl Limit {
    /// The usual one but for its numbers: with orders, and 1, 2, 4 … 30 s of silence.
    pub const USUAL: Self = Self {
        calls: 1,
        per: Duration::from_secs(1),
        burst: None,
        orders: true,
        silence: (SILENT_HOLD_MIN, Duration::from_secs(30)),
    };
}

/// Calls of the last while: never more than the limit in any time of that length.
#[derive(Clone, Debug)]
struct Window {
    most: u32,
    per: Duration,
    /// When calls went and what they weigh, oldest first.
    went: VecDeque<(Instant, u32)>,
    sum: u32,
}

impl Window {
    const fn new(most: u32, per: Duration) -> Self {
        Self { most, per, went: VecDeque::new(), sum: 0 }
    }

    /// How long until a call of this weight may go; nothing when it may now. One that is heavier than the limit goes alone.
    fn wait(&mut self, now: Instant, weight: u32) -> Duration {
        while let Some((at, weight)) = self.went.front().copied()
            && now.saturating_duration_since(at) > self.per
        {
            self.went.pop_front();
            self.sum -= weight;
        }
        let mut left = self.sum;
        for (at, gone) in &self.went {
            if left.saturating_add(weight) <= self.most {
                break;
            }
            left -= gone;
            if left == 0 || left.saturating_add(weight) <= self.most {
                let free = *at + self.per + Duration::from_millis(1);
                return free.saturating_duration_since(now);
            }
        }
        Duration::ZERO
    }

    fn put(&mut self, now: Instant, weight: u32) {
        self.went.push_back((now, weight));
        self.sum = self.sum.saturating_add(weight);
    }
}

/// What spreads calls over a limit's time.
struct Pace {
    limiter: DefaultDirectRateLimiter,
    burst: NonZeroU32,
}

impl Pace {
    fn over(calls: u32, per: Duration, at_once: Option<u32>) -> Self {
        let short = per <= SPREAD_FROM;
        let usual = if short { calls } else { calls.saturating_mul(BURST_PER_CENT) / 100 };
        let burst = NonZeroU32::new(at_once.unwrap_or(usual)).unwrap_or(NonZeroU32::MIN);
        // Where it is known how many may go at once, the bucket fills again as fast as the limit is; the window bounds both together.
        let whole = short || at_once.is_some();
        let evenly = if whole { calls } else { calls.saturating_sub(burst.get()).max(1) };
        let one = (per / evenly.max(1)).max(Duration::from_nanos(1));
        let quota = Quota::with_period(one).unwrap_or_else(|| Quota::per_second(burst));
        Self { limiter: DefaultDirectRateLimiter::direct(quota.allow_burst(burst)), burst }
    }

    /// Takes a turn, or says how long until there is one.
    fn take(&self, weight: NonZeroU32) -> Result<(), Duration> {
        // What is heavier than a burst takes all of one; the window counts it whole.
        match self.limiter.check_n(weight.min(self.burst)) {
            Ok(Err(not_yet)) => {
                let now = governor::clock::Clock::now(self.limiter.clock());
                Err(not_yet.wait_time_from(now).max(Duration::from_millis(1)))
            }
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }
}

/// One bucket of a broker's limits.
pub struct Limiter {
    /// Everything.
    all: Mutex<Window>,
    /// Everything but cancels.
    shared: Mutex<Window>,
    /// Everything but cancels and orders.
    reads: Mutex<Window>,
    pace: Pace,
    /// Nothing goes before this instant: the server's word.
    held_until: Mutex<Option<Instant>>,
    /// Nothing but cancels goes before this instant: our own guess of how long the server wants peace.
    quiet_until: Mutex<Option<Instant>>,
    /// Answers in a row that said "too many calls" and not for how long.
    silences: AtomicU32,
    /// Shortest and longest time of peace after such an answer.
    silence: (Duration, Duration),
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").field("held_for", &self.held_for()).finish_non_exhaustive()
    }
}

/// Buckets that several lines count in together, by the place that counts. Clones are the same buckets; it is no setting, so that two are
/// always equal.
#[derive(Clone, Default)]
pub struct SharedLimits(Arc<Mutex<BTreeMap<String, Arc<Limiter>>>>);

impl SharedLimits {
    /// The bucket of this name: the one that is there, else a new one.
    #[must_use]
    pub fn of(&self, name: &str, limit: Limit) -> Arc<Limiter> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(name.to_owned()).or_insert_with(|| Arc::new(Limiter::new(limit))))
    }
}

impl std::fmt::Debug for SharedLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedLimits").finish_non_exhaustive()
    }
}

impl PartialEq for SharedLimits {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for SharedLimits {}

fn left(until: &Mutex<Option<Instant>>) -> Duration {
    let until = *until.lock().unwrap_or_else(PoisonError::into_inner);
    until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
}

fn lengthen(until: &Mutex<Option<Instant>>, wait: Duration) {
    let at = Instant::now() + wait.min(HELD_MAX);
    let mut until = until.lock().unwrap_or_else(PoisonError::into_inner);
    *until = Some(until.map_or(at, |before| before.max(at)));
}

impl Limiter {
    /// One that nothing has gone through yet.
    #[must_use]
    pub fn new(limit: Limit) -> Self {
        let part = |per_cent: u32| (limit.calls.saturating_mul(per_cent) / 100).max(1);
        let all = part(USED_PER_CENT);
        let (shared, reads) = if limit.orders {
            let shared = part(USED_PER_CENT * SHARED_PER_CENT / 100);
            (shared, (shared.saturating_mul(READS_PER_CENT) / 100).max(1))
        } else {
            (all, all)
        };
        Self {
            all: Mutex::new(Window::new(all, limit.per)),
            shared: Mutex::new(Window::new(shared, limit.per)),
            reads: Mutex::new(Window::new(reads, limit.per)),
            pace: Pace::over(reads, limit.per, limit.burst),
            held_until: Mutex::new(None),
            quiet_until: Mutex::new(None),
            silences: AtomicU32::new(0),
            silence: limit.silence,
        }
    }

    /// How long nothing goes because the server said so.
    #[must_use]
    pub fn held_for(&self) -> Duration {
        left(&self.held_until)
    }

    /// The server's word: no call for this long. A longer hold stays.
    pub fn hold(&self, wait: Duration) {
        lengthen(&self.held_until, wait);
    }

    /// There were too many calls, and the server does not say for how long: no call but cancels, which take risk off, goes for the
    /// bucket's shortest time of silence, and twice as long each time that it says so again, up to the longest. Calls that were under way together are refused once. Returns how long now.
    pub fn refused_silently(&self) -> Duration {
        let mut until = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(left) =
            until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero())
        {
            return left;
        }
        let before = self.silences.fetch_add(1, Ordering::Relaxed);
        let (shortest, longest) = self.silence;
        let wait = shortest.saturating_mul(2_u32.pow(before.min(16))).min(longest);
        *until = Some(now + wait);
        wait
    }

    /// A call went that was not one too many.
    pub fn went(&self) {
        self.silences.store(0, Ordering::Relaxed);
    }

    /// How long a call of this kind is held back.
    fn held_back(&self, priority: Priority) -> Duration {
        match priority {
            Priority::Cancel => self.held_for(),
            Priority::Order | Priority::Normal => self.held_for().max(left(&self.quiet_until)),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// How long it would take, when that is longer than `patience`: then no turn has been used up.
    pub async fn turn(
        &self,
        priority: Priority,
        weight: NonZeroU32,
        patience: Duration,
    ) -> Result<(), Duration> {
        let deadline = Instant::now() + patience;
        loop {
            let wait = match self.held_back(priority) {
                held if !held.is_zero() => held,
                _ => match self.take(priority, weight) {
                    Ok(()) => return Ok(()),
                    Err(wait) => wait,
                },
            };
            if Instant::now() + wait > deadline {
                return Err(wait);
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes a turn now, or says how long until there may be one.
    fn take(&self, priority: Priority, weight: NonZeroU32) -> Result<(), Duration> {
        let now = Instant::now();
        let windows: &[&Mutex<Window>] = match priority {
            Priority::Cancel => &[&self.all],
            Priority::Order => &[&self.all, &self.shared],
            Priority::Normal => &[&self.all, &self.shared, &self.reads],
        };
        // In one order everywhere, and all of them are asked before one is changed.
        let mut windows: Vec<MutexGuard<'_, Window>> =
            windows.iter().map(|window| window.lock().unwrap_or_else(PoisonError::into_inner)).collect();
        let waits = windows.iter_mut().map(|window| window.wait(now, weight.get()));
        match waits.max() {
            Some(wait) if !wait.is_zero() => return Err(wait),
            _ => {}
        }
        if priority == Priority::Normal {
            self.pace.take(weight)?;
        }
        windows.iter_mut().for_each(|window| window.put(now, weight.get()));
        Ok(())
    }

    /// What the server counts of us beside our own count: where others call in the same name, nearly nothing is left although we have sent
    /// little. Then nothing but cancels goes until it begins anew.
    pub fn heard(&self, left: &Left) {
        if u64::from(left.calls) * 100 <= u64::from(left.of) * u64::from(LEFT_PER_CENT) {
            lengthen(&self.quiet_until, left.resets_in);
        }
    }
}

/// What a server says is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Calls that are left.
    pub calls: u32,
    /// Of so many.
    pub of: u32,
    /// Until it begins anew.
    pub resets_in: Duration,
}

/// What a server's headers say is left; absent unless all three do.
#[must_use]
pub fn left_of(headers: &http::HeaderMap, now_unix: i64) -> Option<Left> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u32>().ok();
    let (calls, of) = (number("x-ratelimit-remaining")?, number("x-ratelimit-limit")?);
    let resets_in = until_reset(headers, now_unix)?;
    Some(Left { calls, of, resets_in })
}

/// Unix seconds at most brokers; small numbers are seconds from now.
fn until_reset(headers: &http::HeaderMap, now_unix: i64) -> Option<Duration> {
    let reset = headers.get("x-ratelimit-reset")?.to_str().ok()?.trim().parse::<f64>().ok()?;
    let reset = Some(reset).filter(|reset| reset.is_finite() && *reset >= 0.0)?;
    let from_now = if reset > 1_000_000_000.0 { reset - now_unix as f64 } else { reset };
    Some(Duration::from_secs_f64(from_now.clamp(0.0, HELD_MAX.as_secs_f64())))
}

/// What a server's headers say about limits: how long nothing should be sent, if it says so.
#[must_use]
pub fn hold_of(headers: &http::HeaderMap, now_unix: i64) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |name: &str| {
        text(name).and_then(|text| text.parse::<f64>().ok()).filter(|n| n.is_finite() && *n >= 0.0)
    };
    if let Some(after) = text("retry-after") {
        if let Ok(seconds) = after.parse::<u32>() {
            return Some(Duration::from_secs(seconds.into()));
        }
        if let Ok(at) = httpdate::parse_http_date(after) {
            let unix = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
            return Some(Duration::from_secs(unix.saturating_sub(now_unix.unsigned_abs())));
        }
    }
    if number("x-ratelimit-remaining") != Some(0.0) {
        return None;
    }
    until_reset(headers, now_unix)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: NonZeroU32 = NonZeroU32::MIN;

    #[tokio::test]
    async fn n5_a_share_is_kept_for_cancels_and_nobody_waits_longer_than_he_can() {
        let limiter = Limiter::new(Limit { calls: 100, per: Duration::from_secs(60), ..Limit::USUAL });
        let mut normal = 0;
        while limiter.turn(Priority::Normal, ONE, Duration::ZERO).await.is_ok() {
            normal += 1;
        }
        assert_eq!(normal, 61, "at once nine tenths of what reads may use, which is that of 80 % of 95");
        let mut orders = 0;
        while limiter.turn(Priority::Order, ONE, Duration::ZERO).await.is_ok() {
            orders += 1;
        }
        assert_eq!(orders, 15, "the rest of 80 % of 95");
        let mut cancels = 0;
        while limiter.turn(Priority::Cancel, ONE, Duration::ZERO).await.is_ok() {
            cancels += 1;
        }
        assert_eq!(cancels, 19, "the rest of the 95");
        let wait = limiter.turn(Priority::Cancel, ONE, Duration::from_millis(5)).await.unwrap_err();
        assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(61), "{wait:?}");
    }

    /// Where there are no orders, nothing is kept back for them.
    #[tokio::test]
    async fn n5_reads_have_all_of_a_bucket_without_orders() {
        let limiter =
            Limiter::new(Limit { calls: 100, per: Duration::from_secs(2), orders: false, ..Limit::USUAL });
        let mut reads = 0;
        while limiter.turn(Priority::Normal, ONE, Duration::ZERO).await.is_ok() {
            reads += 1;
        }
        assert_eq!(reads, 95);
    }

    /// A bucket whose burst is published: so many at once, then one after the other, never two at a time.
    #[tokio::test]
    async fn n5_a_burst_that_is_known_is_kept_to() {
        let per = Duration::from_secs(60);
        let limit = Limit { calls: 120, per, burst: Some(10), orders: false, ..Limit::USUAL };
        let limiter = Limiter::new(limit);
        let start = Instant::now();
        let mut reads = 0;
        while limiter.turn(Priority::Normal, ONE, Duration::ZERO).await.is_ok() {
            reads += 1;
        }
        // A turn comes each half of a second: on a machine that takes long some more have come meanwhile.
        let more = u32::try_from(start.elapsed().as_millis() / 500).unwrap();
        assert!((10..=10 + more).contains(&reads), "{reads}");
        let wait = limiter.turn(Priority::Normal, ONE, Duration::ZERO).await.err();
        assert!(wait.is_none_or(|wait| wait <= Duration::from_millis(600)), "{wait:?}");
    }

    proptest::proptest! {
        /// Whatever comes when: no time of the window's length holds more than the limit, and what had to wait goes after just that.
        #[test]
        fn n5_no_window_ever_holds_more_than_its_limit(
            most in 1_u32..40,
            calls in proptest::collection::vec((0_u64..400, 1_u32..12), 1..200),
        ) {
            let (start, per) = (Instant::now(), Duration::from_millis(1_000));
            let mut window = Window::new(most, per);
            let (mut now, mut went) = (start, Vec::<(Instant, u32)>::new());
            for (pause, weight) in calls {
                now += Duration::from_millis(pause);
                let wait = window.wait(now, weight);
                if !wait.is_zero() {
                    proptest::prop_assert!(!window.wait(now + wait - Duration::from_millis(1), weight).is_zero());
                    now += wait;
                    proptest::prop_assert!(window.wait(now, weight).is_zero(), "{wait:?} is enough");
                }
                window.put(now, weight);
                went.push((now, weight));
                let within = went.iter().filter(|(at, _)| now.duration_since(*at) <= per);
                let (count, sum) = within.fold((0, 0), |(count, sum), (_, weight)| (count + 1, sum + weight));
                proptest::prop_assert!(sum <= most || count == 1, "{sum} within one window of {most}");
            }
        }
    }

    /// As fast as they are let: in the time of the first limit no more goes than it allows, cancels and all.
    #[tokio::test]
    async fn n5_the_first_window_is_no_larger_than_the_others() {
        let per = Duration::from_millis(400);
        let limiter = Limiter::new(Limit { calls: 100, per, ..Limit::USUAL });
        let (start, mut went) = (Instant::now(), 0);
        // Judged before its end: what goes in the time that a loaded machine takes longer is not of this window.
        while limiter.turn(Priority::Cancel, ONE, Duration::from_millis(50)).await.is_ok() {
            if start.elapsed() >= per {
                break;
            }
            went += 1;
        }
        assert!(went <= 95, "{went} within one window");
    }

    /// Others call in the same name: the server counts them too.
    #[tokio::test]
    async fn n5_where_the_server_says_that_little_is_left_only_cancels_go() {
        let limiter = Limiter::new(Limit { calls: 100, per: Duration::from_secs(60), ..Limit::USUAL });
        let left = |calls| Left { calls, of: 100, resets_in: Duration::from_secs(30) };
        limiter.heard(&left(6));
        assert!(limiter.turn(Priority::Normal, ONE, Duration::ZERO).await.is_ok());
        limiter.heard(&left(5));
        assert!(limiter.turn(Priority::Normal, ONE, Duration::from_secs(25)).await.is_err());
        assert!(limiter.turn(Priority::Cancel, ONE, Duration::ZERO).await.is_ok());
    }

    #[tokio::test]
    async fn n5_lines_that_share_a_bucket_have_its_calls_together() {
        let shared = SharedLimits::default();
        let limit = Limit { calls: 100, per: Duration::from_secs(60), ..Limit::USUAL };
        let lines = [shared.of("place", limit), shared.clone().of("place", limit)];
        let mut turns = [0, 0];
        for at in [0, 1].into_iter().cycle() {
            if lines[at].turn(Priority::Normal, ONE, Duration::ZERO).await.is_err() {
                break;
            }
            turns[at] += 1;
        }
        assert_eq!(turns, [31, 30], "what reads may use at once, between them");
        for line in &lines {
            assert!(line.turn(Priority::Normal, ONE, Duration::ZERO).await.is_err());
        }
        // Another place, and another engine, count for themselves.
        assert!(shared.of("elsewhere", limit).turn(Priority::Normal, ONE, Duration::ZERO).await.is_ok());
        let own = SharedLimits::default().of("place", limit);
        assert!(own.turn(Priority::Normal, ONE, Duration::ZERO).await.is_ok());
        lines[0].hold(Duration::from_secs(60));
        assert!(lines[1].held_for() > Duration::from_secs(50), "the server's word to one is for all");
    }

    #[tokio::test]
    async fn n5_a_turn_comes_by_itself_and_weight_counts() {
        let limiter = Limiter::new(Limit { calls: 200, per: Duration::from_secs(1), ..Limit::USUAL });
        let heavy = NonZeroU32::new(150).unwrap();
        assert!(limiter.turn(Priority::Normal, heavy, Duration::ZERO).await.is_ok());
        assert!(limiter.turn(Priority::Normal, heavy, Duration::ZERO).await.is_err());
        assert!(limiter.turn(Priority::Normal, heavy, Duration::from_secs(5)).await.is_ok());
    }

    #[tokio::test]
    async fn n5_the_servers_word_holds_back_even_cancels() {
        let limiter = Limiter::new(Limit { calls: 1_000, per: Duration::from_secs(1), ..Limit::USUAL });
        limiter.hold(Duration::from_millis(80));
        limiter.hold(Duration::from_millis(1));
        assert!(limiter.turn(Priority::Cancel, ONE, Duration::from_millis(5)).await.is_err());
        assert!(limiter.turn(Priority::Cancel, ONE, Duration::from_secs(5)).await.is_ok());
    }

    /// Where the server does not say how long, it is asked less and less often; a cancel goes all the same.
    #[tokio::test]
    async fn n3_silence_after_too_many_calls_is_waited_for_longer_and_longer() {
        let limiter = Limiter::new(Limit { calls: 1_000, per: Duration::from_secs(1), ..Limit::USUAL });
        // As if each hold had passed.
        let next = || {
            *limiter.quiet_until.lock().unwrap() = None;
            limiter.refused_silently().as_secs()
        };
        assert_eq!([(); 8].map(|()| next()), [1, 2, 4, 8, 16, 30, 30, 30]);
        assert!(limiter.refused_silently() > Duration::from_secs(28), "those that were under way count once");
        assert!(limiter.turn(Priority::Normal, ONE, Duration::from_secs(25)).await.is_err());
        assert!(limiter.turn(Priority::Cancel, ONE, Duration::ZERO).await.is_ok());
        limiter.went();
        assert_eq!(next(), 1);
    }

    /// A broker's own times of peace.
    #[tokio::test]
    async fn n3_a_bucket_has_its_own_times_of_silence() {
        for (from, to, expected) in [(60, 60, [60, 60, 60]), (10, 30, [10, 20, 30])] {
            let silence = (Duration::from_secs(from), Duration::from_secs(to));
            let limiter = Limiter::new(Limit { silence, ..Limit::USUAL });
            let said = [(); 3].map(|()| {
                *limiter.quiet_until.lock().unwrap() = None;
                limiter.refused_silently().as_secs()
            });
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn n5_headers_are_read_as_they_are_written() {
        let now = 1_790_000_000;
        let of = |pairs: &[(&'static str, &str)]| {
            let mut headers = http::HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            hold_of(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("retry-after", "7")]), Some(7));
        assert_eq!(of(&[("retry-after", "Mon, 21 Sep 2026 14:13:25 GMT")]), Some(5));
        assert_eq!(of(&[("retry-after", "soon")]), None);
        assert_eq!(of(&[("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", "1790000009")]), None);
        assert_eq!(of(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1790000009")]), Some(9));
        assert_eq!(of(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "12")]), Some(12));
        assert_eq!(of(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1e300")]), Some(300));
    }
}
