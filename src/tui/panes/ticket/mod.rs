//! The order ticket: fields on the left, what the order would do on the right. Enter shows the order; it never sends it.

pub mod draft;
pub mod lots;
pub mod market;
pub mod symbol;
mod view;

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use rust_decimal::Decimal;

use self::draft::{Draft, Field, Lack, Peg, Unit};
use self::lots::{Bought, Hold};
use self::symbol::resolve;
use super::{Pane, titled};
use crate::client::{Reply, Request, SessionError};
use crate::domain::account::AccountMode;
use crate::domain::capabilities::Capabilities;
use crate::domain::ids::OrderNumber;
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::Price;
use crate::domain::order::{OrderType, OriginKind, Side};
use crate::domain::snapshot::Snapshot;
use crate::domain::text::ascii_escaped;
use crate::tui::action::Action;
use crate::tui::broker_says::BrokerSays;
use crate::tui::env::{At, Look};
use crate::tui::estimate::Estimate;
use crate::tui::format;
use crate::tui::wish::{Purpose, Wish};

const LABEL_WIDTH: u16 = 10;
const FIELDS_WIDTH: u16 = 31;
/// A review opens so late after the key that asked for it, and not later.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// Narrower than this, the estimate stands below the fields.
const SIDE_BY_SIDE_MIN: u16 = 56;

/// The order ticket.
#[derive(Debug, Default)]
pub struct Ticket {
    draft: Draft,
    field: usize,
    lack: Option<Lack>,
    estimate: Estimate,
    broker: BrokerSays,
    /// The instrument that the symbol text names.
    instrument: Option<Instrument>,
    /// The symbol text was typed here, so it no longer follows the screen.
    own_symbol: bool,
    /// The field was just come to: the first character takes the place of what stands there.
    fresh: bool,
    /// What is known of the orders that are named as tax lots.
    bought: Bought,
    /// The review waits since then for what is asked about them.
    waits: Option<Duration>,
}

impl Ticket {
    /// Opens the ticket for a side, of an instrument if one is given. The size is asked first.
    pub fn open(&mut self, side: Side, instrument: Option<Instrument>) {
        self.draft.side = side;
        self.draft.effect = Draft::default().effect;
        self.lack = None;
        if let Some(instrument) = instrument {
            self.show(&instrument);
            self.own_symbol = false;
        }
        self.enter();
    }

    /// Opens the ticket for a limit order at a price, as a ladder gives it. The size is asked.
    pub fn open_at(&mut self, side: Side, instrument: Instrument, price: Price) {
        self.open(side, Some(instrument));
        self.draft.order_type = OrderType::Limit;
        // Cents at least; what is finer stays.
        self.draft.limit.set(format::typed(price, 2));
    }

    /// The screen shows another instrument: an untouched ticket follows.
    pub fn follow(&mut self, instrument: &Instrument) {
        if !self.own_symbol
            && self.draft.quantity.text().is_empty()
            && self.instrument.as_ref() != Some(instrument)
        {
            self.show(instrument);
        }
    }

    /// The quantity becomes so many per cent of the position, rounded down to what can be traded.
    fn size_of_position(&mut self, percent: u32, at: &At<'_>) {
        let Some(instrument) = &self.instrument else { return };
        let held = at.snapshot.position(&at.snapshot.default_account, instrument);
        let Some(held) = held.map(|position| position.quantity.get().abs()) else { return };
        let step = at.snapshot.specs.get(instrument).map_or(Decimal::ONE, |spec| spec.quantity_increment);
        let wanted = held * Decimal::from(percent) / Decimal::ONE_HUNDRED;
        let units = if step.is_zero() { wanted } else { (wanted / step).floor() * step };
        self.draft.unit = Unit::Units;
        self.draft.quantity.set(units.normalize().to_string());
    }

    fn show(&mut self, instrument: &Instrument) {
        if self.instrument.as_ref() != Some(instrument) {
            for field in
                [Field::Limit, Field::Stop, Field::TakeProfit, Field::StopLoss, Field::Exits, Field::Lots]
            {
                if let Some(input) = self.draft.input(field) {
                    input.set("");
                }
            }
        }
        self.draft.symbol.set(instrument.to_string());
        self.instrument = Some(instrument.clone());
    }

