//! What each request is called in the messages, in refusals and in the audit log.

use super::message::{Request, StrategyRequest};

impl Request {
    /// Its name in the messages, such as `execute`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Preview { .. } => "preview",
            Self::Execute { .. } => "execute",
            Self::Cancel { .. } => "cancel",
            Self::Replace { .. } => "replace",
            Self::Halt { .. } => "halt",
            Self::Resume => "resume",
            Self::Flatten { .. } => "flatten",
            Self::Subscribe { .. } => "subscribe",
            Self::Bars { .. } => "bars",
            Self::History { .. } => "history",
            Self::Chain { .. } => "chain",
            Self::News { .. } => "news",
            Self::Search { .. } => "search",
            Self::OrderHistory(_) => "order_history",
            Self::Executions(_) => "executions",
            Self::Pnl(_) => "pnl",
            Self::SetWatchlist { .. } => "set_watchlist",
            Self::PaperAssign { .. } => "paper_assign",
            Self::PaperDoNotExercise { .. } => "paper_do_not_exercise",
            Self::PaperExpire => "paper_expire",
            Self::EditWatchlists(_) => "edit_watchlists",
            Self::Alert(_) => "alert",
            Self::Exit(_) => "exit",
            Self::LiftGuards { .. } => "lift_guards",
            Self::RiskDesk { .. } => "risk_desk",
            Self::Strategy(StrategyRequest::Change(_)) => "strategy_change",
            Self::Strategy(_) => "strategy",
            Self::Bot(_) => "bot",
            Self::Book { .. } => "book",
            Self::Groups => "groups",
            Self::Members { .. } => "members",
            Self::Movers { .. } => "movers",
            Self::Equity { .. } => "equity",
            Self::Notes => "notes",
            Self::SetNote { .. } => "set_note",
            Self::NoteSymbol(_) => "note_symbol",
            Self::Advance { .. } => "advance",
            Self::Replay(_) => "replay",
            Self::EngineStatus => "engine_status",
            Self::StopEngine { .. } => "stop_engine",
            Self::Backup { .. } => "backup",
            Self::ReduceOnly { .. } => "reduce_only",
            Self::Settle { .. } => "settle",
            Self::Lock => "lock",
            Self::Unlock { .. } => "unlock",
            Self::SetSecret { .. } => "set_secret",
            Self::Connect { .. } => "connect",
            Self::Disconnect { .. } => "disconnect",
            Self::Venue { .. } => "venue",
            Self::Mode { .. } => "mode",
            Self::SetLimit { .. } => "set_limit",
            Self::Reconcile { .. } => "reconcile",
            Self::Override { .. } => "override",
        }
    }

    /// The oldest protocol in which it may be asked. Engines of 2 hang up at what they do not know, in the midst of whatever else is on the
    /// line, and some of them do not know what came after the first; those of 3 say so.
    #[must_use]
    pub const fn since(&self) -> u32 {
        match self {
            Self::Advance { .. }
            | Self::Alert(_)
            | Self::Backup { .. }
            | Self::Bars { .. }
            | Self::Book { .. }
            | Self::Bot(_)
            | Self::Cancel { .. }
            | Self::Chain { .. }
            | Self::Connect { .. }
            | Self::Disconnect { .. }
            | Self::EditWatchlists(_)
            | Self::EngineStatus
            | Self::Equity { .. }
            | Self::Execute { .. }
            | Self::Executions(_)
            | Self::Flatten { .. }
            | Self::Groups
            | Self::Halt { .. }
            | Self::Lock
            | Self::Members { .. }
            | Self::Mode { .. }
            | Self::Movers { .. }
            | Self::Notes
            | Self::OrderHistory(_)
            | Self::PaperAssign { .. }
            | Self::PaperDoNotExercise { .. }
            | Self::PaperExpire
            | Self::Pnl(_)
            | Self::Preview { .. }
            | Self::ReduceOnly { .. }
            | Self::Replace { .. }
            | Self::Replay(_)
            | Self::Resume
            | Self::Search { .. }
            | Self::SetNote { .. }
            | Self::SetSecret { .. }
            | Self::SetWatchlist { .. }
            | Self::Settle { .. }
            | Self::StopEngine { .. }
            | Self::Strategy(_)
            | Self::Subscribe { .. }
            | Self::Unlock { .. }
            | Self::Venue { .. } => 2,
            _ => 3,
        }
    }
}
