//! Commands that are no orders: what shows something is done here, what changes something is confirmed, the rest is the engine's.

use smol_str::SmolStr;

use super::about::about;
use super::action::Action;
use super::app::App;
use super::bar::{is_order, without_sigils};
use super::chores::Chore;
use super::dialogs::Dialog;
use super::dialogs::columns::Columns;
use super::dialogs::confirm::Confirm;
use super::dialogs::notes::Notes;
use super::dialogs::prompt::Prompt;
use super::dialogs::report::Report;
use super::env::At;
use super::format;
use super::narrowed::Narrowed;
use super::panes::PaneKind;
use super::panes::positions::close_part;
use super::wish::{Purpose, Wish};
use crate::client::{Reply, Request};
use crate::command::types::{Command, ShowTopic, StrategyAction};
use crate::domain::account::AccountMode;
use crate::domain::alert::{self, AlertChange, AlertWhen};
use crate::domain::ids::OrderNumber;
use crate::domain::instrument::Instrument;
use crate::domain::money::parse_decimal;
use crate::domain::order::OriginKind;
use crate::domain::snapshot::{Severity, Snapshot};
use crate::domain::text::clean;

/// Rows of history asked for.
const HISTORY_ROWS: u32 = 200;

impl App {
    /// Carries out a command that is no order. `words` say it again, for questions and notices.
    pub fn run_command(
        &mut self,
        command: Command,
        words: &str,
        snapshot: &Snapshot,
        wishes: &mut Vec<Wish>,
    ) {
        let at = At { env: &self.env, snapshot };
        let open = |confirm| Wish::Open(Box::new(Dialog::Confirm(confirm)));
        match command {
            Command::Place(_) | Command::Close(_) => wishes.push(Wish::Review(command, OriginKind::Command)),
            Command::Clarify { message, .. } => {
                wishes.push(Wish::Say(Severity::Warning, clean(&message).into_owned()))
            }
            Command::Show { what, instrument, since, broker } => {
                match Narrowed::read(broker.as_deref(), instrument, since, snapshot) {
                    Ok(narrowed) => self.show(what, narrowed, snapshot, wishes),
                    Err(text) => wishes.push(Wish::Say(Severity::Warning, text)),
                }
            }
            Command::Quote { instruments } => {
                wishes.extend(instruments.first().cloned().map(Wish::Select));
                wishes.push(Wish::Ask(Request::Subscribe { instruments }, Purpose::Quiet));
            }
            Command::Chart { instrument, interval } => {
                self.panes.chart.set_interval(interval);
                wishes.push(Wish::Select(instrument));
                wishes.push(Wish::Focus(PaneKind::Chart));
            }
            Command::Chain { underlying, expiry, right } => {
                wishes.push(Wish::Select(Instrument::Equity { symbol: underlying }));
                wishes.push(Wish::Focus(PaneKind::Chain));
                self.panes.chain.show(expiry, right);
            }
            Command::Watch { instruments, list } => {
                wishes.push(self.edited_list(list, snapshot, |all| {
                    for instrument in &instruments {
                        if !all.contains(instrument) {
                            all.push(instrument.clone());
                        }
                    }
                }));
                wishes.extend(instruments.first().cloned().map(Wish::Select));
            }
            Command::Unwatch { instruments, list } => {
                wishes.push(self.edited_list(list, snapshot, |all| all.retain(|i| !instruments.contains(i))));
            }
            // One working order, named in so many typed letters, is meant; several, or none that works, are asked about.
            Command::Cancel { ref order_id, .. } => {
                let named = order_id.as_deref().and_then(|id| id.trim_start_matches('#').parse().ok());
                if named.is_some_and(|number| is_working(snapshot, OrderNumber(number))) {
                    wishes.push(execute(command, words));
                } else {
                    wishes.push(open(Confirm::command(command, question(words), &at)));
                }
            }
            Command::CancelAll => wishes.push(open(Confirm::cancel_all(&at))),
            Command::Flatten { scope } => wishes.push(open(Confirm::flatten(scope, &at))),
            Command::Halt | Command::Resume => wishes.push(open(Confirm::halt(&at))),
            Command::Replace { .. }
            | Command::Mode { .. }
            | Command::Strategy {
                action: StrategyAction::Start | StrategyAction::Stop | StrategyAction::Pause,
                ..
            } => {
                wishes.push(open(Confirm::command(command, question(words), &at)));
            }
            Command::Help { .. } => wishes.push(Wish::Act(Action::Help)),
            Command::Alert { instrument, when, value } => {
                let change = AlertChange::Set { instrument, when, value };
                wishes.push(Wish::Ask(Request::Alert(change), Purpose::Sent(words.to_owned())));
            }
            Command::Strategy { .. } | Command::Explain { .. } => wishes.push(execute(command, words)),
        }
    }

