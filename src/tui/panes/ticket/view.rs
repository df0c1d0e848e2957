//! How the ticket looks: its fields with what may stand in them, and what the order would do.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draft::{Field, Unit};
use super::{LABEL_WIDTH, Ticket, market};
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::order::{Side, TradingSession};
use crate::tui::env::Look;
use crate::tui::format;
use crate::tui::preview::{broker_lines, check_lines, check_summary, money_lines, words};
use crate::tui::widgets::put;
use crate::tui::widgets::text_input::TextInput;

impl Ticket {
    fn value(&self, field: Field) -> String {
        let text = |input: &TextInput| input.text().to_owned();
        let draft = &self.draft;
        match field {
            Field::Symbol => text(&draft.symbol),
            Field::Quantity => text(&draft.quantity),
            Field::Limit => text(&draft.limit),
            Field::Stop => text(&draft.stop),
            Field::Trail => text(&draft.trail),
            Field::Expiry => text(&draft.expiry),
            Field::TakeProfit => text(&draft.take_profit),
            Field::StopLoss => text(&draft.stop_loss),
            Field::Exits => text(&draft.exits),
            Field::Minutes => text(&draft.minutes),
            Field::Lots => text(&draft.lots),
            Field::Pace => if draft.random { "At random" } else { "Even" }.to_owned(),
            Field::Side => draft.side_word(self.instrument.as_ref()).to_owned(),
            Field::Type => {
                let words = draft.order_type.as_str().replace('_', " ");
                words[..1].to_uppercase() + &words[1..]
            }
            Field::TimeInForce => draft.time_in_force.as_str().to_uppercase(),
            Field::Session => match draft.session {
                TradingSession::Regular => "Regular".to_owned(),
                TradingSession::Extended => "Extended".to_owned(),
            },
        }
    }

    fn unit_word(&self) -> &'static str {
        match (self.draft.unit, self.draft.side) {
            (Unit::Money, _) => "$",
            (Unit::Percent, Side::Buy) => "% of bp",
            (Unit::Percent, _) => "% of position",
            (Unit::Units, _) => match self.instrument.as_ref().map(Instrument::asset_class) {
                Some(AssetClass::Option) => "contracts",
                Some(AssetClass::Equity) | None => "shares",
                Some(_) => "units",
            },
        }
    }

    /// What a symbol that names nothing was perhaps meant to be.
    fn meant(&self, typed: &str, look: &Look<'_>) -> Option<Instrument> {
        let symbols = look.env.symbols.as_ref().filter(|_| self.instrument.is_none() && !typed.is_empty())?;
        symbols.nearest(typed.trim())
    }

    pub(super) fn draw_fields(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let mut draft = self.draft.clone();
        let fields = self.fields(look.snapshot);
        let at = self.field.min(fields.len() - 1);
        let top = (at + 1).saturating_sub(usize::from(area.height));
        for (line, (i, field)) in fields.iter().enumerate().skip(top).enumerate() {
            let y = area.y + line as u16;
            if y >= area.bottom() {
                return;
            }
            let active = look.focused && i == at;
            let label = if active { theme.accent } else { theme.dim };
            if active {
                put(buf, area.x, y, theme.glyphs.cursor, theme.accent, 1);
            }
            put(buf, area.x + 1, y, field.label(), label, LABEL_WIDTH);
            let x = area.x + 1 + LABEL_WIDTH;
            let room = area.right().saturating_sub(x);
            let value = Rect { x, y, width: room, height: 1 };
            let Some(input) = draft.input(*field) else {
                let style = match field {
                    Field::Side => {
                        theme.strong.patch(if self.draft.side.is_buy() { theme.up } else { theme.down })
                    }
                    _ => theme.text,
                };
                let text = self.value(*field);
                let end = put(buf, x, y, &text, style, room);
                if active {
                    put(buf, end + 1, y, "< >", theme.dim, area.right().saturating_sub(end + 1));
                }
                continue;
            };
            let end = input.draw(value, theme.text, active, buf);
            let unknown = match self.meant(input.text(), look).filter(|_| *field == Field::Symbol) {
                Some(meant) => format!("{meant}?"),
                None => "unknown".to_owned(),
            };
            let hint = match field {
                Field::Quantity => self.unit_word(),
                Field::Limit | Field::Stop if input.text().is_empty() => "b bid m mid a ask",
                Field::Symbol if !input.text().is_empty() && self.instrument.is_none() => &unknown,
                Field::TakeProfit | Field::StopLoss if input.text().is_empty() => "none",
                // An example is shown to whoever writes: elsewhere it would read like a plan that is there.
                Field::Exits if input.text().is_empty() => {
                    if active {
                        "stop=5% take=2r"
                    } else {
                        "none"
                    }
                }
                Field::Expiry if input.text().is_empty() => "yyyy-mm-dd",
                Field::Minutes if input.text().is_empty() => "as 30",
                Field::Lots if input.text().is_empty() && active => "orders, as 12, 15",
                Field::Lots if input.text().is_empty() => "by the method",
                Field::Trail if input.text().is_empty() => "1.50 or 2%",
                _ => "",
            };
            put(buf, end + 1, y, hint, theme.dim, area.right().saturating_sub(end + 1));
        }
    }

    /// What the broker itself says, beside our own estimate and checks.
    fn broker_lines(&self, look: &Look<'_>, columns: u16) -> Vec<Line<'static>> {
        match self.broker.said(look.env.now) {
            Some((said, age)) => broker_lines(said, Some(&age), look.theme, columns),
            None if self.broker.is_running() => vec![Line::styled("broker: asked", look.theme.dim)],
            None => Vec::new(),
        }
    }

    pub(super) fn draw_estimate(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let mut lines: Vec<Line<'static>> = match &self.instrument {
            Some(instrument) => market::lines(instrument, look, area.width),
            None => Vec::new(),
        };
        if let Some(lack) = &self.lack {
            let text = format!("{}: {}", lack.field.label(), lack.text);
            lines.extend(format::wrap(&text, area.width).into_iter().map(|l| Line::styled(l, theme.warning)));
        }
        match (self.estimate.preview(), self.estimate.error()) {
            (Some(preview), _) => {
                let style = theme.strong;
                lines.extend(
                    format::wrap(&words(preview), area.width).into_iter().map(|l| Line::styled(l, style)),
                );
                lines.extend(money_lines(preview, theme, area.width));
                lines.push(check_summary(preview, theme));
                let (checks, broker) =
                    (check_lines(preview, theme, area.width), self.broker_lines(look, area.width));
                // What the broker says is worth more than checks that passed, and less than one that did not.
                let both = if preview.denials.is_empty() { [broker, checks] } else { [checks, broker] };
                lines.extend(both.into_iter().flatten());
            }
            (None, Some(error)) => {
                lines.extend(
                    format::wrap(error, area.width).into_iter().map(|l| Line::styled(l, theme.warning)),
                );
            }
            (None, None) if self.estimate.is_running() => lines.push(Line::styled("Estimating", theme.dim)),
            (None, None) if self.lack.is_none() => {
                let text = "Type a size and a price; cost, fees and every risk check appear here. Enter shows the order before it goes.";
                lines.extend(format::wrap(text, area.width).into_iter().map(|l| Line::styled(l, theme.dim)));
            }
            (None, None) => {}
        }
        for (i, line) in lines.iter().take(usize::from(area.height)).enumerate() {
            buf.set_line(area.x, area.y + i as u16, line, area.width);
        }
    }
}
