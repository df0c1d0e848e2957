//! Every key there is, and where it holds.

use crate::tui::action::Action;

/// Where a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everywhere but in text.
    Global,
    /// In every pane that is a list.
    List,
    /// In the watchlist.
    Watchlist,
    /// In the chart.
    Chart,
    /// In the positions.
    Positions,
    /// In the orders.
    Orders,
    /// In the order ticket.
    Ticket,
    /// In the log.
    Log,
    /// In the option chain.
    Chain,
    /// In depth and tape.
    Depth,
    /// In the portfolio.
    Portfolio,
    /// In the history.
    History,
    /// In the alerts.
    Alerts,
    /// In the notifications.
    Notifications,
    /// In the connections.
    Connections,
}

/// One line of the table.
pub(super) struct Row {
    pub scope: Scope,
    pub action: Action,
    pub keys: &'static [&'static str],
    /// A word for the hint line; empty keeps it out.
    pub hint: &'static str,
    pub help: &'static str,
}

const fn row(
    scope: Scope,
    action: Action,
    keys: &'static [&'static str],
    hint: &'static str,
    help: &'static str,
) -> Row {
    Row { scope, action, keys, hint, help }
}

/// Every key, in the order in which hints and help show them.
pub(super) const TABLE: &[Row] = &[
    row(Scope::Watchlist, Action::Open, &["enter"], "chart", "show the chart of the row"),
    row(Scope::Watchlist, Action::Add, &["a"], "add", "add a symbol"),
    row(Scope::Watchlist, Action::Remove, &["d", "delete"], "drop", "take the row off the list"),
    row(Scope::Watchlist, Action::NextList, &["n"], "list", "next watchlist"),
    row(Scope::Watchlist, Action::Sort, &["t"], "sort", "sort by the next column"),
    row(Scope::Watchlist, Action::SortBack, &["T"], "", "the other way round"),
    row(Scope::Chart, Action::ZoomIn, &["+", "="], "zoom in", "wider candles"),
    row(Scope::Chart, Action::ZoomOut, &["-"], "out", "more candles"),
    row(Scope::Chart, Action::Earlier, &["h", "left"], "earlier", "back in time"),
    row(Scope::Chart, Action::Later, &["l", "right"], "later", "forward in time"),
    row(Scope::Chart, Action::Newest, &["0", "end", "G"], "", "back to now"),
    row(Scope::Chart, Action::Interval, &["i"], "interval", "next bar width"),
    row(Scope::Chart, Action::IntervalBack, &["I"], "", "bar width before"),
    row(Scope::Chart, Action::Overlays, &["o"], "overlays", "averages and bands over the price"),
    row(Scope::Chart, Action::Study, &["u"], "study", "strength or MACD under the price"),
    row(Scope::Chart, Action::Shape, &["v"], "shape", "candles, heikin-ashi or a line"),
    row(Scope::Chart, Action::Crosshair, &["c"], "crosshair", "read single candles; esc leaves"),
    row(Scope::Positions, Action::Close, &["x"], "close", "close the position, after a review"),
    row(Scope::Positions, Action::Open, &["enter"], "chart", "show the chart of the row"),
    row(Scope::Positions, Action::Sort, &["t"], "sort", "sort by the next column"),
    row(Scope::Orders, Action::Cancel, &["c"], "cancel", "cancel the order, after a question"),
    row(Scope::Orders, Action::Replace, &["r"], "replace", "change price, size or duration"),
    row(Scope::Orders, Action::OrderFilter, &["f"], "filter", "working, done or all"),
    row(Scope::Orders, Action::Open, &["enter"], "details", "everything known about the order"),
    row(Scope::Orders, Action::Sort, &["t"], "sort", "sort by symbol or by time"),
    row(Scope::Orders, Action::CancelAll, &["C"], "", "cancel every working order"),
    row(Scope::Ticket, Action::Review, &["enter"], "review", "show the order before it goes"),
    row(Scope::Ticket, Action::NextField, &["down", "tab", "ctrl-n"], "field", "next field"),
    row(Scope::Ticket, Action::PreviousField, &["up", "shift-tab"], "", "field before"),
    row(Scope::Ticket, Action::NextChoice, &["right", "space"], "choice", "next choice, or + one step"),
    row(Scope::Ticket, Action::PreviousChoice, &["left"], "", "choice before"),
    row(Scope::Ticket, Action::PegBid, &["b"], "bid", "price from the bid"),
    row(Scope::Ticket, Action::PegMid, &["m"], "mid", "price from the middle"),
    row(Scope::Ticket, Action::PegAsk, &["a"], "ask", "price from the ask"),
    row(Scope::Ticket, Action::StepUp, &["+", "="], "tick", "one tick or unit up"),
    row(Scope::Ticket, Action::StepDown, &["-"], "", "one tick or unit down"),
    row(Scope::Ticket, Action::Clear, &["ctrl-u"], "clear", "empty the ticket"),
    row(Scope::Ticket, Action::Back, &["esc"], "leave", "back to the pane before"),
    row(Scope::Log, Action::Open, &["enter"], "read", "the whole line"),
    row(Scope::Chain, Action::LegBuy, &["b"], "buy leg", "buy a contract more of the row, or sell one fewer"),
    row(Scope::Chain, Action::LegSell, &["s"], "sell leg", "sell a contract more, or buy one fewer"),
    row(Scope::Chain, Action::Open, &["enter"], "review", "review the legs; without legs, the ticket"),
    row(Scope::Chain, Action::PreviousChoice, &["h", "left"], "calls", "to the calls"),
    row(Scope::Chain, Action::NextChoice, &["l", "right"], "puts", "to the puts"),
    row(Scope::Chain, Action::NextExpiry, &["e", "]"], "expiry", "next expiry"),
    row(Scope::Chain, Action::PreviousExpiry, &["E", "["], "", "expiry before"),
    row(Scope::Chain, Action::Greeks, &["v"], "greeks", "prices or greeks"),
    row(Scope::Chain, Action::StepUp, &["+", "="], "cent", "net price a cent up"),
    row(Scope::Chain, Action::StepDown, &["-"], "", "net price a cent down"),
    row(Scope::Chain, Action::More, &[">"], "", "a package more"),
    row(Scope::Chain, Action::Fewer, &["<"], "", "a package fewer"),
    row(Scope::Chain, Action::Remove, &["x", "delete"], "", "take the leg of the row off"),
    row(Scope::Chain, Action::Down, &["j", "down"], "", "strike down"),
    row(Scope::Chain, Action::Up, &["k", "up"], "", "strike up"),
    row(Scope::Chain, Action::PageDown, &["pagedown", "ctrl-d"], "", "a screen down"),
    row(Scope::Chain, Action::PageUp, &["pageup", "ctrl-u"], "", "a screen up"),
    row(Scope::Chain, Action::First, &["g", "home"], "", "lowest strike"),
    row(Scope::Chain, Action::Last, &["G", "end"], "", "highest strike"),
    row(Scope::Chain, Action::Clear, &["ctrl-x"], "", "take all legs off"),
    row(Scope::Depth, Action::Open, &["enter"], "join", "the price into the ticket: bids buy, asks sell"),
    row(Scope::Depth, Action::Buy, &["b"], "buy", "buy at the price under the cursor"),
    row(Scope::Depth, Action::Sell, &["s"], "sell", "sell at the price under the cursor"),
    row(Scope::Depth, Action::PreviousChoice, &["h", "left"], "bids", "to the bids"),
    row(Scope::Depth, Action::NextChoice, &["l", "right"], "asks", "to the asks"),
    row(Scope::Portfolio, Action::PreviousChoice, &["h", "left"], "", "part before"),
    row(
        Scope::Portfolio,
        Action::NextChoice,
        &["l", "right"],
        "part",
        "allocation, equity, P&L by day, symbol, class",
    ),
    row(Scope::Portfolio, Action::Interval, &["i"], "span", "how far back the equity curve goes"),
    row(Scope::Portfolio, Action::Refresh, &["r"], "refresh", "ask for curve and sums anew"),
    row(Scope::Portfolio, Action::Down, &["j", "down"], "", "row down"),
    row(Scope::Portfolio, Action::Up, &["k", "up"], "", "row up"),
    row(Scope::Portfolio, Action::PageDown, &["pagedown", "ctrl-d"], "", "ten rows down"),
    row(Scope::Portfolio, Action::PageUp, &["pageup", "ctrl-u"], "", "ten rows up"),
    row(Scope::Portfolio, Action::First, &["g", "home"], "", "first row"),
    row(Scope::History, Action::Open, &["enter"], "details", "everything known about the order"),
    row(Scope::History, Action::Note, &["n"], "note", "write beside the order; empty takes the note off"),
    row(Scope::History, Action::Refresh, &["r"], "refresh", "ask for the newest orders anew"),
    row(Scope::Alerts, Action::Add, &["a"], "add", "set an alert"),
    row(Scope::Alerts, Action::Open, &["enter"], "edit", "change the value; one that rang waits again"),
    row(Scope::Alerts, Action::Remove, &["d", "delete"], "drop", "take the alert off"),
    row(Scope::Alerts, Action::Clear, &["D"], "clear", "take off all that rang"),
    row(Scope::Alerts, Action::Chart, &["c"], "chart", "show the chart of the row"),
    row(Scope::Notifications, Action::Open, &["enter"], "show", "show what it is about; it counts as read"),
    row(Scope::Notifications, Action::Remove, &["d", "delete"], "drop", "take the row off"),
    row(Scope::Notifications, Action::Clear, &["D"], "clear", "take all off"),
    row(Scope::Connections, Action::Open, &["enter"], "details", "everything known about the connection"),
    row(Scope::List, Action::Down, &["j", "down"], "", "row down"),
    row(Scope::List, Action::Up, &["k", "up"], "", "row up"),
    row(Scope::List, Action::PageDown, &["pagedown", "ctrl-d"], "", "a screen down"),
    row(Scope::List, Action::PageUp, &["pageup", "ctrl-u"], "", "a screen up"),
    row(Scope::List, Action::First, &["g", "home"], "", "first row"),
    row(Scope::List, Action::Last, &["G", "end"], "", "last row"),
    row(Scope::List, Action::Filter, &["/"], "search", "filter the list as you type"),
    row(Scope::List, Action::Copy, &["y"], "", "copy the row"),
    row(Scope::Global, Action::Help, &["?", "f1"], "keys", "these keys"),
    row(Scope::Global, Action::FocusNext, &["tab"], "pane", "next pane"),
    row(Scope::Global, Action::FocusPrevious, &["shift-tab"], "", "pane before"),
    row(Scope::Global, Action::Buy, &["b"], "buy", "order ticket to buy"),
    row(Scope::Global, Action::Sell, &["s"], "sell", "order ticket to sell"),
    row(Scope::Global, Action::CommandBar, &[":"], "command", "type a command"),
    row(Scope::Global, Action::Palette, &["ctrl-p"], "palette", "find symbols and actions"),
    row(Scope::Global, Action::Halt, &["ctrl-k"], "halt", "kill switch, and its release"),
    row(Scope::Global, Action::Quit, &["q"], "quit", "leave; working orders stay"),
    row(Scope::Global, Action::ZoomPane, &["z"], "", "this pane alone, or all again"),
    row(Scope::Global, Action::Preset, &["w"], "", "layouts: trade, chart, options"),
    row(Scope::Global, Action::Alerts, &["A"], "", "price alerts that wait"),
    row(Scope::Global, Action::Pane1, &["1"], "", "watchlist"),
    row(Scope::Global, Action::Pane2, &["2"], "", "chart"),
    row(Scope::Global, Action::Pane3, &["3"], "", "positions"),
    row(Scope::Global, Action::Pane4, &["4"], "", "orders"),
    row(Scope::Global, Action::Pane5, &["5"], "", "order ticket"),
    row(Scope::Global, Action::Pane6, &["6"], "", "activity"),
    row(Scope::Global, Action::Pane7, &["7"], "", "option chain"),
    row(Scope::Global, Action::Back, &["esc"], "", "out of what is open"),
    row(Scope::Global, Action::Mouse, &["M"], "", "mouse on or off, to select text"),
    row(Scope::Global, Action::Redraw, &["ctrl-l"], "", "draw everything anew"),
    row(Scope::Global, Action::Suspend, &["ctrl-z"], "", "to the shell; fg comes back"),
    row(Scope::Global, Action::Interrupt, &["ctrl-c"], "", "close what is open; twice, leave"),
];
