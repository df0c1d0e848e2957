//! The option chain of the instrument in view: calls left, puts right, an expiry at a time; legs are picked here and become one order.

mod builder;
mod facts;
mod smile;
mod view;

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use self::builder::{Builder, LEGS_MAX};
use self::view::Places;
use super::sheet::cell;
use super::{ListFilter, Pane, Sheet, titled_with_age};
use crate::client::message::{Chain, ChainRow};
use crate::client::{Reply, Request, SessionError};
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::Price;
use crate::domain::option::Right;
use crate::domain::order::{OriginKind, Side};
use crate::domain::snapshot::Severity;
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::sources;
use crate::tui::widgets::filter::{in_range, number_range};
use crate::tui::widgets::list::ListState;
use crate::tui::wish::{Purpose, Wish};

/// A chain in view is asked for anew this long after the last time, if its underlying moved.
const REFRESH: Duration = Duration::from_secs(2);

/// The two sides of a strike.
struct Strike<'a> {
    price: Price,
    call: Option<&'a ChainRow>,
    put: Option<&'a ChainRow>,
}

impl<'a> Strike<'a> {
    const fn side(&self, right: Right) -> Option<&'a ChainRow> {
        match right {
            Right::Call => self.call,
            Right::Put => self.put,
        }
    }
}

/// The chain pane.
#[derive(Debug)]
pub struct ChainPane {
    chain: Option<Box<Chain>>,
    /// Why there is none of this underlying.
    failed: Option<(Symbol, String)>,
    /// The expiry chosen; the nearest when none is.
    wanted: Option<Date>,
    asked: Option<Symbol>,
    asked_at: Duration,
    /// The underlying's price when it was asked for.
    as_of: Option<Timestamp>,
    strike: Option<Price>,
    right: Right,
    list: ListState,
    greeks: bool,
    filter: ListFilter,
    builder: Builder,
    /// The rows of the legs picked, whatever expiry is shown.
    kept: Vec<ChainRow>,
    /// The expiry of legs that was asked for last, and when.
    legs_asked: Option<(Date, Duration)>,
}

impl Default for ChainPane {
    fn default() -> Self {
        Self {
            chain: None,
            failed: None,
            wanted: None,
            asked: None,
            asked_at: Duration::ZERO,
            as_of: None,
            strike: None,
            right: Right::Call,
            list: ListState::default(),
            greeks: false,
            filter: ListFilter::default(),
            builder: Builder::default(),
            kept: Vec::new(),
            legs_asked: None,
        }
    }
}

/// The ticker whose options are shown: the instrument in view, or what it is an option on.
fn underlying(at: &At<'_>) -> Option<Symbol> {
    match at.env.current.as_ref()? {
        Instrument::Equity { symbol } => Some(symbol.clone()),
        Instrument::Option(contract) => Some(contract.underlying.clone()),
        _ => None,
    }
}

impl ChainPane {
    /// Shows an expiry, and one side of it first.
    pub fn show(&mut self, expiry: Option<Date>, right: Option<Right>) {
        self.wanted = expiry;
        self.right = right.unwrap_or(self.right);
        self.strike = None;
    }

    /// The order went: its legs must not go twice by habit.
    pub fn sent(&mut self) {
        self.builder = Builder::default();
    }

    /// The engine's answer.
    pub fn answer(&mut self, underlying: Symbol, reply: Result<Reply, SessionError>) {
        self.asked = None;
        match reply {
            Ok(Reply::Chain(chain)) => {
                self.failed = None;
                for kept in &mut self.kept {
                    if let Some(row) = chain.rows.iter().find(|row| row.contract == kept.contract) {
                        *kept = row.clone();
                    }
                }
                let shown = self.chain.as_ref().filter(|known| known.underlying == chain.underlying);
                let shown = shown.and_then(|known| self.expiry(known));
                let for_legs = self.legs_asked.is_some_and(|(day, _)| {
                    shown.is_some_and(|shown| shown != day)
                        && chain.rows.first().is_some_and(|row| row.contract.expiry == day)
                });
                if !for_legs {
                    self.chain = Some(chain);
                }
            }
            Ok(_) => self.failed = Some((underlying, "the engine gave no chain".into())),
            Err(error) => self.failed = Some((underlying, clean(&error.to_string()).into_owned())),
        }
    }

