//! An order that a strategy proposes and a person must confirm: what is shown is what is sent.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;

use crate::command::order_words;
use crate::domain::strategy::{ProposalView, StrategyChange};
use crate::domain::text::clean;
use crate::tui::env::Look;
use crate::tui::format;
use crate::tui::widgets::put;

/// That something waits, in a line.
pub(super) fn line(waiting: &ProposalView) -> String {
    let order = &waiting.request;
    format!("proposes {} {} {}: confirm or drop it", order.side, order.quantity, order.subject)
}

/// What a key means: nothing, going back, or that with the proposal.
pub(super) fn key(event: KeyEvent, name: &SmolStr, waiting: &ProposalView) -> Option<Option<StrategyChange>> {
    let (name, proposal) = (name.clone(), waiting.number);
    match event.code {
        KeyCode::Char('y') => {
            Some(Some(StrategyChange::Confirm { name, proposal, hash: waiting.hash.clone() }))
        }
        KeyCode::Char('n') => Some(Some(StrategyChange::Decline { name, proposal })),
        KeyCode::Esc => Some(None),
        _ => None,
    }
}

pub(super) fn draw(waiting: &ProposalView, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let until = format::near(waiting.until, look.snapshot.now, &look.env.zone);
    let lines = [
        order_words(&waiting.request),
        format!("on {}", waiting.request.account),
        format!("because {}", clean(&waiting.why)),
        format!("It is dropped at {until} unless you send it."),
    ];
    let wrapped = lines.iter().flat_map(|line| format::wrap(line, area.width));
    for (n, text) in wrapped.take(usize::from(area.height)).enumerate() {
        let style = if n == 0 { look.theme.strong } else { look.theme.text };
        put(buf, area.x, area.y + u16::try_from(n).unwrap_or(u16::MAX), &text, style, area.width);
    }
}
