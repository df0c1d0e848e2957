//! One evaluation of one slot: the gates, the steps in their order, and how an order is proposed. The first step that proposes something
//! ends it (strategies §6.3).

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::domain::chain::{Chain, ChainRow};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::{OrderSubject, PositionEffect, Side};
use crate::domain::quote::{Interval, Quote};
use crate::quant::contracts::{QUOTE_AGE_MAX, Screened, is_adjusted};
use crate::quant::number::to_f64;
use crate::strategies::options::hours::Hours;
use crate::strategies::options::ladder::{self, Market};
use crate::strategies::options::positions::{Contracts, Positions};
use crate::strategies::options::{fee, marketable, tick};
use crate::strategies::{Books, Decision, Output, Proposal};

use super::campaign::Memory;
use super::params::WheelParams;
use super::phase::Phase;
use super::{SHARES, Wheel};

/// Ticks of a class whose broker refused cents: 0.05 below 3.00, 0.10 from there.
const NICKEL: Decimal = Decimal::from_parts(5, 0, 0, false, 2);
const DIME: Decimal = Decimal::from_parts(10, 0, 0, false, 2);

/// One slot at one instant.
pub(super) struct Turn<'a> {
    pub(super) name: &'a str,
    pub(super) now: Timestamp,
    pub(super) hours: Hours,
    pub(super) params: &'a WheelParams,
    pub(super) books: &'a dyn Books,
    pub(super) chain: &'a Chain,
    pub(super) positions: Positions,
    pub(super) memory: &'a mut Memory,
    pub(super) phase: Phase,
    pub(super) out: &'a mut Vec<Output>,
}