    /// The chain of the instrument in view, once it is there.
    fn chain(&self, at: &At<'_>) -> Option<&Chain> {
        let wanted = underlying(at)?;
        self.chain.as_deref().filter(|chain| chain.underlying == wanted)
    }

    fn expiry(&self, chain: &Chain) -> Option<Date> {
        self.wanted
            .filter(|day| chain.expiries.contains(day))
            .or_else(|| chain.rows.first().map(|row| row.contract.expiry))
            .or_else(|| chain.expiries.first().copied())
    }

    /// Does a strike pass the filter: a part of its price or of its contracts, or a range such as `220-240`.
    fn passes(&self, strike: &Strike<'_>) -> bool {
        let holds = |word: String| match number_range(&word) {
            Some(range) => in_range(strike.price.get(), range),
            None => {
                let contract = |row: &ChainRow| row.contract.to_string().to_lowercase().contains(&word);
                view::strike_text(strike.price).contains(&word)
                    || [strike.call, strike.put].into_iter().flatten().any(contract)
            }
        };
        self.filter.words().all(holds)
    }

    /// The age of the underlying's price, when that is an old one: the contracts' are no newer.
    fn stale(&self, at: &At<'_>) -> Option<i64> {
        sources::stale_of(&Instrument::Equity { symbol: underlying(at)? }, at)
    }

