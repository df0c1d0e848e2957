//! The table of panes. A new pane is a file beside this one and one entry here; its keys are rows of `keymap::table` under a scope of its
//! own. Nothing else needs to know its name.

use super::Pane;
use super::activity::Activity;
use super::alerts::AlertsPane;
use super::chain::ChainPane;
use super::chart::Chart;
use super::connections::Connections;
use super::depth::Depth;
use super::history::History;
use super::news::NewsPane;
use super::notifications::Notifications;
use super::orders::Orders;
use super::portfolio::Portfolio;
use super::positions::Positions;
use super::profiles::Profiles;
use super::risk::Risk;
use super::strategies::Strategies;
use super::ticket::Ticket;
use super::watchlist::Watchlist;
use crate::tui::keymap::Scope;

/// The room a pane takes, inside its borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// With fewer columns it is not shown beside others.
    pub width_min: u16,
    /// With fewer rows it is not shown above or below others.
    pub height_min: u16,
    /// Columns with which it shows what matters; more is taken for it where others can spare some.
    pub width_good: u16,
}

macro_rules! panes {
    ($($(#[$doc:meta])* $kind:ident, $field:ident: $pane:ty {
        name: $name:literal, tab: $tab:literal, keys: [$($scope:ident),*], room: $width:literal x $height:literal, good: $good:literal
    })*) => {
        /// The panes, in the order of their number keys.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PaneKind {
            $($(#[$doc])* $kind,)*
        }

        impl PaneKind {
            /// Every pane, in the order of the number keys; those after the ninth have none.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// Its name in layouts, in the configuration and in the names of files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The word on its tab.
            #[must_use]
            pub const fn tab(self) -> &'static str {
                match self { $(Self::$kind => $tab,)* }
            }

            /// The scopes of its keys, nearest first.
            #[must_use]
            pub const fn scopes(self) -> &'static [Scope] {
                match self { $(Self::$kind => &[$(Scope::$scope,)* Scope::Global],)* }
            }

            /// The room it takes.
            #[must_use]
            pub const fn room(self) -> Room {
                match self {
                    $(Self::$kind => Room { width_min: $width, height_min: $height, width_good: $good },)*
                }
            }
        }

        /// Every pane's state.
        #[derive(Debug, Default)]
        pub struct Panes {
            $($(#[$doc])* pub $field: $pane,)*
        }

        impl Panes {
            /// A pane, to draw.
            #[must_use]
            pub fn get(&self, kind: PaneKind) -> &dyn Pane {
                match kind { $(PaneKind::$kind => &self.$field,)* }
            }

            /// A pane, to change.
            pub fn get_mut(&mut self, kind: PaneKind) -> &mut dyn Pane {
                match kind { $(PaneKind::$kind => &mut self.$field,)* }
            }
        }
    };
}

panes! {
    /// Quotes of a watchlist.
    Watchlist, watchlist: Watchlist { name: "quotes", tab: "Quotes", keys: [Watchlist, List, Search, Columns], room: 40 x 4, good: 60 }
    /// Candles.
    Chart, chart: Chart { name: "chart", tab: "Chart", keys: [Chart], room: 40 x 8, good: 56 }
    /// Open positions.
    Positions, positions: Positions { name: "positions", tab: "Positions", keys: [Positions, List, Search, Columns], room: 40 x 4, good: 60 }
    /// Orders.
    Orders, orders: Orders { name: "orders", tab: "Orders", keys: [Orders, List, Search, Columns], room: 44 x 4, good: 70 }
    /// The order ticket.
    Ticket, ticket: Ticket { name: "ticket", tab: "Ticket", keys: [Ticket], room: 38 x 9, good: 56 }
    /// What happened.
    Activity, activity: Activity { name: "log", tab: "Log", keys: [Log, List, Search], room: 28 x 3, good: 30 }
    /// The option chain.
    Chain, chain: ChainPane { name: "chain", tab: "Chain", keys: [Chain], room: 60 x 8, good: 60 }
    /// Depth and tape.
    Depth, depth: Depth { name: "depth", tab: "Depth", keys: [Depth, List], room: 38 x 6, good: 70 }
    /// What the money is in and how it went.
    Portfolio, portfolio: Portfolio { name: "portfolio", tab: "Portfolio", keys: [Portfolio, Search], room: 44 x 6, good: 96 }
    /// Orders of the past.
    History, history: History { name: "history", tab: "History", keys: [History, List, Search, Columns], room: 50 x 4, good: 90 }
    /// Alerts.
    Alerts, alerts: AlertsPane { name: "alerts", tab: "Alerts", keys: [Alerts, List, Search, Columns], room: 46 x 4, good: 70 }
    /// What the trader was told of.
    Notifications, notifications: Notifications { name: "notifications", tab: "Notices", keys: [Notifications, List, Search], room: 28 x 3, good: 40 }
    /// Limits and their use, and the desk.
    Risk, risk: Risk { name: "risk", tab: "Risk", keys: [Risk, List, Search], room: 56 x 6, good: 76 }
    /// Strategies.
    Strategies, strategies: Strategies { name: "strategies", tab: "Strategies", keys: [Strategies, List, Search, Columns], room: 44 x 4, good: 62 }
    /// Headlines.
    News, news: NewsPane { name: "news", tab: "News", keys: [News, List, Search], room: 40 x 4, good: 80 }
    /// The traders of this machine.
    Profiles, profiles: Profiles { name: "profiles", tab: "Profiles", keys: [Profiles, List, Search], room: 40 x 3, good: 44 }
    /// Brokers and feeds.
    Connections, connections: Connections { name: "connections", tab: "Connections", keys: [Connections, List, Search, Columns], room: 32 x 3, good: 60 }
}

impl PaneKind {
    /// The pane of a name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Its number key, 1 to 9.
    #[must_use]
    pub fn number(self) -> Option<u8> {
        let at = Self::ALL.iter().position(|kind| *kind == self)?;
        u8::try_from(at + 1).ok().filter(|number| *number <= 9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tabs_are_unique_and_names_are_plain_words() {
        let mut names = std::collections::BTreeSet::new();
        let mut tabs = std::collections::BTreeSet::new();
        for kind in PaneKind::ALL {
            assert!(names.insert(kind.name()) && tabs.insert(kind.tab()), "{kind:?}");
            assert!(kind.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{kind:?}");
            assert_eq!(PaneKind::of_name(kind.name()), Some(*kind));
            assert_eq!(kind.scopes().last(), Some(&Scope::Global));
            assert!(kind.room().width_good >= kind.room().width_min);
        }
    }
}
