//! Choice of option contracts: which of a chain may be written at all, why the others may not, and which is the best (strategies §5).
//!
//! Prices stay exact; deltas, yields and scores are floating numbers that order candidates and never become a price.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::chain::{Chain, ChainRow};
use crate::domain::money::Price;
use crate::domain::option::{OptionContract, Right};

use super::greeks::{Terms, black_scholes, implied_volatility, years};
use super::number::to_f64;

/// A quote older than this decides nothing.
pub const QUOTE_AGE_MAX: SignedDuration = SignedDuration::from_secs(60);
/// A spread as narrow as this is narrow enough, whatever part of the price it is.
const SPREAD_MIN: Decimal = Decimal::from_parts(10, 0, 0, false, 2);

/// What a contract must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    /// Call or put.
    pub right: Right,
    /// Days to expiry at least.
    pub dte_min: i32,
    /// Days to expiry that are best.
    pub dte_target: i32,
    /// Days to expiry at most.
    pub dte_max: i32,
    /// Ask minus bid, in per cent of their middle, at most.
    pub spread_percent_max: Decimal,
    /// Contracts outstanding at least; 0 asks for none.
    pub open_interest_min: u64,
    /// Smallest absolute delta.
    pub delta_min: f64,
    /// Largest absolute delta.
    pub delta_max: f64,
    /// Lowest strike.
    pub strike_min: Option<Price>,
    /// Highest strike.
    pub strike_max: Option<Price>,
    /// Bid per share at least.
    pub premium_min: Price,
    /// Yearly yield at least, 0.05 for 5 %.
    pub yield_min: f64,
    /// Yearly yield at most: more is a warning, not a prize.
    pub yield_max: f64,
    /// Yearly rate, 0.04 for 4 %.
    pub rate: f64,
}

/// A contract that may be traded, with what decides between it and others.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The contract.
    pub contract: OptionContract,
    /// Best bid.
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
    /// Days to expiry.
    pub dte: i32,
    /// Price change per 1.00 of the underlying, signed.
    pub delta: f64,
    /// Yearly yield of the bid: on the strike of a put, on the spot of a call.
    pub annual_yield: f64,
    /// Contracts outstanding; 0 where nobody says.
    pub open_interest: u64,
    /// Higher is better.
    pub score: f64,
}

impl Candidate {
    /// Middle of bid and ask.
    #[must_use]
    pub fn mid(&self) -> Price {
        Price::new((self.bid.get() + self.ask.get()) / Decimal::TWO)
    }
}

/// Why a contract may not be traded, in the order the checks run, each with its stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejection {
    /// Not a standard deliverable.
    Adjusted,
    /// Halted.
    Halted,
    /// Too near or too far.
    Dte,
    /// No bid, a crossed market, or too old.
    Quote,
    /// The market is too wide.
    Spread,
    /// Too few contracts outstanding.
    OpenInterest,
    /// Nobody knows its delta.
    NoDelta,
    /// Delta out of the range.
    Delta,
    /// Strike out of the range.
    Strike,
    /// The premium is too little, or suspiciously much.
    Premium,
    /// A report stands between.
    Earnings,
    /// Not enough money.
    Cash,
    /// More than one order may be, by the account's limits.
    Limit,
}

impl Rejection {
    /// The code in records.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Adjusted => "ADJUSTED_CONTRACT",
            Self::Halted => "HALTED",
            Self::Dte => "DTE",
            Self::Quote => "NO_QUOTE",
            Self::Spread => "SPREAD",
            Self::OpenInterest => "LOW_OI",
            Self::NoDelta => "NO_DELTA",
            Self::Delta => "DELTA",
            Self::Limit => "RISK_LIMIT",
            Self::Strike => "STRIKE_LIMIT",
            Self::Premium => "LOW_PREMIUM",
            Self::Earnings => "EARNINGS",
            Self::Cash => "NO_CASH",
        }
    }
}