    /// A key that stands for a line: an order is reviewed as if it had been typed, what is not understood is there to be completed.
    pub fn run_line(&self, line: &str, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
        let symbol = self.env.current.as_ref().map(ToString::to_string).unwrap_or_default();
        let line = line.replace("{symbol}", &symbol);
        if let Some(read) = self.env.works.as_ref().and_then(|works| works.understand(&line)) {
            return wishes.push(match read {
                Ok(words) => Wish::Work(line, words),
                Err(why) => Wish::Say(Severity::Warning, clean(&why).into_owned()),
            });
        }
        let understood = (self.env.understand)(&line, &snapshot.market.calendar);
        wishes.push(match understood.command {
            Command::Clarify { .. } => Wish::Type(line),
            command if is_order(&command) => Wish::Review(command, OriginKind::Command),
            command => Wish::Run(command, understood.words),
        });
    }

    /// Another theme, now and at the next start.
    pub fn choose_theme(&mut self, name: String, wishes: &mut Vec<Wish>) {
        self.toasts.push(Severity::Info, format!("Theme: {name}"), self.env.now);
        if self.has_chores {
            let value = Some(format!("\"{name}\""));
            wishes.push(Wish::Quietly(Chore::SetOption { path: "screen.theme".to_owned(), value }));
        }
        self.theme = name;
    }

    /// So many per cent of the position in the symbol in view are closed, after a review.
    pub fn close_part(&self, percent: u8, wishes: &mut Vec<Wish>) {
        let Some(instrument) = self.env.current.clone() else { return };
        let percent = (percent < 100).then(|| percent.into());
        wishes.push(Wish::Review(close_part(instrument, percent), OriginKind::Ticket));
    }

    /// What the focused pane shows, as a file.
    pub fn export(&self, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
        let at = At { env: &self.env, snapshot };
        wishes.push(match self.pane(self.focus).sheet(&at) {
            None => {
                Wish::Say(Severity::Info, format!("{} is no table; nothing is written.", self.focus.tab()))
            }
            Some(_) if !self.has_chores => {
                Wish::Say(Severity::Warning, "Files cannot be written here.".to_owned())
            }
            Some(sheet) => {
                let stamp = self.env.clock(snapshot).strftime("%Y%m%d-%H%M%S");
                let name = format!("{}-{stamp}.csv", self.focus.name());
                Wish::Export(Chore::Export { name, text: sheet.csv() })
            }
        });
    }

    /// Asks at which price the instrument in view is worth a word.
    pub fn ask_alert(&self, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
        wishes.push(match &self.env.current {
            Some(instrument) => {
                let quote = snapshot.quotes.get(instrument);
                let now = quote.and_then(|quote| quote.last.or_else(|| quote.mid()));
                let now = now.map_or_else(String::new, |price| {
                    format!(", now {}", format::price(price, format::decimals_of(snapshot, instrument)))
                });
                let ask = Prompt::new(format!("Alert on {instrument}{now}"), "", Wish::AlertAt);
                let ask = ask.with_example("a price, or a change such as 3%");
                Wish::Open(Box::new(Dialog::Prompt(ask)))
            }
            None => Wish::Say(Severity::Info, "No instrument is in view.".to_owned()),
        });
    }