    /// The order went: what must not go twice by habit is emptied.
    pub fn sent(&mut self) {
        for field in [
            Field::Quantity,
            Field::Limit,
            Field::Stop,
            Field::Trail,
            Field::TakeProfit,
            Field::StopLoss,
            Field::Exits,
            Field::Lots,
        ] {
            if let Some(input) = self.draft.input(field) {
                input.set("");
            }
        }
        self.own_symbol = false;
        self.lack = None;
    }

    /// An estimate arrived.
    pub fn answer(&mut self, generation: u64, reply: Result<Reply, SessionError>) {
        self.estimate.answer(generation, reply);
    }

    /// The broker has said what it would cost.
    pub fn broker_answered(&mut self, number: u64, reply: Result<Reply, SessionError>, now: Duration) {
        self.broker.answer(number, reply, now);
    }

    /// Prices moved.
    pub fn market_moved(&mut self, now: Duration) {
        self.estimate.market_moved(now);
        self.broker.market_moved(now);
    }

    /// The request for a new estimate, once it is due.
    pub fn poll(&mut self, at: &At<'_>) -> Option<(Request, u64)> {
        let can = capabilities(at.snapshot);
        let command = self.draft.command(self.instrument.as_ref(), can).ok();
        let says = can.is_some_and(|can| can.preview);
        self.broker.want(command.clone().filter(|_| says), at.env.now);
        self.estimate.want(command, at.env.now);
        self.estimate.poll(OriginKind::Ticket, at.env.now)
    }

    /// The keys come to the ticket: the size is asked first, and what is typed takes the place of what stands there.
    pub fn enter(&mut self) {
        self.go_to(if self.instrument.is_some() { Field::Quantity } else { Field::Symbol }, None);
    }

    fn fields(&self, snapshot: &Snapshot) -> Vec<Field> {
        self.draft.fields(self.instrument.as_ref(), capabilities(snapshot))
    }

    fn current(&self, snapshot: &Snapshot) -> Field {
        let fields = self.fields(snapshot);
        fields[self.field.min(fields.len() - 1)]
    }

    fn go_to(&mut self, field: Field, snapshot: Option<&Snapshot>) {
        let fields = self.draft.fields(self.instrument.as_ref(), snapshot.and_then(capabilities));
        self.field = fields.iter().position(|f| *f == field).unwrap_or(0);
        self.fresh = true;
    }

    fn step_field(&mut self, forward: bool, snapshot: &Snapshot) {
        let count = self.fields(snapshot).len();
        self.field = (self.field.min(count - 1) + if forward { 1 } else { count - 1 }) % count;
        self.fresh = true;
    }

    fn review(&mut self, at: &At<'_>, wishes: &mut Vec<Wish>) {
        self.waits = None;
        let command = self.draft.command(self.instrument.as_ref(), capabilities(at.snapshot));
        match command.and_then(|command| Ok((command, self.lots(at, wishes)?))) {
            Ok((_, None)) => self.waits = Some(at.env.now),
            Ok((command, Some(lots))) => {
                self.lack = None;
                wishes.push(match lots.is_empty() {
                    true => Wish::Review(command, OriginKind::Ticket),
                    false => Wish::ReviewAs { command, origin: OriginKind::Ticket, account: None, lots },
                });
            }
            Err(lack) => {
                self.go_to(lack.field, Some(at.snapshot));
                self.lack = Some(lack);
            }
        }
    }

    /// The tax lots that the order is to close, where it has that field; none while orders among them have to be asked for.
    fn lots(&self, at: &At<'_>, wishes: &mut Vec<Wish>) -> Result<Option<Vec<OrderNumber>>, Lack> {
        let asked = self.fields(at.snapshot).contains(&Field::Lots);
        let Some(instrument) = self.instrument.as_ref().filter(|_| asked) else {
            return Ok(Some(Vec::new()));
        };
        match self.bought.lots(self.draft.lots.text(), instrument, at.snapshot) {
            Ok(lots) => Ok(Some(lots)),
            Err(Hold::Not(text)) => Err(Lack { field: Field::Lots, text }),
            Err(Hold::Unknown(orders)) => {
                wishes.extend(Bought::questions(&orders));
                Ok(None)
            }
        }
    }