/// The contract that came furthest among those of the wanted delta and expiry, and the numbers it failed by.
#[derive(Clone, Debug, PartialEq)]
pub struct NearMiss {
    /// Which check.
    pub rejection: Rejection,
    /// Which contract.
    pub contract: OptionContract,
    /// The numbers compared, by name.
    pub values: Vec<(&'static str, f64)>,
}

/// A chain gone through.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Screened {
    /// What may be traded, best first.
    pub candidates: Vec<Candidate>,
    /// How many of the right side failed each check, by the order of the checks.
    pub rejected: Vec<(Rejection, u32)>,
    /// Why there is no candidate, where there is none and some were near.
    pub near_miss: Option<NearMiss>,
}

impl Screened {
    fn count(&mut self, rejection: Rejection) {
        match self.rejected.iter_mut().find(|(known, _)| *known == rejection) {
            Some((_, count)) => *count += 1,
            None => {
                self.rejected.push((rejection, 1));
                self.rejected.sort_by_key(|(rejection, _)| *rejection);
            }
        }
    }

    /// Takes out the candidates that a further check turns down, and counts them.
    pub fn retain(&mut self, rejection: Rejection, allowed: impl Fn(&Candidate) -> bool) {
        for candidate in std::mem::take(&mut self.candidates) {
            if allowed(&candidate) {
                self.candidates.push(candidate);
            } else {
                self.count(rejection);
                let contract = candidate.contract;
                self.near_miss = Some(NearMiss { rejection, contract, values: Vec::new() });
            }
        }
    }

    /// Counts by code.
    #[must_use]
    pub fn counts(&self) -> Vec<(&'static str, u32)> {
        self.rejected.iter().map(|(rejection, count)| (rejection.code(), *count)).collect()
    }
}

/// Days from `today` to an expiry, 0 on its day.
#[must_use]
pub fn days_to_expiry(expiry: Date, today: Date) -> i32 {
    expiry.since(today).map_or(0, |span| span.get_days())
}

/// Goes through a chain. Candidates come best first: by score, then nearest to the target expiry, then the larger open interest, then the
/// lower strike of a put and the higher one of a call.
#[must_use]
pub fn screen(chain: &Chain, screen: &Screen, today: Date, now: Timestamp) -> Screened {
    let mut screened = Screened::default();
    let Some(spot) = chain.spot.filter(|spot| spot.is_positive()) else { return screened };
    for row in chain.rows.iter().filter(|row| row.contract.right == screen.right) {
        let judged = Judged { row, screen, spot, dte: days_to_expiry(row.contract.expiry, today), now };
        match judged.judge() {
            Ok(candidate) => screened.candidates.push(candidate),
            Err((rejection, values)) => {
                screened.count(rejection);
                let further = screened.near_miss.as_ref().is_none_or(|miss| rejection > miss.rejection);
                if further && judged.is_in_reach() {
                    let contract = row.contract.clone();
                    screened.near_miss = Some(NearMiss { rejection, contract, values });
                }
            }
        }
    }
    let nearness = |candidate: &Candidate| (candidate.dte - screen.dte_target).abs();
    screened.candidates.sort_by(|a, b| {
        let strikes = a.contract.strike.cmp(&b.contract.strike);
        let by_strike = if screen.right == Right::Put { strikes } else { strikes.reverse() };
        b.score
            .total_cmp(&a.score)
            .then(nearness(a).cmp(&nearness(b)))
            .then(b.open_interest.cmp(&a.open_interest))
            .then(by_strike)
    });
    screened
}

/// The candidate of the expiry nearest to the target with the largest delta, instead of the best score.
#[must_use]
pub fn by_delta(candidates: &[Candidate], dte_target: i32) -> Option<&Candidate> {
    let nearest = candidates.iter().map(|candidate| (candidate.dte - dte_target).abs()).min()?;
    candidates
        .iter()
        .filter(|candidate| (candidate.dte - dte_target).abs() == nearest)
        .max_by(|a, b| a.delta.abs().total_cmp(&b.delta.abs()))
}

/// The delta of a row: that of its source, else by the volatility that the middle of its market implies.
#[must_use]
pub fn delta_of(row: &ChainRow, spot: Price, dte: i32, rate: f64) -> Option<f64> {
    if let Some(delta) = row.delta.filter(|delta| delta.is_finite() && delta.abs() <= 1.0) {
        return Some(delta);
    }
    let (terms, sigma) = volatility_of(row, spot, dte, rate)?;
    Some(black_scholes(&terms, sigma).delta)
}

