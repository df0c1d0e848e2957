//! Watchlists as a whole, alerts, depth, sectors, indices and movers: what a trader keeps in view.

use std::collections::BTreeMap;

use smol_str::SmolStr;
use tokio::sync::oneshot;

use crate::client::message::{GroupKind, MarketGroup, MoversBy, WatchlistEdit};
use crate::client::{Reply, SessionError};
use crate::core::input::Input;
use crate::domain::alert::AlertChange;
use crate::domain::instrument::{Instrument, Listing};
use crate::domain::quote::{MoverOrder, Quote};
use crate::domain::snapshot::Watchlist;
use crate::domain::text::{clean, no_such};
use crate::market::simulated_book::movers;

use super::feed::Source;
use super::session::give;
use super::task::EngineTask;

type Answer = oneshot::Sender<Result<Reply, SessionError>>;

/// Watchlists of a profile at most.
const LISTS_MAX: usize = 50;
/// Characters of a list's name at most.
const NAME_MAX: usize = 24;
/// Movers in one answer at most.
pub(super) const MOVERS_MAX: usize = 100;

impl EngineTask {
    pub(super) async fn edit_watchlists(&mut self, edit: WatchlistEdit) -> Result<Reply, SessionError> {
        let mut lists = self.core.watchlists().to_vec();
        let text = edited(&mut lists, edit).map_err(SessionError::Usage)?;
        self.step(Input::Watchlists(lists)).await;
        Ok(Reply::Done(text))
    }

    /// An alert's instrument is known first, so that its prices come.
    pub(super) async fn alert(&mut self, change: AlertChange, reply: Answer) {
        if let AlertChange::Set { instrument, .. } = &change
            && let Err(error) = self.know(std::slice::from_ref(instrument)).await
        {
            return give(reply, Err(error));
        }
        let request = self.expect(reply, None);
        self.step(Input::Alert { request, change }).await;
    }

    pub(super) async fn book(&mut self, instrument: &Instrument) -> Result<Reply, SessionError> {
        self.know(std::slice::from_ref(instrument)).await?;
        if matches!(self.feed.source, Source::Replay(_)) {
            return Err(SessionError::Usage("recorded bars have no depth and no tape".to_owned()));
        }
        let quote = self.core.quote(instrument).cloned();
        let quote = quote.ok_or_else(|| SessionError::Usage(format!("{instrument} has no quote now")))?;
        self.feed.follow_book(&quote);
        let book = self.feed.books.book(instrument);
        book.map(|book| Reply::Book(Box::new(book)))
            .ok_or_else(|| SessionError::Internal("a book that was just followed is not there".to_owned()))
    }

    pub(super) fn groups(&self) -> Vec<(MarketGroup, u32)> {
        let mut groups: BTreeMap<MarketGroup, u32> = BTreeMap::new();
        for listing in self.universe.listings() {
            let sector = (!listing.sector.is_empty()).then(|| (GroupKind::Sector, listing.sector.clone()));
            let indices = listing.indices.iter().map(|name| (GroupKind::Index, name.clone()));
            for (kind, name) in sector.into_iter().chain(indices) {
                *groups.entry(MarketGroup { kind, name }).or_default() += 1;
            }
        }
        groups.into_iter().collect()
    }

    pub(super) fn members(&self, group: &MarketGroup) -> Vec<Listing> {
        let is_member = |listing: &&Listing| match group.kind {
            GroupKind::Sector => listing.sector == group.name,
            GroupKind::Index => listing.indices.contains(&group.name),
        };
        self.universe.listings().iter().filter(is_member).cloned().collect()
    }

    pub(super) async fn movers(&mut self, by: MoversBy, limit: u32) -> Result<Reply, SessionError> {
        let limit = (limit as usize).clamp(1, MOVERS_MAX);
        let now = self.clock.now();
        let found: Vec<Instrument> = match &self.feed.source {
            Source::Simulated(market) => {
                // What a broker has live prices of does not move as the simulation does.
                let all = movers(market, order(by), now, usize::MAX).into_iter();
                all.filter(|instrument| !self.feed.is_live(instrument)).take(limit).collect()
            }
            Source::Replay(replay) => {
                let mut quotes: Vec<Quote> =
                    replay.instruments().iter().filter_map(|i| self.core.quote(i).cloned()).collect();
                let change = |quote: &Quote| quote.change_percent().unwrap_or_default();
                quotes.sort_by_key(|quote| match by {
                    MoversBy::Gainers => -change(quote),
                    MoversBy::Losers => change(quote),
                    MoversBy::Active => -(quote.volume.get() * quote.last.unwrap_or_default().get()),
                });
                quotes.into_iter().take(limit).map(|quote| quote.instrument).collect()
            }
        };
        self.quotes(&found).await
    }
}