    /// Sets it: above or below is told from where the price stands now.
    pub fn alert_at(&self, text: &str, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
        let Some(instrument) = self.env.current.clone() else { return };
        let (number, is_change) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), true),
            None => (text, false),
        };
        let Ok(value) = parse_decimal(&number.replace(',', "")) else {
            let text = format!("{} is no price, and no change such as 3%.", clean(text));
            return wishes.push(Wish::Say(Severity::Warning, text));
        };
        let quote = snapshot.quotes.get(&instrument);
        let now = quote.and_then(|quote| quote.last.or_else(|| quote.mid()));
        let when = match now {
            _ if is_change => AlertWhen::ChangePercent,
            Some(now) if value < now.get() => AlertWhen::Below,
            _ => AlertWhen::Above,
        };
        let words = format!("alert {}", alert::words(&instrument, when, value));
        let change = AlertChange::Set { instrument, when, value };
        wishes.push(Wish::Ask(Request::Alert(change), Purpose::Sent(words)));
    }

    /// Opens what is known about the instrument in view.
    pub fn show_about(&self, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
        wishes.push(match &self.env.current {
            Some(instrument) => {
                let report = about(instrument, &At { env: &self.env, snapshot });
                Wish::Open(Box::new(Dialog::Report(report)))
            }
            None => Wish::Say(Severity::Info, "No instrument is in view.".to_owned()),
        });
    }

    /// Opens the notes on the instrument in view.
    pub fn show_notes(&self, wishes: &mut Vec<Wish>) {
        wishes.push(match &self.env.current {
            Some(instrument) => Wish::Open(Box::new(Dialog::Notes(Notes::of(instrument.clone())))),
            None => Wish::Say(Severity::Info, "No instrument is in view.".to_owned()),
        });
    }

    /// Opens the columns of the pane with the keys.
    pub fn choose_columns(&self, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
        let at = At { env: &self.env, snapshot };
        wishes.push(match self.pane(self.focus).columns(&at) {
            Some((columns, choice)) => {
                Wish::Open(Box::new(Dialog::Columns(Columns::new(self.focus, columns, choice.clone()))))
            }
            None => Wish::Say(Severity::Info, format!("{} has no columns to choose.", self.focus.tab())),
        });
    }

    fn show(&mut self, what: ShowTopic, narrowed: Narrowed, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
        let query = narrowed.query(HISTORY_ROWS);
        let table = |what: &str, request| Wish::Ask(request, Purpose::Table(narrowed.title(what)));
        let at = At { env: &self.env, snapshot };
        let rows = |what: &str, reply: &Reply| {
            let report = Report::of(&narrowed.title(what), reply, &at);
            report.map(|report| Wish::Open(Box::new(Dialog::Report(report))))
        };
        match what {
            ShowTopic::Positions if narrowed.is_narrow() => {
                wishes.extend(rows("Positions", &Reply::Positions(narrowed.positions(snapshot))));
            }
            ShowTopic::Positions => wishes.push(Wish::Focus(PaneKind::Positions)),
            ShowTopic::Orders if narrowed.is_narrow() => {
                wishes.extend(rows("Orders", &Reply::Orders(narrowed.orders(snapshot))));
            }
            ShowTopic::Orders => {
                self.panes.orders.show_all();
                wishes.push(Wish::Focus(PaneKind::Orders));
            }
            ShowTopic::Watchlist => wishes.push(Wish::Focus(PaneKind::Watchlist)),
            ShowTopic::Log => wishes.push(Wish::Focus(PaneKind::Activity)),
            ShowTopic::Fills => wishes.push(table("Fills", Request::Executions(query))),
            ShowTopic::History if narrowed == Narrowed::default() => {
                wishes.push(Wish::Focus(PaneKind::History));
            }
            ShowTopic::History => wishes.push(table("Order history", Request::OrderHistory(query))),
            ShowTopic::Pnl => wishes.push(table("Gains and losses", Request::Pnl(query))),
            ShowTopic::Balances | ShowTopic::BuyingPower => {
                wishes.push(report(balances(snapshot, &narrowed), &narrowed.title("Balances")));
            }
            ShowTopic::Connections => wishes.push(Wish::Focus(PaneKind::Connections)),
            ShowTopic::Risk => wishes.push(Wish::Focus(PaneKind::Risk)),
            ShowTopic::News => {
                match narrowed.instrument {
                    Some(instrument) => {
                        self.panes.news.show_symbol();
                        wishes.push(Wish::Select(instrument));
                    }
                    None => self.panes.news.show_all(),
                }
                wishes.push(Wish::Focus(PaneKind::News));
            }
            ShowTopic::Strategies => wishes.push(Wish::Focus(PaneKind::Strategies)),
            ShowTopic::Agents | ShowTopic::Bots | ShowTopic::Wallets | ShowTopic::Audit => {
                let Narrowed { instrument, since, .. } = narrowed;
                wishes.push(execute(Command::Show { what, instrument, since, broker: None }, "show"));
            }
        }
    }

    /// The engine left a command to the screen that the screen has no pane for.
    pub fn no_pane(&mut self, command: &Command, wishes: &mut Vec<Wish>) {
        let text = match command {
            Command::Explain { .. } => "No model is set up to answer questions.".to_owned(),
            Command::Show { what, .. } => {
                format!("There is nothing to show of {}.", format!("{what:?}").to_lowercase())
            }
            _ => "This is done on the command line.".to_owned(),
        };
        wishes.push(Wish::Say(Severity::Info, text));
    }

    fn edited_list(
        &self,
        list: Option<SmolStr>,
        snapshot: &Snapshot,
        change: impl FnOnce(&mut Vec<Instrument>),
    ) -> Wish {
        let name = list.unwrap_or_else(|| SmolStr::new(self.panes.watchlist.name(snapshot)));
        let current = snapshot.watchlists.iter().find(|list| list.name == name);
        let mut instruments = current.map_or_else(Vec::new, |list| list.instruments.clone());
        change(&mut instruments);
        Wish::Ask(Request::SetWatchlist { name, instruments }, Purpose::Quiet)
    }
}

