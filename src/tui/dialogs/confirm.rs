//! A question before something is done: cancel, replace, flatten, halt. Orders have the review instead.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::review::typed_word;
use super::{After, CONFIRM_AFTER, Modal, TypedWord};
use crate::client::Request;
use crate::client::message::OrderRef;
use crate::command::types::{Command, FlattenScope, TradingMode};
use crate::domain::account::AccountMode;
use crate::domain::limits::TradingState;
use crate::domain::order::{Order, OrderChange, OriginKind};
use crate::domain::text::ascii_escaped;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::widgets::put;
use crate::tui::wish::{Purpose, Wish};

const WIDTH: u16 = 64;

/// A question with one request behind it.
#[derive(Debug)]
pub struct Confirm {
    title: &'static str,
    lines: Vec<String>,
    verb: &'static str,
    request: Request,
    opened: Duration,
    word: Option<TypedWord>,
}

impl Confirm {
    fn new(
        title: &'static str,
        verb: &'static str,
        lines: Vec<String>,
        request: Request,
        at: &At<'_>,
    ) -> Self {
        Self { title, lines, verb, request, opened: at.env.now, word: None }
    }

    /// Asks for a typed word when real money is behind it.
    fn typed_when_live(mut self, word: &str, at: &At<'_>) -> Self {
        self.word = (at.snapshot.mode == AccountMode::Live).then(|| TypedWord::new(word));
        self
    }

    /// Cancel one order.
    #[must_use]
    pub fn cancel(order: &Order, at: &At<'_>) -> Self {
        let request =
            Request::Cancel { order: OrderRef::ClientOrderId(order.request.client_order_id), wait: true };
        let filled = format!("{} of {} filled.", order.filled_quantity, order.request.quantity);
        let lines = vec![format!("Cancel order #{}?", order.number), one_line(order), filled];
        Self::new("Cancel", "cancel the order", lines, request, at)
    }

    /// Cancel every working order.
    #[must_use]
    pub fn cancel_all(at: &At<'_>) -> Self {
        let count = at.snapshot.orders.iter().filter(|order| order.is_working()).count();
        Self::command(Command::CancelAll, format!("Cancel all {count} working orders?"), at)
    }

    /// Replace an order.
    #[must_use]
    pub fn replace(order: &Order, change: OrderChange, words: Vec<String>, at: &At<'_>) -> Self {
        let mut lines = vec![format!("Replace order #{}?", order.number), one_line(order)];
        lines.extend(words);
        let order_ref = OrderRef::ClientOrderId(order.request.client_order_id);
        let request = Request::Replace { order: order_ref, change, wait: true };
        let symbol = order.request.subject.instruments().next().map(|i| i.root().as_str());
        let word =
            symbol.map_or_else(|| "replace".to_owned(), |symbol| typed_word(order.request.side, symbol));
        Self::new("Replace", "replace the order", lines, request, at).typed_when_live(&word, at)
    }

    /// The kill switch, or its release.
    #[must_use]
    pub fn halt(at: &At<'_>) -> Self {
        if at.snapshot.trading_state == TradingState::Active {
            let working = at.snapshot.orders.iter().filter(|order| order.is_working());
            let (exits, others): (Vec<&Order>, Vec<&Order>) =
                working.partition(|order| order.is_protective());
            let exits = match exits.len() {
                0 => "Protective exits stay.".to_owned(),
                1 => "The protective exit stays.".to_owned(),
                count => format!("The {count} protective exits stay."),
            };
            let orders = if others.len() == 1 { "order" } else { "orders" };
            let lines = vec![
                "Halt all trading?".to_owned(),
                format!(
                    "Cancels {} working {orders}, stops strategies, agents and bots, and refuses new orders until you resume.",
                    others.len()
                ),
                format!("{exits} You can still cancel, close and flatten."),
            ];
            return Self::new("Kill switch", "halt", lines, Request::Halt { all: false }, at);
        }
        let lines = vec![
            "Resume trading?".to_owned(),
            "New orders are let through again. Nothing restarts by itself.".to_owned(),
        ];
        Self::new("Kill switch", "resume", lines, Request::Resume, at).typed_when_live("resume", at)
    }