/// The volatility of a row, with the terms it belongs to: that of its middle, else that of its source.
#[must_use]
pub fn volatility_of(row: &ChainRow, spot: Price, dte: i32, rate: f64) -> Option<(Terms, f64)> {
    let terms = Terms {
        right: row.contract.right,
        spot: to_f64(spot.get()),
        strike: to_f64(row.contract.strike.get()),
        years: years(dte.max(0)).max(60.0 / 31_536_000.0),
        rate,
        dividend_yield: 0.0,
    };
    let implied = row.quote.mid().and_then(|mid| implied_volatility(&terms, to_f64(mid.get())).ok());
    let sigma = implied.or(row.iv).filter(|sigma| sigma.is_finite() && *sigma > 0.0)?;
    Some((terms, sigma))
}

/// A contract whose deliverable is not 100 shares: its root carries a digit.
#[must_use]
pub fn is_adjusted(contract: &OptionContract) -> bool {
    contract.root.as_ref().is_some_and(|root| root.as_str().ends_with(|c: char| c.is_ascii_digit()))
}

struct Judged<'a> {
    row: &'a ChainRow,
    screen: &'a Screen,
    spot: Price,
    dte: i32,
    now: Timestamp,
}

/// A check that failed, with the numbers it compared.
type TurnedDown = (Rejection, Vec<(&'static str, f64)>);
type Verdict = Result<Candidate, TurnedDown>;

impl Judged<'_> {
    fn delta(&self) -> Option<f64> {
        delta_of(self.row, self.spot, self.dte, self.screen.rate)
    }

    fn is_dte_right(&self) -> bool {
        (self.screen.dte_min..=self.screen.dte_max).contains(&self.dte)
    }

    /// Of the wanted expiry and delta, as far as anybody knows: what a trader would have looked at.
    fn is_in_reach(&self) -> bool {
        let wanted = |delta: f64| (self.screen.delta_min..=self.screen.delta_max).contains(&delta.abs());
        self.is_dte_right() && self.delta().is_none_or(wanted)
    }

    fn judge(&self) -> Verdict {
        let Self { row, screen, .. } = self;
        let contract = &row.contract;
        let none = |rejection| (rejection, Vec::new());
        if is_adjusted(contract) {
            return Err(none(Rejection::Adjusted));
        }
        if row.quote.halted {
            return Err(none(Rejection::Halted));
        }
        if !self.is_dte_right() {
            return Err((Rejection::Dte, vec![("dte", f64::from(self.dte))]));
        }
        let (bid, ask) = self.prices().ok_or_else(|| none(Rejection::Quote))?;
        self.is_narrow(bid, ask)?;
        let open_interest = row.open_interest.unwrap_or_default();
        if open_interest < screen.open_interest_min {
            let values = vec![("oi", open_interest as f64), ("min", screen.open_interest_min as f64)];
            return Err((Rejection::OpenInterest, values));
        }
        let delta = self.delta().ok_or_else(|| none(Rejection::NoDelta))?;
        if !(screen.delta_min..=screen.delta_max).contains(&delta.abs()) {
            return Err((Rejection::Delta, vec![("delta", delta)]));
        }
        let low = screen.strike_min.is_some_and(|min| contract.strike < min);
        let high = screen.strike_max.is_some_and(|max| contract.strike > max);
        if low || high {
            let limit = if low { screen.strike_min } else { screen.strike_max }.unwrap_or_default();
            let values = vec![("strike", to_f64(contract.strike.get())), ("limit", to_f64(limit.get()))];
            return Err((Rejection::Strike, values));
        }
        self.pays(bid, ask, delta, open_interest)
    }

    fn prices(&self) -> Option<(Price, Price)> {
        let quote = &self.row.quote;
        let (bid, ask) = (quote.bid?, quote.ask?);
        let fresh = self.now.duration_since(quote.as_of) <= QUOTE_AGE_MAX;
        (bid.is_positive() && ask > bid && fresh).then_some((bid, ask))
    }

    fn is_narrow(&self, bid: Price, ask: Price) -> Result<(), TurnedDown> {
        let mid = (bid.get() + ask.get()) / Decimal::TWO;
        let spread = (ask - bid).get();
        let most = (self.screen.spread_percent_max * mid / Decimal::ONE_HUNDRED).max(SPREAD_MIN);
        if spread <= most {
            return Ok(());
        }
        let percent = to_f64((spread * Decimal::ONE_HUNDRED).checked_div(mid).unwrap_or_default());
        let max = to_f64(self.screen.spread_percent_max);
        let values = vec![
            ("bid", to_f64(bid.get())),
            ("ask", to_f64(ask.get())),
            ("spread_pct", percent),
            ("max", max),
        ];
        Err((Rejection::Spread, values))
    }

    fn pays(&self, bid: Price, ask: Price, delta: f64, open_interest: u64) -> Verdict {
        let Self { row, screen, dte, .. } = self;
        let strike = to_f64(row.contract.strike.get());
        let base = if screen.right == Right::Put { strike } else { to_f64(self.spot.get()) };
        let annual_yield = to_f64(bid.get()) / base * 365.0 / f64::from(dte + 1);
        if bid < screen.premium_min || !(screen.yield_min..=screen.yield_max).contains(&annual_yield) {
            let values = vec![
                ("bid", to_f64(bid.get())),
                ("min", to_f64(screen.premium_min.get())),
                ("yield_pct", annual_yield * 100.0),
            ];
            return Err((Rejection::Premium, values));
        }
        let score = (1.0 - delta.abs()) * to_f64(bid.get()) / strike * 250.0 / f64::from(dte + 5);
        Ok(Candidate {
            contract: row.contract.clone(),
            bid,
            ask,
            dte: *dte,
            delta,
            annual_yield,
            open_interest,
            score,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::instrument::{Instrument, Symbol};
    use crate::domain::quote::{Feed, Quote};
    use crate::quant::greeks::strike_from_delta;

    const TODAY: Date = date(2026, 11, 12);

    fn now() -> Timestamp {
        "2026-11-12T14:45:00Z".parse().unwrap()
    }

    /// A market of a put that expires on 18 December, 36 days ahead, at a spot of 200.
    fn row(strike: &str, bid: &str, ask: &str, delta: Option<f64>) -> ChainRow {
        let contract = OptionContract {
            underlying: Symbol::new("AAPL").unwrap(),
            expiry: date(2026, 12, 18),
            strike: strike.parse().unwrap(),
            right: Right::Put,
            root: None,
        };
        let mut quote = Quote::empty(Instrument::Option(contract.clone()), now(), Feed::Simulated);
        (quote.bid, quote.ask) = (bid.parse().ok(), ask.parse().ok());
        ChainRow {
            contract,
            quote,
            open_interest: Some(500),
            iv: None,
            delta,
            gamma: None,
            theta: None,
            vega: None,
        }
    }

    fn chain(rows: Vec<ChainRow>) -> Chain {
        let expiries = vec![date(2026, 12, 18)];
        Chain { underlying: Symbol::new("AAPL").unwrap(), spot: Some(Price::from(200)), expiries, rows }
    }

    fn put_screen() -> Screen {
        Screen {
            right: Right::Put,
            dte_min: 25,
            dte_target: 35,
            dte_max: 50,
            spread_percent_max: Decimal::TEN,
            open_interest_min: 100,
            delta_min: 0.10,
            delta_max: 0.30,
            strike_min: None,
            strike_max: None,
            premium_min: Price::new(Decimal::new(15, 2)),
            yield_min: 0.05,
            yield_max: 1.0,
            rate: 0.04,
        }
    }

    /// Each check of strategies §5 in its order: what a contract fails by, and the numbers said.
    #[test]
    fn each_check_turns_down_what_it_is_for() {
        let good = || row("190", "2.30", "2.40", Some(-0.28));
        let with = |change: &dyn Fn(&mut ChainRow)| {
            let mut row = good();
            change(&mut row);
            row
        };
        let cases: [(&str, ChainRow, &str); 12] = [
            ("ADJUSTED_CONTRACT", with(&|r| r.contract.root = Symbol::new("AAPL1").ok()), ""),
            ("HALTED", with(&|r| r.quote.halted = true), ""),
            ("DTE", with(&|r| r.contract.expiry = date(2027, 3, 19)), ""),
            ("NO_QUOTE", with(&|r| r.quote.bid = None), ""),
            ("NO_QUOTE", with(&|r| r.quote.bid = Some(Price::from(3))), ""),
            ("NO_QUOTE", with(&|r| r.quote.as_of = now() - SignedDuration::from_secs(61)), ""),
            ("SPREAD", with(&|r| r.quote.bid = "1.70".parse().ok()), "spread_pct"),
            ("LOW_OI", with(&|r| r.open_interest = Some(99)), "oi"),
            (
                "NO_DELTA",
                with(&|r| {
                    (r.delta, r.quote.bid, r.quote.ask) =
                        (None, Some(Price::from(195)), Some(Price::from(196)))
                }),
                "",
            ),
            ("DELTA", with(&|r| r.delta = Some(-0.31)), ""),
            ("STRIKE_LIMIT", with(&|r| r.contract.strike = "191".parse().unwrap()), "limit"),
            (
                "LOW_PREMIUM",
                with(&|r| (r.quote.bid, r.quote.ask) = ("0.10".parse().ok(), "0.12".parse().ok())),
                "yield_pct",
            ),
        ];
        for (code, row, value) in cases {
            let screen = Screen { strike_max: Some(Price::from(190)), ..put_screen() };
            let screened = super::screen(&chain(vec![row]), &screen, TODAY, now());
            assert!(screened.candidates.is_empty(), "{code}");
            assert_eq!(screened.counts(), [(code, 1)]);
            if !value.is_empty() {
                let miss = screened.near_miss.unwrap();
                assert!(miss.values.iter().any(|(name, _)| *name == value), "{code}: {:?}", miss.values);
            }
        }
        let screened = super::screen(&chain(vec![good()]), &put_screen(), TODAY, now());
        let best = &screened.candidates[0];
        assert_eq!((best.dte, best.mid()), (36, "2.35".parse().unwrap()));
        // 2.30 / 190 x 365 / 37 = 11.94 % a year; (1 - 0.28) x 2.30 / 190 x 250 / 41.
        assert!((best.annual_yield - 0.119_41).abs() < 1e-5 && (best.score - 0.053_145).abs() < 1e-5);
    }

    #[test]
    fn narrow_in_cents_is_narrow_and_the_best_score_comes_first() {
        let rows = vec![
            row("170", "0.40", "0.50", Some(-0.11)),
            row("185", "1.40", "1.50", Some(-0.20)),
            row("190", "2.30", "2.40", Some(-0.28)),
        ];
        let screened = super::screen(&chain(rows), &Screen { yield_min: 0.0, ..put_screen() }, TODAY, now());
        let strikes: Vec<String> =
            screened.candidates.iter().map(|c| c.contract.strike.to_string()).collect();
        assert_eq!(strikes, ["190", "185", "170"]);
        assert_eq!(by_delta(&screened.candidates, 35).unwrap().contract.strike, Price::from(190));
        assert!(super::screen(&chain(Vec::new()), &put_screen(), TODAY, now()).near_miss.is_none());
    }

    /// Of the strikes of a chain, the delta finds the one that the closed form names.
    #[test]
    fn own_deltas_find_the_strike_of_the_closed_form() {
        let terms = Terms {
            right: Right::Put,
            spot: 200.0,
            strike: 0.0,
            years: years(36),
            rate: 0.04,
            dividend_yield: 0.0,
        };
        let exact = strike_from_delta(&terms, 0.3, 0.30);
        let rows: Vec<ChainRow> = (150..=210)
            .map(|strike| {
                let price = black_scholes(&Terms { strike: f64::from(strike), ..terms }, 0.3).price;
                let cents = |price: f64| format!("{price:.4}");
                row(&strike.to_string(), &cents((price - 0.02).max(0.01)), &cents(price + 0.02), None)
            })
            .collect();
        let screened = super::screen(&chain(rows), &put_screen(), TODAY, now());
        let found = by_delta(&screened.candidates, 35).unwrap();
        assert_eq!(to_f64(found.contract.strike.get()), exact.floor(), "{exact}");
    }
}