fn is_working(snapshot: &Snapshot, number: OrderNumber) -> bool {
    snapshot.orders.iter().any(|order| order.number == number && order.is_working())
}

fn question(words: &str) -> String {
    let words = without_sigils(words);
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}?", letters.as_str())
}

fn execute(command: Command, words: &str) -> Wish {
    let request = Request::Execute {
        command,
        origin: OriginKind::Command,
        account: None,
        confirmation_hash: None,
        allow_duplicate: false,
        wait: false,
    };
    Wish::Ask(request, Purpose::Sent(words.to_owned()))
}

fn report(pairs: Vec<(String, String)>, title: &str) -> Wish {
    Wish::Open(Box::new(Dialog::Report(Report::pairs(title, pairs))))
}

fn balances(snapshot: &Snapshot, narrowed: &Narrowed) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for view in snapshot.accounts.iter().filter(|view| narrowed.is_of(&view.account.account)) {
        let account = &view.account;
        pairs.push(("account".to_owned(), account.account.to_string()));
        for (name, value) in [
            ("net liquidation", account.net_liquidation),
            ("cash", account.cash),
            ("settled cash", account.settled_cash),
            ("buying power", account.buying_power),
            ("long value", account.long_market_value),
            ("short value", account.short_market_value),
            ("initial margin", account.initial_margin),
            ("maintenance margin", account.maintenance_margin),
            ("excess liquidity", account.excess_liquidity),
            ("held for orders", account.reserved),
            ("fees", account.fees),
        ] {
            pairs.push((name.to_owned(), format!("{:>16} {}", format::grouped(value, 2), account.currency)));
        }
        for (name, value) in
            [("day", account.day_pnl), ("open", account.unrealized_pnl), ("realized", account.realized_pnl)]
        {
            pairs.push((name.to_owned(), format!("{:>16} {}", format::signed(value, 2), account.currency)));
        }
    }
    let totals = snapshot.totals.iter().filter(|total| total.says_more() && narrowed.account.is_none());
    for total in totals {
        pairs.push(("all accounts".to_owned(), mode_word(total.mode).to_owned()));
        let worth = format!("{:>16} {}", format::grouped(total.amount, 2), total.currency);
        pairs.push(("net liquidation".to_owned(), worth));
        for money in &total.unrated {
            let left_out = format!("{:>16} {}", format::grouped(money.amount, 2), money.currency);
            pairs.push(("no rate, not in it".to_owned(), left_out));
        }
    }
    pairs
}

const fn mode_word(mode: AccountMode) -> &'static str {
    match mode {
        AccountMode::Live => "LIVE",
        AccountMode::Paper => "paper",
    }
}