    /// Close every position of a scope.
    #[must_use]
    pub fn flatten(scope: FlattenScope, at: &At<'_>) -> Self {
        let word = match scope {
            FlattenScope::All => "every position",
            FlattenScope::Equities => "every position in shares and funds",
            FlattenScope::Options => "every position in options",
            FlattenScope::Crypto => "every position in crypto",
        };
        let lines = vec![
            format!("Close {word} at the market?"),
            format!("{} positions are open. Their working orders are canceled.", at.snapshot.positions.len()),
        ];
        Self::new("Flatten", "close them", lines, Request::Flatten { scope, wait: true }, at)
            .typed_when_live("flatten", at)
    }

    /// Any other command that changes something.
    #[must_use]
    pub fn command(command: Command, question: String, at: &At<'_>) -> Self {
        let to_live = matches!(command, Command::Mode { mode: TradingMode::Live });
        let request = Request::Execute {
            command,
            origin: OriginKind::Command,
            account: None,
            confirmation_hash: None,
            allow_duplicate: false,
            wait: true,
        };
        let mut confirm = Self::new("Confirm", "do it", vec![question], request, at);
        if to_live {
            confirm.word = Some(TypedWord::new("live"));
        }
        confirm
    }

    /// Is it the kill switch.
    #[must_use]
    pub const fn is_halt(&self) -> bool {
        matches!(self.request, Request::Halt { .. } | Request::Resume)
    }

    fn wrapped(&self, width: u16) -> Vec<String> {
        self.lines.iter().flat_map(|line| format::wrap(&ascii_escaped(line), width)).collect()
    }
}

fn one_line(order: &Order) -> String {
    let request = &order.request;
    let decimals = request.pricing.limit_price().map_or(2, |p| p.get().normalize().scale().max(2));
    format!(
        "{} {} {} {} {} {}",
        request.side.as_str().replace('_', " ").to_uppercase(),
        request.quantity,
        request.subject,
        request.pricing.order_type().abbreviation(),
        crate::tui::panes::orders::price_text(request.pricing, decimals),
        request.time_in_force.as_str().to_uppercase(),
    )
}

impl Modal for Confirm {
    fn title(&self) -> String {
        self.title.to_owned()
    }

    fn size(&self, _look: &Look<'_>, room: Rect) -> (u16, u16) {
        let width = WIDTH.min(room.width);
        (width, self.wrapped(width).len() as u16 + 2 + u16::from(self.word.is_some()))
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        for (i, line) in self.wrapped(area.width).iter().enumerate() {
            let style = if i == 0 { look.theme.strong } else { look.theme.text };
            put(buf, area.x, area.y + 1 + i as u16, line, style, area.width);
        }
        if let Some(word) = &self.word {
            word.draw(look.theme, Rect { y: area.bottom().saturating_sub(1), height: 1, ..area }, buf);
        }
    }

    fn hint(&self, _at: &At<'_>) -> String {
        format!("Enter {}   Esc leave it", self.verb)
    }

    fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) -> After {
        match event.code {
            KeyCode::Esc => return After::Close,
            KeyCode::Enter if at.env.now >= self.opened + CONFIRM_AFTER => {
                if self.word.as_ref().is_none_or(TypedWord::is_typed) {
                    let words = self.lines.first().map_or("", |line| line.trim_end_matches('?')).to_owned();
                    wishes.push(Wish::Ask(self.request.clone(), Purpose::Sent(words)));
                    return After::Close;
                }
            }
            _ => {
                if let Some(word) = &mut self.word {
                    word.key(event);
                }
            }
        }
        After::Stay
    }
}