    /// The strikes of the expiry shown that pass the filter, rising.
    fn strikes<'a>(&self, chain: &'a Chain) -> Vec<Strike<'a>> {
        let mut strikes = self.all_strikes(chain);
        strikes.retain(|strike| self.passes(strike));
        strikes
    }

    /// The strikes of the expiry shown, rising.
    fn all_strikes<'a>(&self, chain: &'a Chain) -> Vec<Strike<'a>> {
        let expiry = self.expiry(chain);
        let mut strikes: Vec<Strike<'a>> = Vec::new();
        for row in chain.rows.iter().filter(|row| Some(row.contract.expiry) == expiry) {
            if strikes.last().is_none_or(|strike| strike.price != row.contract.strike) {
                strikes.push(Strike { price: row.contract.strike, call: None, put: None });
            }
            if let Some(strike) = strikes.last_mut() {
                match row.contract.right {
                    Right::Call => strike.call = Some(row),
                    Right::Put => strike.put = Some(row),
                }
            }
        }
        strikes
    }

    fn at_cursor<'a>(&self, chain: &'a Chain) -> Option<&'a ChainRow> {
        self.strikes(chain).get(self.list.index)?.side(self.right)
    }

    fn step_expiry(&mut self, forward: bool, at: &At<'_>) {
        let Some(chain) = self.chain(at) else { return };
        let now =
            self.expiry(chain).and_then(|day| chain.expiries.iter().position(|e| *e == day)).unwrap_or(0);
        let next = if forward { now + 1 } else { now.saturating_sub(1) };
        if let Some(day) = chain.expiries.get(next).copied() {
            self.wanted = Some(day);
        }
    }

    fn pick(&mut self, side: Side, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let Some(row) = self.chain(at).and_then(|c| self.at_cursor(c)).cloned() else { return };
        if !self.builder.pick(&row.contract, side) {
            wishes.push(Wish::Say(Severity::Warning, format!("An order has at most {LEGS_MAX} legs.")));
        }
        self.kept.push(row);
        self.keep();
    }

    /// Keeps the rows of the legs, each once, and no others.
    fn keep(&mut self) {
        let legs = self.builder.legs();
        self.kept.retain(|row| legs.iter().any(|leg| leg.contract == row.contract));
        self.kept.sort_by(|a, b| a.contract.cmp(&b.contract));
        self.kept.dedup_by(|a, b| a.contract == b.contract);
    }

    /// The legs' own rows as a chain.
    fn legs_chain(&self, chain: &Chain) -> Chain {
        Chain {
            underlying: chain.underlying.clone(),
            spot: chain.spot,
            expiries: Vec::new(),
            rows: self.kept.clone(),
        }
    }

    /// Legs become an order to be reviewed; without legs the contract under the cursor goes to the ticket.
    fn open(&self, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let Some(chain) = self.chain(at) else { return };
        if !self.builder.legs().is_empty() {
            match self.builder.command(&self.legs_chain(chain)) {
                Some(command) => wishes.push(Wish::Review(command, OriginKind::Ticket)),
                None => wishes
                    .push(Wish::Say(Severity::Warning, "A leg has no price in the expiry shown.".into())),
            }
        } else if let Some(row) = self.at_cursor(chain) {
            let instrument = row.contract.clone().into_instrument();
            wishes.push(Wish::Select(instrument.clone()));
            wishes.push(Wish::Ticket(Side::Buy, Some(instrument)));
        }
    }

    /// An expiry of legs that is not shown, and has not been asked for lately.
    fn legs_due(&self, shown: Option<Date>, at: &At<'_>) -> Option<Date> {
        let mut days: Vec<Date> = self.builder.legs().iter().map(|leg| leg.contract.expiry).collect();
        days.retain(|day| Some(*day) != shown);
        days.dedup();
        match self.legs_asked {
            Some((_, when)) if at.env.now < when + REFRESH => None,
            Some((last, _)) => {
                let after = days.iter().position(|day| *day == last).map_or(0, |i| i + 1);
                days.get(after).or(days.first()).copied()
            }
            None => days.first().copied(),
        }
    }

    /// What to ask, if something is to be asked now.
    fn question(&mut self, at: &At<'_>) -> Option<(Request, Purpose)> {
        let wanted = underlying(at)?;
        let quote = at.snapshot.quotes.get(&Instrument::Equity { symbol: wanted.clone() });
        let as_of = quote.map(|quote| quote.as_of);
        let expiry = match self.chain(at) {
            None if self.failed.as_ref().is_some_and(|(symbol, _)| *symbol == wanted) => return None,
            None => self.wanted,
            Some(chain) => {
                let expiry = self.expiry(chain);
                let there = chain.rows.iter().any(|row| Some(row.contract.expiry) == expiry);
                if let Some(day) = self.legs_due(expiry, at).filter(|_| there && self.asked.is_none()) {
                    self.legs_asked = Some((day, at.env.now));
                    self.asked = Some(wanted.clone());
                    let request =
                        Request::Chain { underlying: wanted.clone(), expiry: Some(day), right: None };
                    return Some((request, Purpose::Chain(wanted)));
                }
                let old = at.env.now >= self.asked_at + REFRESH && as_of != self.as_of;
                if there && !old {
                    return None;
                }
                expiry
            }
        };
        if self.asked.as_ref() == Some(&wanted) {
            return None;
        }
        (self.asked, self.asked_at, self.as_of) = (Some(wanted.clone()), at.env.now, as_of);
        let request = Request::Chain { underlying: wanted.clone(), expiry, right: None };
        Some((request, Purpose::Chain(wanted)))
    }
}

