//! What a key can mean. The keymap names them, panes and dialogs carry them out.

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One thing a key can mean.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $variant,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in the configuration.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

actions! {
    /// Leave.
    Quit = "quit",
    /// Cover the screen until its trader is back.
    LockScreen = "lock_screen",
    /// Stop the process until the shell continues it.
    Suspend = "suspend",
    /// Close what is open; twice, leave.
    Interrupt = "interrupt",
    /// Draw everything anew.
    Redraw = "redraw",
    /// Show the keys.
    Help = "help",
    /// Find anything.
    Palette = "palette",
    /// Type a command.
    CommandBar = "command",
    /// Filter the list.
    Filter = "filter",
    /// Be told when the instrument in view reaches a price.
    SetAlert = "set_alert",
    /// Everything known about the instrument in view.
    About = "about",
    /// Write about the instrument in view.
    SymbolNote = "note_symbol",
    /// Choose and order the columns of the list.
    Columns = "columns",
    /// Kill switch on, or off again.
    Halt = "halt",
    /// To the next pane.
    FocusNext = "next_pane",
    /// To the pane before.
    FocusPrevious = "previous_pane",
    /// To the first pane.
    Pane1 = "pane_1",
    /// To the second pane.
    Pane2 = "pane_2",
    /// To the third pane.
    Pane3 = "pane_3",
    /// To the fourth pane.
    Pane4 = "pane_4",
    /// To the fifth pane.
    Pane5 = "pane_5",
    /// To the sixth pane.
    Pane6 = "pane_6",
    /// To the seventh pane.
    Pane7 = "pane_7",
    /// To the eighth pane.
    Pane8 = "pane_8",
    /// To the ninth pane.
    Pane9 = "pane_9",
    /// Ticket to buy.
    Buy = "buy",
    /// Ticket to sell.
    Sell = "sell",
    /// The alerts.
    Alerts = "alerts",
    /// Show what the trader was told of.
    Notices = "notices",
    /// The news.
    News = "news",
    /// The strategies.
    Strategies = "strategies",
    /// Let a strategy trade.
    StrategyStart = "start_strategy",
    /// Look at the order that the selected strategy proposes.
    StrategyConfirm = "confirm_proposal",
    /// Let it stand still.
    StrategyPause = "pause_strategy",
    /// End it.
    StrategyStop = "stop_strategy",
    /// The next layout.
    Preset = "next_layout",
    /// The layout before.
    PresetBack = "previous_layout",
    /// Change the layout.
    Arrange = "edit_layout",
    /// A pane beside this one.
    SplitRight = "split_right",
    /// A pane below this one.
    SplitDown = "split_down",
    /// Another pane in this place.
    PutPane = "change_pane",
    /// This pane leaves the layout.
    ClosePane = "close_pane",
    /// The pane gets wider.
    Wider = "wider",
    /// The pane gets narrower.
    Narrower = "narrower",
    /// The pane gets taller.
    Taller = "taller",
    /// The pane gets lower.
    Lower = "lower",
    /// The pane changes places with the next.
    MovePane = "move_pane",
    /// The pane changes places with the one before.
    MovePaneBack = "move_pane_back",
    /// Side by side becomes one over the other.
    TurnSplit = "turn_split",
    /// Sizes by need again.
    EvenSizes = "even_sizes",
    /// Save the layout under a name.
    SaveLayout = "save_layout",
    /// The layout as it was saved.
    ResetLayout = "reset_layout",
    /// Delete the user's own layout.
    DeleteLayout = "delete_layout",
    /// To the pane at the left.
    FocusLeft = "pane_left",
    /// To the pane at the right.
    FocusRight = "pane_right",
    /// To the pane above.
    FocusUp = "pane_up",
    /// To the pane below.
    FocusDown = "pane_down",
    /// The focused pane alone, or all again.
    ZoomPane = "zoom_pane",
    /// Every option.
    Settings = "settings",
    /// The first steps.
    Tour = "tour",
    /// What a notice offers.
    TakeNotice = "take_notice",
    /// The next theme.
    Theme = "next_theme",
    /// Copy the row.
    Copy = "copy",
    /// What takes long: how far it is, and what came of it.
    Work = "work",
    /// Write what the pane shows as a file.
    Export = "export",
    /// A quarter of the position.
    Size25 = "size_25",
    /// Half of the position.
    Size50 = "size_50",
    /// All of the position.
    Size100 = "size_100",
    /// Give the mouse to the terminal, or take it.
    Mouse = "mouse",
    /// Out of what is open.
    Back = "back",
    /// One row down.
    Down = "down",
    /// One row up.
    Up = "up",
    /// A screen down.
    PageDown = "page_down",
    /// A screen up.
    PageUp = "page_up",
    /// To the first row.
    First = "first",
    /// To the last row.
    Last = "last",
    /// Open the row.
    Open = "open",
    /// Sort by the next column.
    Sort = "sort",
    /// The same sort the other way round.
    SortBack = "sort_reversed",
    /// The next watchlist.
    NextList = "next_list",
    /// Add to the watchlist.
    Add = "add",
    /// Take off the watchlist.
    Remove = "remove",
    /// Wider candles.
    ZoomIn = "zoom_in",
    /// More candles.
    ZoomOut = "zoom_out",
    /// Back in time.
    Earlier = "earlier",
    /// Forward in time.
    Later = "later",
    /// To now.
    Newest = "newest",
    /// The next bar width.
    Interval = "interval",
    /// The bar width before.
    IntervalBack = "interval_back",
    /// Other lines over the chart.
    Overlays = "overlays",
    /// Candles, averaged candles or a line.
    Shape = "chart_shape",
    /// Another study under the chart.
    Study = "study",
    /// Read single candles.
    Crosshair = "crosshair",
    /// Close the position.
    Close = "close",
    /// Cancel the order.
    Cancel = "cancel",
    /// Cancel every working order.
    CancelAll = "cancel_all",
    /// Replace the order.
    Replace = "replace",
    /// Working, done or all orders.
    OrderFilter = "order_filter",
    /// The next field.
    NextField = "next_field",
    /// The field before.
    PreviousField = "previous_field",
    /// The next choice of a field.
    NextChoice = "next_choice",
    /// The choice before.
    PreviousChoice = "previous_choice",
    /// Show the order before it goes.
    Review = "review",
    /// Price from the bid.
    PegBid = "price_bid",
    /// Price from the middle.
    PegMid = "price_mid",
    /// Price from the ask.
    PegAsk = "price_ask",
    /// Price one tick up, quantity one step up.
    StepUp = "step_up",
    /// Price one tick down, quantity one step down.
    StepDown = "step_down",
    /// Buy a leg.
    LegBuy = "leg_buy",
    /// Sell a leg.
    LegSell = "leg_sell",
    /// The next expiry.
    NextExpiry = "next_expiry",
    /// The expiry before.
    PreviousExpiry = "previous_expiry",
    /// Prices or greeks.
    Greeks = "greeks",
    /// One package more.
    More = "more",
    /// One package fewer.
    Fewer = "fewer",
    /// Empty the ticket.
    Clear = "clear",
    /// Take hold of an order on the chart.
    Grab = "move_order",
    /// Change the row.
    Edit = "edit",
    /// Choose among lists.
    Lists = "lists",
    /// The watchlist before.
    PreviousList = "previous_list",
    /// Another name.
    Rename = "rename",
    /// The row one place down.
    MoveDown = "move_down",
    /// The row one place up.
    MoveUp = "move_up",
    /// Gather rows.
    Group = "group",
    /// Write beside the row.
    Note = "note",
    /// Ask for what is shown anew.
    Refresh = "refresh",
    /// The chart of the row.
    Chart = "show_chart",
}

impl Action {
    /// The place, from 0, of the pane that this action goes to by number.
    #[must_use]
    pub const fn pane_number(self) -> Option<usize> {
        match self {
            Self::Pane1 => Some(0),
            Self::Pane2 => Some(1),
            Self::Pane3 => Some(2),
            Self::Pane4 => Some(3),
            Self::Pane5 => Some(4),
            Self::Pane6 => Some(5),
            Self::Pane7 => Some(6),
            Self::Pane8 => Some(7),
            Self::Pane9 => Some(8),
            _ => None,
        }
    }
}
