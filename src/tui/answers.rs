//! The engine's answers, handed to who asked: quoted, never guessed.

use super::action::Action;
use super::app::App;
use super::dialogs::Dialog;
use super::dialogs::report::Report;
use super::env::At;
use super::panes::ticket::lots::words as lot_words;
use super::wish::{Purpose, WayOut, Wish};
use crate::client::{Reply, Request, SessionError};
use crate::domain::ids::OrderNumber;
use crate::domain::journal::{lot_tags, write_note};
use crate::domain::limits::TradingState;
use crate::domain::order::{Order, OrderStatus};
use crate::domain::refusal::readable;
use crate::domain::snapshot::{Severity, Snapshot};
use crate::domain::text::{ascii_escaped, clean};

/// What a notice says of whether orders go out.
const GOES_OUT: &str = "Orders go out again.";
const REDUCES_ONLY: &str = "Only orders that reduce a position go out now.";
const HALTED: &str = "Trading is halted: only cancels and what closes go out.";

impl App {
    /// Hands an answer to who asked.
    pub fn answered(
        &mut self,
        (number, purpose): (u64, Purpose),
        reply: Result<Reply, SessionError>,
        snapshot: &Snapshot,
        wishes: &mut Vec<Wish>,
    ) {
        let now = self.env.now;
        match (purpose, reply) {
            (Purpose::Unlock, reply) => self.unlock_answered(reply),
            (Purpose::OpenVault, reply) => self.vault_answered(reply, wishes),
            (Purpose::Work, reply) => self.work_ended(number, reply, wishes),
            (Purpose::TicketPreview(generation), reply) => self.panes.ticket.answer(generation, reply),
            (Purpose::TicketBroker(number), reply) => self.panes.ticket.broker_answered(number, reply, now),
            (Purpose::BarPreview(generation), reply) => self.bar.answer(generation, reply),
            (Purpose::ReviewPreview(number), reply) => {
                let at = At { env: &self.env, snapshot };
                let open = self.dialogs.iter_mut().rev().find_map(|dialog| match dialog {
                    Dialog::Review(review) => Some(review),
                    _ => None,
                });
                if let Some(review) = open {
                    review.answer(number, reply, &at);
                }
            }
            (Purpose::Chart(instrument, interval), Ok(Reply::History { bars, imported, seams })) => {
                self.panes.chart.bars((instrument, interval), &bars, (imported, seams), now);
                self.panes.chart.follow(&At { env: &self.env, snapshot });
            }
            (Purpose::Chart(instrument, interval), _) => self.panes.chart.failed(instrument, interval, now),
            (Purpose::Chain(underlying), reply) => self.panes.chain.answer(underlying, reply),
            (Purpose::Day(instrument), Ok(Reply::Bars(bars))) => {
                self.panes.watchlist.day_bars(&instrument, &bars)
            }
            (Purpose::Pane(kind, tag), reply) => {
                let (pane, env) = self.pane_mut(kind);
                pane.answer(tag, reply, &At { env, snapshot }, wishes);
            }
            (Purpose::Day(instrument), _) => self.panes.watchlist.day_failed(&instrument),
            (Purpose::Table(title), Ok(reply)) => {
                if let Some(report) = Report::of(&title, &reply, &At { env: &self.env, snapshot }) {
                    self.dialogs.push(Dialog::Report(report));
                }
            }
            (Purpose::Sent(words), Ok(reply)) => self.sent(&words, reply, snapshot, wishes),
            (Purpose::SentOfLots(words, lots), Ok(reply)) => {
                name_lots(&reply, lots, wishes);
                self.sent(&words, reply, snapshot, wishes);
            }
            (Purpose::Lots(sale, lots), reply) => wishes.push(lots_named(sale, &lots, reply)),
            (Purpose::Export, Ok(Reply::Done(text))) => {
                let text = clean(&text).into_owned();
                let path = text.trim_start_matches("Written: ").to_owned();
                wishes.push(Wish::Offer(Severity::Info, text, WayOut::Copy(path)));
            }
            (Purpose::Setting(path, value), Ok(_)) => self.option_set(&path, value, wishes),
            (Purpose::Limit(name, value), reply) => self.limit_answered(name, value, reply, wishes),
            (Purpose::Quiet | Purpose::Export, Ok(_)) => {}
            (Purpose::Table(words), Err(error)) => self.failed(&words, &error, wishes),
            (Purpose::Sent(words) | Purpose::SentOfLots(words, _), Err(error)) => {
                self.failed(&words, &error, wishes)
            }
            (Purpose::Quiet | Purpose::Export | Purpose::Setting(..), Err(error)) => {
                self.failed("", &error, wishes)
            }
        }
    }