impl Pane for ChainPane {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let name = underlying(&look.at()).map(|symbol| symbol.to_string()).unwrap_or_default();
        let filter = self.filter.label(look.theme.glyphs.caret);
        titled_with_age("Chain", &format!("{name}{filter} "), self.stale(&look.at()), look)
    }

    fn filter(&self) -> Option<&ListFilter> {
        Some(&self.filter)
    }

    fn filter_mut(&mut self) -> Option<&mut ListFilter> {
        Some(&mut self.filter)
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        view::draw(self, look, area, buf);
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let prices: Vec<Price> = self
            .chain(at)
            .map(|chain| self.strikes(chain).iter().map(|s| s.price).collect())
            .unwrap_or_default();
        if self.list.act(action, prices.len()) {
            self.strike = prices.get(self.list.index).copied();
            return true;
        }
        match action {
            Action::Filter => self.filter.open(),
            Action::Open => self.open(at, wishes),
            Action::LegBuy => self.pick(Side::Buy, at, wishes),
            Action::LegSell => self.pick(Side::Sell, at, wishes),
            Action::Remove => {
                if let Some(contract) =
                    self.chain(at).and_then(|c| self.at_cursor(c)).map(|row| row.contract.clone())
                {
                    self.builder.remove(&contract);
                    self.keep();
                }
            }
            Action::Clear => self.builder = Builder::default(),
            Action::NextChoice => self.right = Right::Put,
            Action::PreviousChoice => self.right = Right::Call,
            Action::NextExpiry => self.step_expiry(true, at),
            Action::PreviousExpiry => self.step_expiry(false, at),
            Action::Greeks => self.greeks = !self.greeks,
            Action::StepUp => self.builder.step_price(1),
            Action::StepDown => self.builder.step_price(-1),
            Action::More => self.builder.step_quantity(true),
            Action::Fewer => self.builder.step_quantity(false),
            Action::Back if !self.builder.legs().is_empty() => self.builder = Builder::default(),
            _ => return false,
        }
        true
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let chain = self.chain(at)?;
        let expiry = self.expiry(chain);
        let mut sheet = Sheet::new(&[
            "symbol",
            "expiry",
            "right",
            "strike",
            "bid",
            "ask",
            "last",
            "volume",
            "open_interest",
            "iv",
            "delta",
            "gamma",
            "theta",
            "vega",
        ]);
        let shown: Vec<Price> = self.strikes(chain).iter().map(|strike| strike.price).collect();
        let is_shown = |row: &&ChainRow| {
            Some(row.contract.expiry) == expiry && shown.binary_search(&row.contract.strike).is_ok()
        };
        for row in chain.rows.iter().filter(is_shown) {
            let (contract, quote) = (&row.contract, &row.quote);
            sheet.push(vec![
                contract.clone().into_instrument().key(),
                contract.expiry.to_string(),
                if contract.right == Right::Call { "call" } else { "put" }.to_owned(),
                contract.strike.to_string(),
                cell(quote.bid),
                cell(quote.ask),
                cell(quote.last),
                quote.volume.to_string(),
                cell(row.open_interest),
                cell(row.iv),
                cell(row.delta),
                cell(row.gamma),
                cell(row.theta),
                cell(row.vega),
            ]);
        }
        Some(sheet)
    }

    fn click(&mut self, column: u16, line: u16, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let Some(chain) = self.chain(at) else { return };
        let strikes = self.strikes(chain);
        let rows = Places::new(area, &self.builder).rows;
        let row = (area.y + line)
            .checked_sub(rows.y)
            .and_then(|l| self.list.at_line(l, strikes.len(), rows.height));
        if let Some(row) = row {
            self.strike = strikes.get(row).map(|strike| strike.price);
            self.list.index = row;
            self.right = if column < area.width / 2 { Right::Call } else { Right::Put };
        }
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let other =
            self.chain.as_ref().is_some_and(|chain| underlying(at).as_ref() != Some(&chain.underlying));
        if other && underlying(at).is_some() {
            // Another underlying: its own expiries, strikes and legs.
            (self.chain, self.wanted, self.strike) = (None, None, None);
            self.builder = Builder::default();
        }
        if let Some((request, purpose)) = self.question(at) {
            wishes.push(Wish::Ask(request, purpose));
        }
        let Some(chain) = self.chain(at) else { return };
        let strikes = self.strikes(chain);
        let goal = self.strike.or(chain.spot).map(|price| price.get()).unwrap_or_default();
        let nearest = strikes.iter().enumerate().min_by_key(|(_, strike)| (strike.price.get() - goal).abs());
        let (index, price) = nearest.map_or((0, None), |(i, strike)| (i, Some(strike.price)));
        let (count, first) = (strikes.len(), self.strike.is_none());
        let height = Places::new(area, &self.builder).rows.height;
        self.list.index = index;
        if first && price.is_some() {
            // At the money, in the middle of the pane.
            self.list.offset = index.saturating_sub(usize::from(height) / 2);
            self.strike = price;
        }
        self.list.settle(count, height);
    }
}