/// What a list of movers is sorted by.
pub(super) const fn order(by: MoversBy) -> MoverOrder {
    match by {
        MoversBy::Gainers => MoverOrder::Gainers,
        MoversBy::Losers => MoverOrder::Losers,
        MoversBy::Active => MoverOrder::Active,
    }
}

/// Carries an edit out on the lists. Returns what was done.
fn edited(lists: &mut Vec<Watchlist>, edit: WatchlistEdit) -> Result<String, String> {
    let place = |lists: &[Watchlist], name: &SmolStr| {
        let found = lists.iter().position(|list| list.name == *name);
        found.ok_or_else(|| no_such("watchlist", name, lists.iter().map(|list| list.name.as_str())))
    };
    match edit {
        WatchlistEdit::Create { name } => {
            let name = free_name(lists, &name)?;
            if lists.len() >= LISTS_MAX {
                return Err(format!("there are {LISTS_MAX} watchlists; remove one first"));
            }
            let text = format!("watchlist {name} is new");
            lists.push(Watchlist { name, instruments: Vec::new() });
            Ok(text)
        }
        WatchlistEdit::Rename { from, to } => {
            let at = place(lists, &from)?;
            let to = free_name(lists, &to)?;
            let text = format!("watchlist {from} is now {to}");
            lists[at].name = to;
            Ok(text)
        }
        WatchlistEdit::Move { name, forward } => {
            let at = place(lists, &name)?;
            let to = if forward { at.saturating_sub(1) } else { (at + 1).min(lists.len() - 1) };
            lists.swap(at, to);
            Ok(format!("watchlist {name} is number {}", to + 1))
        }
        WatchlistEdit::Remove { name } => {
            let at = place(lists, &name)?;
            if lists.len() == 1 {
                return Err("one watchlist at least must stay".to_owned());
            }
            lists.remove(at);
            Ok(format!("watchlist {name} is gone"))
        }
    }
}

/// A name that is a name, and nobody's yet.
fn free_name(lists: &[Watchlist], name: &str) -> Result<SmolStr, String> {
    let name: String = clean(name).trim().to_owned();
    if name.is_empty() || name.chars().count() > NAME_MAX {
        return Err(format!("a watchlist's name has 1 to {NAME_MAX} characters"));
    }
    if lists.iter().any(|list| list.name == name.as_str()) {
        return Err(format!("there is a watchlist {name} already"));
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(lists: &[Watchlist]) -> Vec<&str> {
        lists.iter().map(|list| list.name.as_str()).collect()
    }

    #[test]
    fn lists_are_made_renamed_moved_and_removed() {
        let mut lists = vec![Watchlist { name: "main".into(), instruments: Vec::new() }];
        let last = edited(&mut lists, WatchlistEdit::Remove { name: "main".into() });
        assert_eq!(last.unwrap_err(), "one watchlist at least must stay");
        for name in ["tech", "coins"] {
            edited(&mut lists, WatchlistEdit::Create { name: name.into() }).unwrap();
        }
        edited(&mut lists, WatchlistEdit::Move { name: "coins".into(), forward: true }).unwrap();
        edited(&mut lists, WatchlistEdit::Move { name: "main".into(), forward: true }).unwrap();
        edited(&mut lists, WatchlistEdit::Rename { from: "tech".into(), to: " chips\n".into() }).unwrap();
        assert_eq!(names(&lists), ["main", "coins", "chips"]);
        edited(&mut lists, WatchlistEdit::Remove { name: "coins".into() }).unwrap();
        assert_eq!(names(&lists), ["main", "chips"]);
        for (edit, error) in [
            (WatchlistEdit::Create { name: "main".into() }, "there is a watchlist main already"),
            (WatchlistEdit::Create { name: " ".into() }, "a watchlist's name has 1 to 24 characters"),
            (WatchlistEdit::Remove { name: "x".into() }, "no watchlist is called 'x'; there are main, chips"),
        ] {
            assert_eq!(edited(&mut lists, edit).unwrap_err(), error);
        }
    }
}