    fn adjust(
        &mut self,
        at: &At<'_>,
        change: impl FnOnce(&mut Draft, Field, Option<&crate::domain::quote::Quote>, &InstrumentSpec),
    ) {
        let field = self.current(at.snapshot);
        let Some(instrument) = &self.instrument else { return };
        let quote = at.snapshot.quotes.get(instrument);
        match at.snapshot.specs.get(instrument) {
            Some(spec) => change(&mut self.draft, field, quote, spec),
            None => change(&mut self.draft, field, quote, &InstrumentSpec::standard(instrument.clone())),
        }
    }

    fn peg(&mut self, at: &At<'_>, peg: Peg) {
        self.adjust(at, |draft, field, quote, spec| {
            let target = if field.is_price() { field } else { Field::Limit };
            if let Some(quote) = quote {
                draft.peg(target, quote, spec, peg);
            }
        });
    }

    /// After the symbol text changed.
    fn resolve(&mut self, at: &At<'_>, wishes: &mut Vec<Wish>) {
        self.own_symbol = true;
        self.instrument = resolve(self.draft.symbol.text(), at);
        if let Some(instrument) = &self.instrument {
            wishes.push(Wish::Select(instrument.clone()));
        }
    }
}

fn capabilities(snapshot: &Snapshot) -> Option<&Capabilities> {
    snapshot.default_account().map(|view| &view.capabilities)
}

fn accepts(field: Field, c: char) -> bool {
    match field {
        Field::Symbol => c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/' | ' ' | '@'),
        Field::Trail => c.is_ascii_digit() || matches!(c, '.' | '%'),
        Field::Expiry => c.is_ascii_digit() || c == '-',
        Field::Minutes => c.is_ascii_digit(),
        Field::Lots => c.is_ascii_digit() || matches!(c, ',' | ' ' | '#'),
        Field::Exits => c.is_ascii_graphic() || c == ' ',
        _ => c.is_ascii_digit() || c == '.',
    }
}

