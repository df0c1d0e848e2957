//! The first steps, in a corner of the screen: six of them. Enter goes on, Esc leaves, and any other key does what it does and ends the tour,
//! so that nobody who knows the way is held up.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::action::Action;
use super::env::{At, Look};
use super::format;
use super::widgets::{borders, clear, put};
use crate::domain::account::AccountMode;

/// Steps of the tour.
pub const STEPS: usize = 6;
const WIDTH: u16 = 56;

/// Where the tour stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tour(usize);

/// What a key does to the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// The key was for the tour; it goes on.
    Step(Tour),
    /// The key was for the tour, which has ended.
    End,
    /// The key was for the screen; the tour ends.
    Aside,
}

impl Tour {
    /// The first step.
    #[must_use]
    pub const fn start() -> Self {
        Self(0)
    }

    /// A key while the tour is shown.
    #[must_use]
    pub fn key(self, event: KeyEvent) -> Took {
        match event.code {
            KeyCode::Enter if event.modifiers.is_empty() && self.0 + 1 < STEPS => {
                Took::Step(Self(self.0 + 1))
            }
            KeyCode::Enter | KeyCode::Esc if event.modifiers.is_empty() => Took::End,
            _ => Took::Aside,
        }
    }

    /// Title and text of a step, with the keys as they are now.
    fn step(self, at: &At<'_>) -> (&'static str, String) {
        let key = |action| at.env.keymap.label(action);
        match self.0 {
            0 => (
                "Welcome",
                match at.snapshot.mode {
                    AccountMode::Paper => "This is paper money: orders fill, nothing is real. PAPER in the top line says so, and SIM \
                                           that the market is simulated. A live account turns the whole top line red.",
                    AccountMode::Live => "This is a LIVE account: orders are real. The red top line says so on every screen.",
                }
                .to_owned(),
            ),
            1 => (
                "Move",
                format!(
                    "j k or the arrows move, {} goes to the next pane, a number to one of the tabs. {} makes a pane large, {} \
                     shows another layout, {} changes it.",
                    key(Action::FocusNext),
                    key(Action::ZoomPane),
                    key(Action::Preset),
                    key(Action::Arrange),
                ),
            ),
            2 => (
                "Trade",
                format!(
                    "{} buys and {} sells what is selected. Enter shows the order with its cost and every risk check; only a \
                     second Enter sends it.",
                    key(Action::Buy),
                    key(Action::Sell)
                ),
            ),
            3 => (
                "Say it",
                format!(
                    "{} takes plain words: buy 10 aapl at 231.50, sell half my tesla trail 5%, alert btc above 100k. What was \
                     understood stands beside it as you type.",
                    key(Action::CommandBar)
                ),
            ),
            4 => (
                "Find",
                format!(
                    "{} finds symbols, orders, panes, layouts, themes, settings and what keys do. {} shows the keys of the pane \
                     you are in.",
                    key(Action::Palette),
                    key(Action::Help)
                ),
            ),
            _ => (
                "Stop",
                format!(
                    "{} is the kill switch: it cancels what works and refuses new orders until you say so. {} leaves; working \
                     orders stay.",
                    key(Action::Halt),
                    key(Action::Quit)
                ),
            ),
        }
    }

    /// Where the step stands: the lower right corner of an area; empty where that is too small.
    #[must_use]
    pub fn place(self, at: &At<'_>, area: Rect) -> Rect {
        let width = WIDTH.min(area.width);
        let lines = format::wrap(&self.step(at).1, width.saturating_sub(4));
        let height = (lines.len() as u16 + 2).min(area.height);
        let place = Rect { x: area.right() - width, y: area.bottom() - height, width, height };
        if width < 20 || height < 4 { Rect::ZERO } else { place }
    }

    /// Draws the step.
    pub fn draw(self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let (title, text) = self.step(&look.at());
        let place = self.place(&look.at(), area);
        if place.is_empty() {
            return;
        }
        let (width, height) = (place.width, place.height);
        let lines = format::wrap(&text, width.saturating_sub(4));
        clear(buf, place);
        borders::outline(place, look.theme.border_focus, look.theme, buf);
        let style = look.theme.accent.patch(look.theme.strong);
        let title = format!(" {title}  {} of {STEPS} ", self.0 + 1);
        borders::title(place, &Line::from(Span::styled(title, style)), look.theme, buf);
        for (i, line) in lines.iter().enumerate().take(usize::from(height - 2)) {
            put(buf, place.x + 2, place.y + 1 + i as u16, line, look.theme.text, width - 4);
        }
        let hint = if self.0 + 1 < STEPS { " Enter next   Esc skip " } else { " Enter done " };
        put(buf, place.x + 2, place.bottom() - 1, hint, look.theme.dim, width - 4);
    }
}
