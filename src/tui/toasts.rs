//! Short notices over the panes. They leave by themselves; the activity log keeps them.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::action::Action;
use super::env::Look;
use super::format;
use super::keymap::Keymap;
use super::widgets::{clear, put};
use super::wish::WayOut;
use crate::domain::snapshot::Severity;

/// Notices shown at one time.
const TOASTS_MAX: usize = 3;
const WIDTH_MAX: u16 = 72;

/// How long a notice stays: what went wrong stays longer.
const fn lifetime(severity: Severity) -> Duration {
    match severity {
        Severity::Info => Duration::from_secs(4),
        Severity::Warning => Duration::from_secs(8),
        Severity::Error => Duration::from_secs(15),
    }
}

/// What a notice is about, by its first words: what is said of an order, of the layout or the theme takes the place of what was said of it
/// before.
fn topic(text: &str) -> Option<&str> {
    if text.starts_with('#') {
        return text.find(' ').map(|end| &text[..=end]);
    }
    ["Layout: ", "Theme: "].into_iter().find(|topic| text.starts_with(topic))
}

#[derive(Debug)]
struct Toast {
    severity: Severity,
    text: String,
    until: Duration,
    /// What can be done about it.
    out: Option<WayOut>,
}

impl Toast {
    fn mark(&self, look: &Look<'_>) -> (&'static str, Style) {
        let theme = look.theme;
        match self.severity {
            Severity::Info => (theme.glyphs.pass, theme.accent),
            Severity::Warning => ("!", theme.warning),
            Severity::Error => (theme.glyphs.fail, theme.error),
        }
    }

    /// What it says, with its way out.
    fn words(&self, keymap: &Keymap) -> String {
        match &self.out {
            Some(out) => {
                format!("{}  {}: {}", self.text, keymap.label(Action::TakeNotice), out.words())
            }
            None => self.text.clone(),
        }
    }
}

/// The notices in view.
#[derive(Debug, Default)]
pub struct Toasts {
    shown: Vec<Toast>,
}

impl Toasts {
    /// Shows a notice; the same one again only stays longer.
    pub fn push(&mut self, severity: Severity, text: String, now: Duration) {
        let topic = topic(&text);
        let same = |toast: &Toast| {
            let goes_on = topic.is_some_and(|topic| toast.text.starts_with(topic));
            toast.text == text || (goes_on && toast.severity == Severity::Info)
        };
        self.shown.retain(|toast| !same(toast));
        if self.shown.len() == TOASTS_MAX {
            self.shown.remove(0);
        }
        self.shown.push(Toast { severity, text, until: now + lifetime(severity), out: None });
    }

    /// The newest notice offers something.
    pub fn offer(&mut self, out: WayOut) {
        if let Some(toast) = self.shown.last_mut() {
            toast.out = Some(out);
        }
    }

    /// Takes what the newest notice that offers something offers, and the notice away.
    pub fn take(&mut self) -> Option<WayOut> {
        let at = self.shown.iter().rposition(|toast| toast.out.is_some())?;
        self.shown.remove(at).out
    }

    /// Takes back what is not true any more.
    pub fn take_back(&mut self, is_over: impl Fn(&str) -> bool) {
        self.shown.retain(|toast| !is_over(&toast.text));
    }

    /// Takes the newest away by hand; false when there is none.
    pub fn dismiss(&mut self) -> bool {
        self.shown.pop().is_some()
    }

    /// Forgets those whose time is up.
    pub fn expire(&mut self, now: Duration) {
        self.shown.retain(|toast| toast.until > now);
    }

    /// When the next one leaves.
    #[must_use]
    pub fn next_end(&self) -> Option<Duration> {
        self.shown.iter().map(|toast| toast.until).min()
    }

    /// Draws the newest from the lowest line up, over lines that nobody needs meanwhile: where a dialog stands, a notice must not cover what is
    /// to be confirmed, nor its keys. A long one takes as many of the lines as it needs, before an older one has any.
    pub fn draw_lines(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let room = area.width.saturating_sub(5);
        let mut bottom = area.bottom();
        for toast in self.shown.iter().rev() {
            let free = usize::from(bottom.saturating_sub(area.y));
            let (mark, style) = toast.mark(look);
            let mut lines = format::wrap(&toast.words(&look.env.keymap), room);
            if free == 0 || lines.is_empty() {
                return;
            }
            if lines.len() > free {
                // What does not fit is with the notifications.
                lines.truncate(free);
                if let Some(last) = lines.last_mut() {
                    let more = format!("{last} {}", look.theme.glyphs.ellipsis);
                    *last = format::fit(&more, room, look.theme.glyphs.ellipsis).to_string();
                }
            }
            let top = bottom - lines.len() as u16;
            clear(buf, Rect { y: top, height: bottom - top, ..area });
            put(buf, area.x + 1, top, mark, style, 2);
            for (line, y) in lines.iter().zip(top..) {
                put(buf, area.x + 4, y, line, style, room);
            }
            bottom = top;
        }
    }

    /// Draws them in the lower right corner of an area, the newest lowest.
    pub fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        for (i, place, lines) in self.places(&look.env.keymap, area) {
            let (mark, style) = self.shown[i].mark(look);
            clear(buf, place);
            put(buf, place.x + 1, place.y, mark, style, 2);
            for (line, y) in lines.iter().zip(place.y..) {
                put(buf, place.x + 4, y, line, style, place.width);
            }
        }
    }

    /// Where each that has room stands in the area that they are drawn in, with its lines.
    fn places(&self, keymap: &Keymap, area: Rect) -> Vec<(usize, Rect, Vec<String>)> {
        let (mut bottom, mut places) = (area.bottom(), Vec::new());
        let room = WIDTH_MAX.min(area.width.saturating_sub(6));
        for (i, toast) in self.shown.iter().enumerate().rev().filter(|_| room >= 10) {
            let lines = format::wrap(&toast.words(keymap), room);
            let Some(top) = bottom.checked_sub(lines.len() as u16).filter(|top| *top >= area.y) else {
                break;
            };
            let width = lines.iter().map(|line| format::width(line)).max().unwrap_or(0) + 5;
            let place = Rect { x: area.right().saturating_sub(width), y: top, width, height: bottom - top };
            places.push((i, place, lines));
            bottom = top;
        }
        places
    }

    /// A click on one of them: takes it away, with what it offers. None where none is there.
    pub fn click(&mut self, at: Position, keymap: &Keymap, area: Rect) -> Option<Option<WayOut>> {
        let hit = self.places(keymap, area).into_iter().find(|(_, place, _)| place.contains(at))?;
        Some(self.shown.remove(hit.0).out)
    }
}