/// Numbers of a record.
pub(super) type Values = Vec<(&'static str, f64)>;

impl<'a> Turn<'a> {
    pub(super) fn new(
        wheel: &'a mut Wheel,
        at: usize,
        now: Timestamp,
        hours: Hours,
        books: &'a dyn Books,
        chain: &'a Chain,
        out: &'a mut Vec<Output>,
    ) -> Self {
        let slot = &mut wheel.slots[at];
        let positions = Positions::of(books, &slot.symbol);
        let share = &positions.share;
        let halted = books.quote(share).is_some_and(|quote| quote.halted);
        let conflict = books.account_position(share).get() < positions.shares;
        let frozen =
            slot.memory.frozen || slot.memory.unexplained || halted || conflict || positions.has_adjusted();
        let phase = Phase::of(&positions, frozen, hours.today, false);
        Self {
            name: &wheel.name,
            now,
            hours,
            params: &wheel.params,
            books,
            chain,
            positions,
            memory: &mut slot.memory,
            phase,
            out,
        }
    }

    /// All steps in their order.
    pub(super) fn run(&mut self) {
        let Some(spot) = self.gates() else { return };
        let _proposed = self.protect(spot)
            || self.manage(Right::Call, spot)
            || self.manage(Right::Put, spot)
            || self.may_open() && (self.write_calls(spot) || self.write_puts(spot));
    }

    /// May anything be done at all; the price of the shares then.
    fn gates(&mut self) -> Option<Price> {
        let share = Instrument::clone(&self.positions.share);
        let standing = self.books.standing();
        let has_options = !self.positions.short.is_empty() || !self.positions.long.is_empty();
        if standing.halted {
            self.skip("HALTED", Some(share), Vec::new());
            return None;
        }
        let Some(quote) = self.books.quote(&share) else {
            self.skip("STALE", Some(share), Vec::new());
            return None;
        };
        if quote.halted {
            self.skip("HALTED", Some(share), Vec::new());
            return None;
        }
        let age = self.now.duration_since(quote.as_of);
        let price = two_sided(quote).then(|| quote.mark()).flatten().filter(|_| age <= QUOTE_AGE_MAX);
        if price.is_none() {
            let values = vec![("age_s", age.as_secs_f64())];
            self.skip("STALE", Some(share), values);
        } else if standing.options_level < 1 && !has_options {
            self.skip(
                "OPTIONS_LEVEL",
                Some(share),
                vec![("level", standing.options_level.into()), ("need", 1.0)],
            );
            return None;
        }
        price
    }

    /// May something new be opened; says why not.
    fn may_open(&mut self) -> bool {
        let standing = self.books.standing();
        let share = Some(self.positions.share.clone());
        let today = self.hours.today;
        if self.phase == Phase::Frozen {
            let code = if self.positions.has_adjusted() { "ADJUSTED_CONTRACT" } else { "FROZEN" };
            self.skip(code, share, Vec::new());
        } else if self.phase == Phase::Settling || !self.positions.working.is_empty() {
            return false;
        } else if standing.options_level < 1 {
            self.skip("OPTIONS_LEVEL", share, vec![("level", standing.options_level.into()), ("need", 1.0)]);
        } else if standing.closing_only {
            self.skip("RESTRICTED", share, Vec::new());
        } else if let Some(until) = self.memory.cooldown_until.filter(|until| today < *until) {
            let days = crate::quant::contracts::days_to_expiry(until, today);
            self.skip("COOLDOWN", share, vec![("days_left", days.into())]);
        } else if let Some((loss, most)) = self.lost_too_much() {
            self.skip("MAX_LOSS", share, vec![("loss", loss), ("max", most)]);
        } else {
            return self.hours.may_open;
        }
        false
    }

    /// The campaign's loss at the marks, and what it may be, where it is more.
    fn lost_too_much(&self) -> Option<(f64, f64)> {
        let percent = self.params.optional("max_loss_pct")?;
        let most = self.params.slot_capital(self.books) * percent / Decimal::ONE_HUNDRED;
        let spot = self.chain.spot.map_or(Decimal::ZERO, Price::get);
        let open: Decimal = self
            .positions
            .short
            .iter()
            .filter_map(|held| {
                let mid = self.mid_of(&held.contract)?;
                Some(mid.get() * SHARES * Decimal::from(held.count))
            })
            .sum();
        let pnl = self.memory.campaign.cash_result() + self.positions.shares * spot - open;
        (-pnl > most).then(|| (to_f64(-pnl), to_f64(most)))
    }

    /// A contract's row of the chain.
    pub(super) fn row(&self, contract: &OptionContract) -> Option<&'a ChainRow> {
        self.chain.rows.iter().find(|row| row.contract == *contract)
    }

    /// A contract's prices, fresh and not crossed: of the stream, else of the chain.
    pub(super) fn market(&self, contract: &OptionContract) -> Option<(Price, Price)> {
        let streamed = self.books.quote(&Instrument::Option(contract.clone()));
        let usable = |quote: &Quote| {
            let fresh = self.now.duration_since(quote.as_of) <= QUOTE_AGE_MAX;
            // What is worthless has an offer and no bid.
            let (bid, ask) = (quote.bid.unwrap_or_default(), quote.ask?);
            (fresh && !quote.halted && ask >= bid && ask.is_positive()).then_some((bid, ask))
        };
        streamed.and_then(usable).or_else(|| self.row(contract).and_then(|row| usable(&row.quote)))
    }

    /// The middle of a contract's market. Never its last price.
    pub(super) fn mid_of(&self, contract: &OptionContract) -> Option<Price> {
        self.market(contract).map(|(bid, ask)| Price::new((bid.get() + ask.get()) / Decimal::TWO))
    }

    /// Contracts of a position that no working order closes yet.
    pub(super) fn free(&self, held: &Contracts) -> i64 {
        (held.count - self.positions.closing(&held.contract)).max(0)
    }

    /// Is anything of this contract at work.
    pub(super) fn is_worked(&self, contract: &OptionContract) -> bool {
        self.positions.working.iter().any(|order| {
            order.subject.instruments().any(|instrument| instrument.as_option() == Some(contract))
        })
    }

    /// Buys contracts back: patiently from the middle, or at once. `worst` is the highest debit it is worth.
    pub(super) fn close(
        &mut self,
        contract: &OptionContract,
        count: i64,
        urgent: bool,
        worst: Option<Price>,
        decision: Decision,
    ) -> bool {
        let Some((bid, ask)) = self.market(contract) else {
            self.skip("NO_QUOTE", Some(Instrument::Option(contract.clone())), Vec::new());
            return false;
        };
        let instrument = Instrument::Option(contract.clone());
        let tick = self.tick(&instrument, ask);
        let mid = Price::new((bid.get() + ask.get()) / Decimal::TWO);
        let limit = if urgent {
            marketable(self.books, &instrument, ask).ceil_to_tick(tick)
        } else {
            let most = worst.unwrap_or(ask);
            ladder::first(true, mid.min(most), tick).max(Price::new(tick))
        };
        let order =
            Proposal::option(instrument, Side::Buy, PositionEffect::Close, Quantity::from(count), limit);
        self.propose(order, worst, decision)
    }

    /// Sells contracts, from the middle of their market.
    pub(super) fn sell_to_open(
        &mut self,
        contract: &OptionContract,
        count: i64,
        mid: Price,
        least: Price,
        decision: Decision,
    ) -> bool {
        let instrument = Instrument::Option(contract.clone());
        let tick = self.tick(&instrument, mid);
        let limit = ladder::first(false, mid, tick);
        let order =
            Proposal::option(instrument, Side::Sell, PositionEffect::Open, Quantity::from(count), limit);
        self.propose(order, Some(least), decision)
    }

    pub(super) fn propose(&mut self, order: Proposal, worst: Option<Price>, decision: Decision) -> bool {
        if let Some(worst) = worst {
            self.memory.worst.insert(subject_key(&order.subject), worst);
        }
        let decision = Decision { phase: self.phase.as_str(), quantity: Some(order.quantity), ..decision };
        self.out.push(Output::Propose(order, decision));
        self.out.push(Output::Remember);
        true
    }

    /// The price step, wide where a broker has said so.
    pub(super) fn tick(&self, instrument: &Instrument, price: Price) -> Decimal {
        widened(tick(self.books, instrument, price), price, self.memory.wide_ticks)
    }

    /// What buying and selling one contract costs.
    pub(super) fn round_trip(&self) -> Decimal {
        Decimal::TWO * fee(self.books, Price::from(1))
    }

    /// Was today's move what a side is written on; `None` where nobody knows it.
    pub(super) fn moved(&self, when: &str, spot: Price) -> Option<bool> {
        let close = self.books.quote(&self.positions.share)?.previous_close?;
        let day = spot - close;
        match when {
            "red_day" => Some(day.is_negative()),
            "green_day" => Some(day.is_positive()),
            "move_sigma" => {
                let bars = self.books.bars(&self.positions.share, Interval::Day1);
                let closes: Vec<f64> = bars.iter().map(|bar| to_f64(bar.close.get())).collect();
                let sigma = daily_deviation(&closes)?;
                let k = to_f64(self.params.number("move_sigma"));
                Some(to_f64(day.get().abs()) >= k * sigma.exp_m1() * to_f64(close.get()))
            }
            _ => Some(true),
        }
    }

    pub(super) fn skip(&mut self, code: &'static str, instrument: Option<Instrument>, values: Values) {
        let decision = Decision::skip(code, instrument, values);
        self.out.push(Output::Decision(Decision { phase: self.phase.as_str(), ..decision }));
    }

    /// Says why a chain had nothing to sell: by the contract that came furthest, with all counts.
    pub(super) fn skip_screened(&mut self, screened: &Screened) {
        let decision = match &screened.near_miss {
            Some(miss) => Decision::skip(
                miss.rejection.code(),
                Some(Instrument::Option(miss.contract.clone())),
                miss.values.clone(),
            ),
            None => Decision::skip("NO_CONTRACT", Some(self.positions.share.clone()), Vec::new()),
        };
        let rejected = screened.counts();
        self.out.push(Output::Decision(Decision { phase: self.phase.as_str(), rejected, ..decision }));
    }
}

