//! New prices: marks of what is held, rates between currencies, deltas of options, alerts, the short-sale restriction.

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::core::input::forward;
use crate::core::risk::{from_pairs, implied_delta};
use crate::domain::calendar::exchange_date;
use crate::domain::instrument::{AssetClass, Instrument, Symbol};
use crate::domain::measure;
use crate::domain::money::Currency;
use crate::domain::option::OptionContract;
use crate::domain::quote::{Bar, Interval, Quote};
use crate::domain::snapshot::Severity;

use super::Engine;

impl Engine {
    pub(super) fn on_quote(&mut self, quote: Quote) {
        // Not taken: the one before grows old, and old quotes let nothing out.
        if !measure::is_quote(&quote) {
            return;
        }
        let mut held = false;
        if let Some(mark) = quote.mark() {
            for books in self.accounts.values_mut().filter(|books| books.is_valued_by(&quote)) {
                held |= books.portfolio.mark(&quote.instrument, mark);
            }
        }
        // Every order that opens asks for the deltas of all options held: they are worked out as prices come, not for each order.
        let option = quote.instrument.as_option().cloned();
        if has_fallen(&quote) {
            self.saw_fall(&quote);
        }
        if !self.host.is_empty() {
            self.quote_strategies(&quote);
        }
        let instrument = (!self.exits.is_empty()).then(|| quote.instrument.clone());
        let watched = self.alerts.waits_for(&quote.instrument).then(|| quote.clone());
        let pair = match &quote.instrument {
            Instrument::Fx { base, quote } => Some((base.clone(), quote.clone())),
            _ => None,
        };
        if self.market.put_quote(quote) {
            self.dirty.any = true;
            if let Some(instrument) = instrument {
                self.see_exits(&instrument);
            }
            if let Some(quote) = watched {
                self.ring(&quote);
            }
            if let Some((base, counter)) = pair {
                self.turn_into_rates(&base, &counter);
            }
            if let Some(contract) = option {
                self.follow_delta(contract, held);
            }
        }
    }

    /// A share comes under the short-sale restriction, which outlives the process: tomorrow's quotes do not show today's fall.
    fn saw_fall(&mut self, quote: &Quote) {
        let day = exchange_date(quote.as_of);
        if self.fallen.insert(quote.instrument.clone(), day) == Some(day) || !self.keeps_all() {
            return;
        }
        let today = exchange_date(self.now);
        self.fallen.retain(|_, fell| self.calendar.next_session(*fell) >= today);
        self.entry.fallen = Some(self.fallen.iter().map(|(share, fell)| (share.clone(), *fell)).collect());
    }

    fn follow_delta(&mut self, contract: OptionContract, held: bool) {
        let delta = if held { implied_delta(self, self.now, &contract) } else { None };
        let instrument = Instrument::Option(contract);
        match delta {
            Some(delta) => self.deltas.insert(instrument, delta),
            None => self.deltas.remove(&instrument),
        };
    }

    /// A currency pair's price is the rate at which books turn one currency into another: theirs, directly or through the US dollar.
    fn turn_into_rates(&mut self, base: &Symbol, counter: &Symbol) {
        let pair = [base, counter].map(|symbol| Currency::new(symbol.as_str()).ok());
        let market = &self.market;
        for books in self.accounts.values_mut() {
            let own = books.setup.currency;
            // Rates made through the dollar move with the account's own pair too.
            let crossed: Vec<Currency> =
                if own == Currency::USD { Vec::new() } else { books.portfolio.rated().collect() };
            for currency in pair.into_iter().flatten().chain(crossed).filter(|currency| *currency != own) {
                if let Some(rate) = from_pairs(&|pair| market.quote(pair), currency, own) {
                    books.portfolio.set_rate(currency, rate);
                }
            }
        }
    }

    pub(super) fn on_bar(&mut self, instrument: &Instrument, interval: Interval, bar: &Bar) {
        if !bar.is_sound() {
            self.note(
                Severity::Warning,
                "BAD_BAR",
                format!("{instrument} {interval} bar at {} is not sound; treated as a gap", bar.start),
            );
            return;
        }
        let mut quote = Quote::empty(instrument.clone(), self.now, self.config.feed);
        quote.last = Some(bar.close);
        quote.open = Some(bar.open);
        quote.high = Some(bar.high);
        quote.low = Some(bar.low);
        quote.bid = Some(bar.close);
        quote.ask = Some(bar.close);
        quote.volume = bar.volume.into();
        quote.previous_close = self.market.quote(instrument).and_then(|known| known.last);
        self.on_quote(quote);
    }

    /// The same as stepping `Input::Bar`, without an owned input and without effects: a bar by itself wants nothing done. True where an
    /// account holds something of it.
    pub fn on_bar_fast(&mut self, now: Timestamp, instrument: &Instrument, bar: &Bar) -> bool {
        self.now = forward(self.now, now);
        let mut held = false;
        for books in self.accounts.values_mut() {
            held |= books.portfolio.mark(instrument, bar.close);
        }
        self.market.put_close(instrument, bar.close, self.now, self.config.feed);
        self.dirty.any = true;
        held
    }
}

/// Has a share traded ten per cent or more below the close before in this session (SEC rule 201).
fn has_fallen(quote: &Quote) -> bool {
    let lowest = quote.low.or(quote.last);
    quote.instrument.asset_class() == AssetClass::Equity
        && lowest.zip(quote.previous_close).is_some_and(|(low, close)| {
            close.is_positive() && low.get() * Decimal::TEN <= close.get() * Decimal::from(9)
        })
}
