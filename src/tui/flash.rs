//! Numbers that just changed, for 300 ms.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;

use crate::domain::instrument::Instrument;
use crate::domain::position::Position;
use crate::domain::quote::Quote;
use crate::domain::snapshot::Snapshot;

/// How long a changed number is marked.
pub const FLASH: Duration = Duration::from_millis(300);

/// A number of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Last trade.
    Last,
    /// Best bid.
    Bid,
    /// Best ask.
    Ask,
    /// Day's gain of the position.
    DayPnl,
    /// Open gain of the position.
    OpenPnl,
}

/// A number of the default account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Net liquidation.
    Equity,
    /// Day's gain.
    Day,
    /// Buying power.
    BuyingPower,
}

/// Until when, and did it rise.
type Flash = Option<(Duration, bool)>;

/// Every number that is marked now.
#[derive(Debug, Default)]
pub struct Flashes {
    instruments: BTreeMap<Instrument, [Flash; 5]>,
    figures: [Flash; 3],
}

impl Flashes {
    /// Marks what differs between two snapshots.
    pub fn compare(&mut self, old: &Snapshot, new: &Snapshot, now: Duration) {
        if !Arc::ptr_eq(&old.quotes, &new.quotes) {
            self.quotes(&old.quotes, &new.quotes, now);
        }
        if !Arc::ptr_eq(&old.positions, &new.positions) {
            self.positions(&old.positions, &new.positions, now);
        }
        if let (Some(before), Some(after)) = (old.default_account(), new.default_account()) {
            let figures = [
                (before.account.net_liquidation, after.account.net_liquidation),
                (before.account.day_pnl, after.account.day_pnl),
                (before.account.buying_power, after.account.buying_power),
            ];
            for (slot, (before, after)) in self.figures.iter_mut().zip(figures) {
                mark(slot, Some(before), Some(after), now);
            }
        }
    }

    fn quotes(
        &mut self,
        old: &BTreeMap<Instrument, Quote>,
        new: &BTreeMap<Instrument, Quote>,
        now: Duration,
    ) {
        let mut before = old.iter().peekable();
        for (instrument, quote) in new {
            // Both maps are sorted: walk them side by side.
            while before.next_if(|(key, _)| *key < instrument).is_some() {}
            let Some((_, last)) = before.next_if(|(key, _)| *key == instrument) else { continue };
            if last == quote {
                continue;
            }
            let pairs = [(last.last, quote.last), (last.bid, quote.bid), (last.ask, quote.ask)];
            if pairs.iter().all(|(a, b)| a == b) {
                continue;
            }
            let slots = self.instruments.entry(instrument.clone()).or_default();
            for (slot, (a, b)) in slots.iter_mut().zip(pairs) {
                mark(slot, a.map(|p| p.get()), b.map(|p| p.get()), now);
            }
        }
    }

    fn positions(&mut self, old: &[Position], new: &[Position], now: Duration) {
        for position in new {
            let same = |p: &&Position| p.instrument == position.instrument && p.account == position.account;
            let Some(before) = old.iter().find(same) else { continue };
            if before.day_pnl == position.day_pnl && before.unrealized_pnl == position.unrealized_pnl {
                continue;
            }
            let slots = self.instruments.entry(position.instrument.clone()).or_default();
            mark(&mut slots[3], before.day_pnl, position.day_pnl, now);
            mark(&mut slots[4], before.unrealized_pnl, position.unrealized_pnl, now);
        }
    }

    /// Did this number just rise (true) or fall (false).
    #[must_use]
    pub fn instrument(&self, instrument: &Instrument, field: Field, now: Duration) -> Option<bool> {
        let slots = self.instruments.get(instrument)?;
        current(slots[field as usize], now)
    }

    /// The same for a figure of the account.
    #[must_use]
    pub fn figure(&self, figure: Figure, now: Duration) -> Option<bool> {
        current(self.figures[figure as usize], now)
    }

    /// Forgets what has ended, and says when the next ends.
    pub fn expire(&mut self, now: Duration) {
        self.instruments.retain(|_, slots| slots.iter().any(|slot| current(*slot, now).is_some()));
    }

    /// When the last running mark ends: one redraw clears them all.
    #[must_use]
    pub fn end(&self, now: Duration) -> Option<Duration> {
        let slots = self.instruments.values().flatten().chain(&self.figures);
        slots.filter_map(|slot| slot.map(|(until, _)| until)).filter(|until| *until > now).max()
    }
}

fn current(slot: Flash, now: Duration) -> Option<bool> {
    slot.filter(|(until, _)| now < *until).map(|(_, up)| up)
}

fn mark(slot: &mut Flash, before: Option<Decimal>, after: Option<Decimal>, now: Duration) {
    if let (Some(before), Some(after)) = (before, after)
        && before != after
    {
        *slot = Some((now + FLASH, after > before));
    }
}
