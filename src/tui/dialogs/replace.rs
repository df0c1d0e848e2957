//! The fields of a replace. Enter asks for confirmation; it never replaces by itself.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use rust_decimal::Decimal;

use super::confirm::Confirm;
use super::{After, Dialog, Modal};
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{Order, OrderChange, Pricing, TimeInForce, Trail};
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::panes::ticket::market;
use crate::tui::widgets::put;
use crate::tui::widgets::text_input::TextInput;
use crate::tui::wish::Wish;

const WIDTH: u16 = 66;
const LABEL_WIDTH: u16 = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Quantity,
    Limit,
    Stop,
    Trail,
}

/// A working order with its new values.
#[derive(Debug)]
pub struct Replace {
    order: Order,
    fields: Vec<(Field, TextInput)>,
    time_in_force: TimeInForce,
    at: usize,
    error: Option<String>,
    /// Of its prices.
    decimals: u32,
}

impl Replace {
    /// The fields of an order, as they are now.
    #[must_use]
    pub fn new(order: &Order, at: &At<'_>) -> Self {
        let decimals = order.request.subject.instrument().map_or(2, |i| format::decimals_of(at.snapshot, i));
        let mut fields = vec![(Field::Quantity, order.request.quantity.to_string())];
        if let Some(price) = order.request.pricing.stop_price() {
            fields.push((Field::Stop, format::typed(price, decimals)));
        }
        if let Some(price) = order.request.pricing.limit_price() {
            fields.push((Field::Limit, format::typed(price, decimals)));
        }
        match order.request.pricing {
            Pricing::TrailingStop { trail: Trail::Amount(amount) } => {
                fields.push((Field::Trail, format::typed(amount, decimals)));
            }
            Pricing::TrailingStop { trail: Trail::Percent(percent) } => {
                fields.push((Field::Trail, format!("{}%", percent.normalize())));
            }
            _ => {}
        }
        // The price is what mostly changes.
        let at = fields.len() - 1;
        let fields = fields.into_iter().map(|(field, text)| (field, TextInput::new(text))).collect();
        let time_in_force = order.request.time_in_force;
        Self { order: order.clone(), fields, time_in_force, at, error: None, decimals }
    }

    fn change(&self) -> Result<(OrderChange, Vec<String>), String> {
        let mut change = OrderChange::default();
        let mut words = Vec::new();
        let mut differs = |name: &str, old: String, new: String| words.push(format!("{name} {old} -> {new}"));
        let request = &self.order.request;
        for (field, input) in &self.fields {
            let text = input.text();
            let price = || text.parse::<Price>().map_err(|error| error.to_string());
            match field {
                Field::Quantity => {
                    let quantity: Quantity = text.parse().map_err(|_| format!("'{text}' is no quantity"))?;
                    if quantity != request.quantity {
                        differs("quantity", request.quantity.to_string(), quantity.to_string());
                        change.quantity = Some(quantity);
                    }
                }
                Field::Limit | Field::Stop => {
                    let limit = *field == Field::Limit;
                    let old =
                        if limit { request.pricing.limit_price() } else { request.pricing.stop_price() };
                    let new = price()?;
                    if old != Some(new) {
                        let name = if limit { "limit" } else { "stop" };
                        let words = |price: Price| format::grouped_whole(price.get(), self.decimals);
                        differs(name, old.map_or_else(String::new, words), words(new));
                        *(if limit { &mut change.limit_price } else { &mut change.stop_price }) = Some(new);
                    }
                }
                Field::Trail => {
                    let trail = match text.strip_suffix('%') {
                        Some(percent) => {
                            Trail::Percent(percent.parse::<Price>().map_err(|e| e.to_string())?.get())
                        }
                        None => Trail::Amount(price()?),
                    };
                    if request.pricing != (Pricing::TrailingStop { trail }) {
                        differs("trail", "as it was".to_owned(), text.to_owned());
                        change.trail = Some(trail);
                    }
                }
            }
        }
        if self.time_in_force != request.time_in_force {
            differs("duration", request.time_in_force.to_string(), self.time_in_force.to_string());
            change.time_in_force = Some(self.time_in_force);
        }
        if words.is_empty() { Err("nothing has changed".into()) } else { Ok((change, words)) }
    }

    /// The field's number one step up or down: a tick, or a unit.
    fn tick(&mut self, up: bool, at: &At<'_>) {
        let instrument = self.order.request.subject.instrument();
        let spec = instrument.and_then(|instrument| at.snapshot.specs.get(instrument));
        let Some((field, input)) = self.fields.get_mut(self.at) else { return };
        let Ok(now) = input.text().parse::<Decimal>() else { return };
        let step = match field {
            Field::Quantity => Decimal::ONE,
            // A package has no terms of its own; its net price is in cents.
            _ => spec.map_or(Decimal::new(1, 2), |spec| spec.tick_at(Price::new(now))),
        };
        let next = if up { now + step } else { now - step };
        if *field != Field::Quantity || next > Decimal::ZERO {
            let quantity = *field == Field::Quantity;
            let decimals = if quantity { 0 } else { self.decimals };
            input.set(format::typed(Price::new(next), decimals));
        }
    }