    /// The engine's word on something that was sent: quoted, never guessed.
    fn sent(&mut self, words: &str, reply: Reply, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
        match reply {
            Reply::Orders(orders) if orders.is_empty() => {
                wishes.push(Wish::Say(Severity::Info, format!("{words}: no orders")))
            }
            Reply::Orders(orders) => {
                for order in &orders {
                    let (severity, line) = (loudness(order), order_line(order, snapshot));
                    wishes.push(match severity {
                        Severity::Info => Wish::Say(severity, line),
                        _ => Wish::Offer(severity, line, WayOut::Order(order.request.client_order_id)),
                    });
                }
            }
            Reply::Done(text) if text == "done" => {
                wishes.push(Wish::Say(Severity::Info, format!("{words}: done")));
            }
            Reply::Done(text) => wishes.push(Wish::Say(Severity::Info, clean(&text).into_owned())),
            Reply::FrontEnd(command) => self.no_pane(&command, wishes),
            Reply::Quotes(_) => {}
            reply => match Report::of(words, &reply, &At { env: &self.env, snapshot }) {
                Some(report) => self.dialogs.push(Dialog::Report(report)),
                None => wishes.push(Wish::Say(Severity::Info, format!("{words}: done"))),
            },
        }
    }

    /// Whether orders go out has changed, by whoever's hand: said at once, as a limit or another screen may have done it.
    pub fn state_turned(&mut self, state: TradingState, wishes: &mut Vec<Wish>) {
        let key = self.env.keymap.label(Action::Halt);
        let (severity, text) = match state {
            TradingState::Active => (Severity::Info, GOES_OUT.to_owned()),
            TradingState::ReducingOnly => (Severity::Warning, REDUCES_ONLY.to_owned()),
            TradingState::Halted => (Severity::Error, format!("{HALTED} {key} resumes.")),
        };
        // Two of them beside one another would leave open which holds.
        let words = [GOES_OUT, REDUCES_ONLY, HALTED];
        self.toasts.take_back(|text| words.iter().any(|word| text.starts_with(word)));
        if severity != Severity::Info {
            wishes.push(Wish::Notify(text.clone()));
        }
        wishes.push(Wish::Say(severity, text));
    }

    /// What to say of an order that has just ended.
    pub fn ended(&self, order: &Order, snapshot: &Snapshot) -> Wish {
        let id = order.request.client_order_id;
        match loudness(order) {
            Severity::Info => Wish::Say(Severity::Info, order_line(order, snapshot)),
            severity => Wish::Offer(severity, order_line(order, snapshot), WayOut::Order(id)),
        }
    }

    fn failed(&mut self, words: &str, error: &SessionError, wishes: &mut Vec<Wish>) {
        let severity = match error {
            SessionError::Clarify(_) | SessionError::Usage(_) | SessionError::ConfirmationChanged => {
                Severity::Warning
            }
            _ => Severity::Error,
        };
        let text = clean(&readable(&error.to_string())).into_owned();
        let text = if words.is_empty() { text } else { format!("{words}: {text}") };
        let out = match error {
            SessionError::Denied(_) => Some(WayOut::Line("show risk".to_owned())),
            SessionError::ConfirmationChanged => self.bar.last().map(|text| WayOut::Type(text.to_owned())),
            _ => None,
        };
        wishes.push(match out {
            Some(out) => Wish::Offer(severity, text, out),
            None => Wish::Say(severity, text),
        });
    }
}

/// Has the lots that a sale closes written beside it, unless it was refused.
fn name_lots(reply: &Reply, lots: Vec<OrderNumber>, wishes: &mut Vec<Wish>) {
    let Reply::Orders(orders) = reply else { return };
    let went = |order: &&Order| !matches!(order.status, OrderStatus::Rejected | OrderStatus::Denied);
    if let Some(sale) = orders.first().filter(went) {
        let numbers: Vec<u64> = lots.iter().map(|lot| lot.0).collect();
        let text = write_note("", &lot_tags(&numbers));
        let request = Request::SetNote { order: sale.request.client_order_id, text };
        wishes.push(Wish::Ask(request, Purpose::Lots(sale.number, lots)));
    }
}

fn lots_named(sale: OrderNumber, lots: &[OrderNumber], reply: Result<Reply, SessionError>) -> Wish {
    match reply {
        Ok(_) => Wish::Say(Severity::Info, format!("#{sale} closes {} first.", lot_words(lots))),
        Err(error) => {
            let numbers: Vec<String> = lots.iter().map(ToString::to_string).collect();
            let line = format!("arbion tax choose {sale} {}", numbers.join(" "));
            let text =
                clean(&format!("#{sale} is out, its lots are not named ({error}); try {line}")).into_owned();
            Wish::Offer(Severity::Warning, text, WayOut::Copy(line))
        }
    }
}

const fn loudness(order: &Order) -> Severity {
    match order.status {
        OrderStatus::Rejected | OrderStatus::Denied => Severity::Error,
        OrderStatus::Unknown => Severity::Warning,
        _ => Severity::Info,
    }
}

fn order_line(order: &Order, snapshot: &Snapshot) -> String {
    let request = &order.request;
    let mut text = format!(
        "#{} {} {} {}: {}",
        order.number,
        request.side.as_str().replace('_', " "),
        request.quantity,
        request.subject.short(),
        super::panes::orders::status_word(order.status).to_lowercase(),
    );
    if let Some(price) = super::panes::orders::average_text(order, snapshot) {
        text.push_str(&format!(" {} at {price}", order.filled_quantity));
    }
    if let Some(reason) = &order.reason {
        text.push_str(&format!(" ({})", clean(reason)));
    }
    ascii_escaped(&text).into_owned()
}