/// Both sides are there and not crossed.
fn two_sided(quote: &Quote) -> bool {
    quote.bid.zip(quote.ask).is_some_and(|(bid, ask)| bid.is_positive() && ask >= bid)
}

/// Deviation of the daily log returns; `None` with fewer than thirty.
fn daily_deviation(closes: &[f64]) -> Option<f64> {
    let returns: Vec<f64> = closes.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect();
    if returns.len() + 1 < super::BARS {
        return None;
    }
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let squares: f64 = returns.iter().map(|value| (value - mean).powi(2)).sum();
    let sigma = (squares / (count - 1.0)).sqrt();
    sigma.is_finite().then_some(sigma)
}

/// What a traded thing is remembered by.
pub(super) fn subject_key(subject: &OrderSubject) -> String {
    let keys: Vec<String> = subject.instruments().map(Instrument::key).collect();
    keys.join(" / ")
}

fn widened(tick: Decimal, price: Price, wide: bool) -> Decimal {
    if !wide {
        return tick;
    }
    tick.max(if price >= Price::from(3) { DIME } else { NICKEL })
}

/// The price step of a working order.
pub(super) fn tick_of(
    books: &dyn Books,
    subject: &OrderSubject,
    limit: Option<Price>,
    wide: bool,
) -> Decimal {
    match subject {
        OrderSubject::Instrument(instrument) => {
            let price = limit.unwrap_or_default();
            let usual = tick(books, instrument, price);
            if instrument.as_option().is_some() { widened(usual, price, wide) } else { usual }
        }
        OrderSubject::Legs(_) => Decimal::new(1, 2),
    }
}

/// The market of a working order as its side sees it; net of the legs for a package.
pub(super) fn market_of(
    books: &dyn Books,
    subject: &OrderSubject,
    buys: bool,
    now: Timestamp,
) -> Option<Market> {
    let prices = |instrument: &Instrument| {
        let quote = books.quote(instrument)?;
        let fresh = now.duration_since(quote.as_of) <= QUOTE_AGE_MAX && !quote.halted;
        let (bid, ask) = (quote.bid.unwrap_or_default(), quote.ask?);
        (fresh && ask >= bid).then_some((bid, ask))
    };
    let side = |buys: bool, (bid, ask): (Price, Price)| if buys { ask } else { bid };
    let middle = |(bid, ask): (Price, Price)| Price::new((bid.get() + ask.get()) / Decimal::TWO);
    match subject {
        OrderSubject::Instrument(instrument) => {
            let prices = prices(instrument)?;
            Some(Market { mid: middle(prices), natural: side(buys, prices) })
        }
        OrderSubject::Legs(legs) => {
            let (mut mid, mut natural) = (Price::ZERO, Price::ZERO);
            for leg in legs {
                let prices = prices(&leg.instrument)?;
                let weight = leg.side.sign() * leg.ratio;
                mid += middle(prices) * weight;
                natural += side(leg.side.is_buy(), prices) * weight;
            }
            Some(Market { mid, natural })
        }
    }
}

/// Shares that a contract delivers, as its venue says.
pub(super) fn delivers(books: &dyn Books, contract: &OptionContract) -> Decimal {
    let spec = books.spec(&Instrument::Option(contract.clone()));
    let usual = if is_adjusted(contract) { Decimal::ZERO } else { SHARES };
    spec.map_or(if usual.is_zero() { SHARES } else { usual }, |spec| spec.deliverable)
}
