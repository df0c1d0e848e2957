//! What panes and dialogs ask of the app, and what the app asks of the world.

use smol_str::SmolStr;

use super::action::Action;
use super::chores::Chore;
use super::dialogs::Dialog;
use super::dialogs::unlock::Unlock;
use super::layout::Axis;
use super::panes::PaneKind;
use super::widgets::choice::Choice;
use super::work::Doing;
use crate::client::Request;
use crate::command::types::Command;
use crate::domain::ids::{AccountId, ClientOrderId, OrderNumber};
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::Price;
use crate::domain::order::{OriginKind, Side};
use crate::domain::quote::Interval;
use crate::domain::snapshot::Severity;

/// What a pane or dialog wants done.
#[derive(Debug)]
pub enum Wish {
    /// Ask the engine.
    Ask(Request, Purpose),
    /// Chart and ticket follow this instrument from now on.
    Select(Instrument),
    /// Give the keys to a pane.
    Focus(PaneKind),
    /// Open the ticket.
    Ticket(Side, Option<Instrument>),
    /// Open the ticket for a limit at this price.
    TicketAt(Side, Instrument, Price),
    /// Show an order before it goes.
    Review(Command, OriginKind),
    /// The same, of an account that is not for the command to find, or of a sale that closes tax lots by name.
    ReviewAs {
        /// What is to be done.
        command: Command,
        /// Through which door.
        origin: OriginKind,
        /// The account that it goes to; none for the one that such a command means.
        account: Option<AccountId>,
        /// The lots, by the orders that bought them; may be empty.
        lots: Vec<OrderNumber>,
    },
    /// Carry out a command that is no order; with its words.
    Run(Command, String),
    /// Do what a key would.
    Act(Action),
    /// Set an option in the user's file, or take it out.
    SetOption(String, Option<String>),
    /// Have the engine set a limit, or let its default hold again; with its name as it was typed to confirm that more is let through.
    SetLimit {
        /// Which.
        name: String,
        /// As a configuration says it.
        value: Option<String>,
        /// What was typed.
        confirmation: Option<String>,
    },
    /// Show the settings whose path has this in it.
    Settings(String),
    /// Tell the user, with a way out.
    Offer(Severity, String, WayOut),
    /// Take the mouse, or give it to the terminal.
    Mouse(bool),
    /// Another theme.
    Theme(String),
    /// Run a line of the command language, as a key that stands for it does.
    Line(String),
    /// Change the layout.
    Layout(Rearrange),
    /// Set an alert on the instrument in view at this price, or this change in per cent.
    AlertAt(String),
    /// A pane shows these columns from now on.
    Columns(PaneKind, Choice),
    /// Show this order in its list.
    Order(ClientOrderId),
    /// Open a dialog over what is there.
    Open(Box<Dialog>),
    /// Tell the user.
    Say(Severity, String),
    /// Start typing a command that begins so.
    Type(String),
    /// Put a text on the clipboard.
    Copy(String),
    /// Have the program write a file, and say where.
    Export(Chore),
    /// The same, and say only what went wrong.
    Quietly(Chore),
    /// Have the program do something, and tell who asked.
    AskProgram(Chore, Purpose),
    /// Have the program do a line of work that takes long; with its words.
    Work(String, String),
    /// End work under way, by its number.
    EndWork(u64),
    /// Show what came of work.
    ShowWork(u64),
    /// Keep a command for later runs.
    Remember(String),
    /// Reach a user who looks elsewhere.
    Notify(String),
}

/// What a notice offers to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WayOut {
    /// Show the order.
    Order(ClientOrderId),
    /// Show the instrument's chart.
    Chart(Instrument),
    /// Run a line of the command language.
    Line(String),
    /// Sign in at a broker again, by the line that does so.
    SignIn(String),
    /// Type this again.
    Type(String),
    /// Put a text on the clipboard.
    Copy(String),
    /// Show what came of work.
    Work(u64),
    /// Ask for the passphrase of the vault, which this waits for.
    Unlock(String),
}

impl WayOut {
    /// A few words for the notice.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Order(_) => "see the order".to_owned(),
            Self::Chart(instrument) => format!("see {instrument}"),
            Self::Line(line) => line.clone(),
            Self::SignIn(_) => "sign in again".to_owned(),
            Self::Type(_) => "say it again".to_owned(),
            Self::Copy(_) => "copy the path".to_owned(),
            Self::Work(_) => "see what came of it".to_owned(),
            Self::Unlock(_) => "open the vault".to_owned(),
        }
    }

    /// What it does.
    #[must_use]
    pub fn wishes(self) -> Vec<Wish> {
        match self {
            Self::Order(id) => vec![Wish::Order(id)],
            Self::Chart(instrument) => vec![Wish::Select(instrument), Wish::Focus(PaneKind::Chart)],
            Self::Line(line) | Self::SignIn(line) => vec![Wish::Line(line)],
            Self::Type(text) => vec![Wish::Type(text)],
            Self::Copy(text) => vec![Wish::Copy(text)],
            Self::Work(number) => vec![Wish::ShowWork(number)],
            Self::Unlock(waits) => vec![Wish::Open(Box::new(Dialog::Unlock(Unlock::new(&waits))))],
        }
    }
}

/// What becomes of the layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rearrange {
    /// Another one is shown.
    Show(String),
    /// A pane comes beside or below the focused one.
    Add(PaneKind, Axis),
    /// A pane takes the place of the focused one.
    Put(PaneKind),
    /// What is shown is saved under a name.
    Save(String),
}

/// Why the engine was asked: decides what its answer is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The ticket's running estimate; only the newest counts.
    TicketPreview(u64),
    /// The broker's own word on what stands in the ticket.
    TicketBroker(u64),
    /// The command bar's running estimate.
    BarPreview(u64),
    /// The order in the review dialog.
    ReviewPreview(u64),
    /// An order or command that was sent; with its words.
    Sent(String),
    /// A sale that was sent; with its words, and the tax lots that it closes.
    SentOfLots(String, Vec<OrderNumber>),
    /// To write beside this order that it closes these lots.
    Lots(OrderNumber, Vec<OrderNumber>),
    /// Bars for the chart.
    Chart(Instrument, Interval),
    /// The option chain of a ticker.
    Chain(Symbol),
    /// Bars for the day's line of a watchlist row.
    Day(Instrument),
    /// Whatever a pane wants: answered to it with its tag.
    Pane(PaneKind, u64),
    /// A file to write.
    Export,
    /// Work that takes long.
    Work,
    /// To open a locked screen.
    Unlock,
    /// To open the vault alone.
    OpenVault,
    /// An option to set, with its value.
    Setting(String, Option<String>),
    /// A limit to set, with its value.
    Limit(String, Option<String>),
    /// Rows to show in a dialog with this title.
    Table(SmolStr),
    /// An answer nobody needs, unless it is an error.
    Quiet,
}

/// What the app wants of the world.
#[derive(Debug)]
pub enum Effect {
    /// Ask the engine; answer with this number.
    Ask(u64, Request),
    /// Put a text on the terminal's clipboard.
    Copy(String),
    /// Keep a command that was entered, for later runs.
    Remember(String),
    /// Something to do with a file; answer with this number.
    Chore(u64, Chore),
    /// Work that takes long; answer with this number, and tell how far it is meanwhile.
    Work(u64, Doing),
    /// Ring the bell, and have the terminal tell the desktop.
    Notify(String),
    /// Take or release the mouse.
    Mouse(bool),
    /// Draw everything anew.
    Redraw,
    /// Stop until the shell continues us.
    Suspend,
    /// Leave.
    Quit,
}
