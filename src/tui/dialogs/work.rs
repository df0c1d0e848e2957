//! What takes long: how far each piece of work is, the key that ends it, and what came of it.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{After, Modal};
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::widgets::{bar, put};
use crate::tui::wish::Wish;

/// Lines of each.
const LINES: u16 = 2;
/// Columns of the bar.
const BAR: u16 = 20;
const WIDTH: u16 = 84;

/// The list, newest first.
#[derive(Debug, Default)]
pub struct WorkList {
    index: usize,
}

impl Modal for WorkList {
    fn title(&self) -> String {
        "Backtests, imports and exports".to_owned()
    }

    fn size(&self, look: &Look<'_>, room: Rect) -> (u16, u16) {
        let rows = (look.env.jobs.all().len() as u16 * LINES).max(2);
        (WIDTH.min(room.width), rows.min(room.height))
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let jobs: Vec<_> = look.env.jobs.all().rev().collect();
        if jobs.is_empty() {
            put(buf, area.x, area.y, "Nothing is under way.", theme.text, area.width);
            let text = "Type {command} backtest sma_cross fast=5..50:5, import bars my.csv or export trades";
            let text = look.env.keymap.fill_in(text);
            put(buf, area.x, area.y + 1, &text, theme.dim, area.width);
            return;
        }
        let shown = usize::from(area.height / LINES).max(1);
        let index = self.index.min(jobs.len() - 1);
        let top = (index + 1).saturating_sub(shown);
        for (place, (i, job)) in jobs.iter().enumerate().skip(top).take(shown).enumerate() {
            let y = area.y + place as u16 * LINES;
            let selected = i == index;
            let mark = if selected { theme.glyphs.cursor } else { " " };
            put(buf, area.x, y, mark, theme.accent, 1);
            let words = format::fit(&job.words, area.width.saturating_sub(2), theme.glyphs.ellipsis);
            let style = if selected { theme.strong } else { theme.text };
            put(buf, area.x + 2, y, &words, style, area.width.saturating_sub(2));
            let mut x = area.x + 2;
            if let Some(share) = job.share().filter(|_| job.runs()) {
                bar(buf, Rect { x, y: y + 1, width: BAR, height: 1 }, share, theme.accent, theme);
                x = put(buf, x + BAR + 1, y + 1, &format!("{:.0}%", share * 100.0), theme.accent, 4) + 2;
            }
            let room = area.right().saturating_sub(x);
            let state = format::fit(&job.state(look.env.now), room, theme.glyphs.ellipsis);
            put(buf, x, y + 1, &state, theme.dim, room);
        }
    }

    fn hint(&self, at: &At<'_>) -> String {
        match at.env.jobs.all().rev().nth(self.index) {
            Some(job) if job.runs() => "c end it   j k move   Esc close".to_owned(),
            Some(_) => "Enter what came of it   j k move   Esc close".to_owned(),
            None => "Esc close".to_owned(),
        }
    }

    fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) -> After {
        let last = at.env.jobs.all().len().saturating_sub(1);
        let job = at.env.jobs.all().rev().nth(self.index.min(last));
        match event.code {
            KeyCode::Esc | KeyCode::Char('q' | 'B') => return After::Close,
            KeyCode::Char('j') | KeyCode::Down => self.index = (self.index + 1).min(last),
            KeyCode::Char('k') | KeyCode::Up => self.index = self.index.saturating_sub(1),
            KeyCode::Char('c' | 'x') => {
                wishes.extend(job.filter(|job| job.runs()).map(|job| Wish::EndWork(job.number)));
            }
            KeyCode::Enter => wishes.extend(job.map(|job| Wish::ShowWork(job.number))),
            _ => {}
        }
        After::Stay
    }
}