impl Pane for Ticket {
    fn due(&self, at: &At<'_>) -> Option<Duration> {
        self.estimate.due().into_iter().chain(self.broker.due(at.env.now)).min()
    }

    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let account = look.snapshot.default_account.as_str();
        let mut line = titled("Order ticket", &format!("{} ", ascii_escaped(account)), look);
        if look.snapshot.mode == AccountMode::Live {
            line.push_span(Span::styled(" LIVE ", look.theme.live));
        }
        line
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        if area.width >= SIDE_BY_SIDE_MIN {
            let fields = Rect { width: FIELDS_WIDTH, ..area };
            self.draw_fields(look, fields, buf);
            let right = Rect { x: fields.right() + 1, width: area.width - FIELDS_WIDTH - 2, ..area };
            return self.draw_estimate(look, right, buf);
        }
        let rows = (self.fields(look.snapshot).len() as u16).min(area.height);
        self.draw_fields(look, Rect { height: rows, ..area }, buf);
        let below = Rect {
            x: area.x + 1,
            y: area.y + rows + 1,
            width: area.width.saturating_sub(2),
            height: area.height.saturating_sub(rows + 1),
        };
        self.draw_estimate(look, below, buf);
    }

    fn answer(&mut self, tag: u64, reply: Result<Reply, SessionError>, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let Some(instrument) = self.instrument.clone() else { return };
        match self.bought.answer(OrderNumber(tag), &instrument, reply) {
            // Others may still be asked about; after a while nobody expects a review to open.
            Ok(()) if self.waits.is_some_and(|since| at.env.now <= since + WAIT_MAX) => {
                let mut again = Vec::new();
                let before = self.lots(at, &mut again);
                if !matches!(before, Ok(None)) {
                    self.review(at, wishes);
                }
            }
            Ok(()) => {}
            Err(text) => {
                self.waits = None;
                self.lack = Some(Lack { field: Field::Lots, text });
            }
        }
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let field = self.current(at.snapshot);
        match action {
            Action::NextField => self.step_field(true, at.snapshot),
            Action::PreviousField => self.step_field(false, at.snapshot),
            Action::NextChoice | Action::PreviousChoice => {
                let forward = action == Action::NextChoice;
                self.draft.choose(field, forward, self.instrument.as_ref(), capabilities(at.snapshot));
            }
            Action::PegBid => self.peg(at, Peg::Bid),
            Action::PegMid => self.peg(at, Peg::Mid),
            Action::PegAsk => self.peg(at, Peg::Ask),
            Action::StepUp | Action::StepDown => {
                let up = action == Action::StepUp;
                self.adjust(at, |draft, field, quote, spec| draft.step(field, up, quote, spec));
            }
            Action::Size25 | Action::Size50 | Action::Size100 => {
                let percent = match action {
                    Action::Size25 => 25,
                    Action::Size50 => 50,
                    _ => 100,
                };
                self.size_of_position(percent, at);
            }
            Action::Clear => {
                self.draft =
                    Draft { side: self.draft.side, symbol: self.draft.symbol.clone(), ..Draft::default() };
                self.lack = None;
            }
            Action::Review => {
                self.review(at, wishes);
                return true;
            }
            _ => return false,
        }
        (self.lack, self.waits) = (None, None);
        true
    }

    fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let field = self.current(at.snapshot);
        let plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match (field, event.code) {
            (Field::Quantity, KeyCode::Char('$')) if plain => self.draft.unit = Unit::Money,
            (Field::Quantity, KeyCode::Char('%')) if plain => self.draft.unit = Unit::Percent,
            (Field::Side, KeyCode::Char('b')) if plain => self.draft.side = Side::Buy,
            (Field::Side, KeyCode::Char('s')) if plain => self.draft.side = Side::Sell,
            // Left and right move the cursor in a symbol; in a number they choose, as it is short enough to retype.
            (field, KeyCode::Left | KeyCode::Right) if field != Field::Symbol => return false,
            (_, KeyCode::Char(_)) if !plain && event.code != KeyCode::Char('w') => return false,
            (field, _) => {
                let Some(input) = self.draft.input(field) else { return false };
                let before = input.text().to_owned();
                let replaces = matches!(event.code, KeyCode::Char(c) if accepts(field, c)) && plain;
                if replaces && self.fresh {
                    input.set("");
                }
                if !input.key(event, |c| accepts(field, c)) {
                    return false;
                }
                self.fresh = false;
                if field == Field::Symbol && input.text() != before {
                    self.resolve(at, wishes);
                }
            }
        }
        (self.lack, self.waits) = (None, None);
        true
    }

    fn paste(&mut self, text: &str, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let field = self.current(at.snapshot);
        let text: String = text.trim().chars().filter(|c| accepts(field, *c)).collect();
        let Some(input) = self.draft.input(field) else { return false };
        input.insert(&text);
        if field == Field::Symbol {
            self.resolve(at, wishes);
        }
        true
    }

    fn click(&mut self, _column: u16, line: u16, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let fields = self.fields(at.snapshot);
        let top = (self.field.min(fields.len() - 1) + 1).saturating_sub(usize::from(area.height));
        let row = top + usize::from(line);
        if row < fields.len() {
            self.field = row;
            self.fresh = true;
        }
    }

    fn settle(&mut self, _area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if let Some(can) = capabilities(at.snapshot) {
            self.draft.fit(self.instrument.as_ref(), can);
        }
        if let Some((request, generation)) = self.poll(at) {
            wishes.push(Wish::Ask(request, Purpose::TicketPreview(generation)));
        }
        if let Some((request, number)) = self.broker.poll(OriginKind::Ticket, at.env.now) {
            wishes.push(Wish::Ask(request, Purpose::TicketBroker(number)));
        }
    }
}