    /// The price from the bid, the middle or the ask, on a tick.
    fn peg(&mut self, which: char, at: &At<'_>) {
        let Some(instrument) = self.order.request.subject.instrument() else { return };
        let Some(quote) = at.snapshot.quotes.get(instrument) else { return };
        let price = match which {
            'b' => quote.bid,
            'a' => quote.ask,
            _ => quote.mid(),
        };
        let tick = price.zip(at.snapshot.specs.get(instrument)).map(|(price, spec)| spec.tick_at(price));
        let price = price.map(|price| tick.map_or(price, |tick| price.round_to_tick(tick)));
        if let Some((Field::Limit | Field::Stop, input)) = self.fields.get_mut(self.at)
            && let Some(price) = price
        {
            input.set(format::typed(price, self.decimals));
        }
    }

    /// The order in words, all of its legs, and the market of what has one.
    fn head(&self, look: &Look<'_>, width: u16) -> Vec<Line<'static>> {
        let request = &self.order.request;
        let side = request.side.as_str().replace('_', " ").to_uppercase();
        let words = format!("{side} {} {}", request.quantity, request.subject);
        let wrapped = format::wrap(&words, width).into_iter();
        let mut lines: Vec<Line<'static>> =
            wrapped.map(|line| Line::styled(line, look.theme.strong)).collect();
        if let Some(instrument) = request.subject.instrument() {
            lines.push(market::lines(instrument, look, width).into_iter().next().unwrap_or_default());
        }
        lines
    }

    fn step(&mut self, forward: bool) {
        let count = self.fields.len() + 1;
        self.at = (self.at + if forward { 1 } else { count - 1 }) % count;
    }
}

impl Modal for Replace {
    fn title(&self) -> String {
        format!("Replace #{}", self.order.number)
    }

    fn size(&self, look: &Look<'_>, room: Rect) -> (u16, u16) {
        let width = WIDTH.min(room.width);
        // The fields, the duration, and two lines for what is wrong.
        (width, self.head(look, width).len() as u16 + self.fields.len() as u16 + 3)
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let head = self.head(look, area.width);
        for (line, y) in head.iter().zip(area.y..) {
            buf.set_line(area.x, y, line, area.width);
        }
        let top = area.y + head.len() as u16;
        for (i, (field, input)) in self.fields.iter().enumerate() {
            let label = match field {
                Field::Quantity => "quantity",
                Field::Limit => "limit",
                Field::Stop => "stop",
                Field::Trail => "trail",
            };
            let active = i == self.at;
            let y = top + i as u16;
            put(buf, area.x, y, label, if active { theme.accent } else { theme.dim }, LABEL_WIDTH);
            let value =
                Rect { x: area.x + LABEL_WIDTH, y, width: area.width.saturating_sub(LABEL_WIDTH), height: 1 };
            input.draw(value.intersection(buf.area), theme.text, active, buf);
        }
        let y = top + self.fields.len() as u16;
        let active = self.at == self.fields.len();
        put(buf, area.x, y, "duration", if active { theme.accent } else { theme.dim }, LABEL_WIDTH);
        let word = self.time_in_force.as_str().to_uppercase();
        let shown = if active { format!("{word}  < >") } else { word };
        put(buf, area.x + LABEL_WIDTH, y, &shown, theme.text, area.width.saturating_sub(LABEL_WIDTH));
        let wrong = self.error.as_deref().map(|error| format::wrap(error, area.width));
        for (line, y) in wrong.iter().flatten().zip(y + 1..area.bottom()) {
            put(buf, area.x, y, line, theme.warning, area.width);
        }
    }

    fn hint(&self, _at: &At<'_>) -> String {
        "Enter look at it   Tab field   + - tick   b m a price   Esc leave it".to_owned()
    }

    fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) -> After {
        self.error = None;
        let in_text = self.at < self.fields.len();
        match event.code {
            KeyCode::Esc => return After::Close,
            KeyCode::Tab | KeyCode::Down => self.step(true),
            KeyCode::BackTab | KeyCode::Up => self.step(false),
            KeyCode::Left | KeyCode::Right | KeyCode::Char(' ') if !in_text => {
                self.time_in_force = match self.time_in_force {
                    TimeInForce::Day => TimeInForce::Gtc,
                    _ => TimeInForce::Day,
                };
            }
            KeyCode::Enter => match self.change() {
                Ok((change, words)) => {
                    let confirm = Confirm::replace(&self.order, change, words, at);
                    wishes.push(Wish::Open(Box::new(Dialog::Confirm(confirm))));
                    return After::Close;
                }
                Err(error) => self.error = Some(error),
            },
            KeyCode::Char(c @ ('+' | '=' | '-')) if in_text => self.tick(c != '-', at),
            KeyCode::Char(c @ ('b' | 'm' | 'a')) if in_text => self.peg(c, at),
            _ if in_text && !event.modifiers.contains(KeyModifiers::ALT) => {
                self.fields[self.at].1.key(event, |c| c.is_ascii_digit() || matches!(c, '.' | '%'));
            }
            _ => {}
        }
        After::Stay
    }

    fn paste(&mut self, text: &str, _at: &At<'_>) -> bool {
        if let Some((_, input)) = self.fields.get_mut(self.at) {
            let digits: String =
                text.trim().chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | '%')).collect();
            input.insert(&digits);
        }
        true
    }
}
