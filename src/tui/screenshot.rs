//! One frame of the screen without a terminal: for pictures in the documentation and for looking at a headless box.

use std::sync::Arc;
use std::time::Duration;

use ratatui::layout::Size;

use super::options::{Options, TuiError};
use super::screen::Screen;
use super::svg;
use super::wish::Effect;
use crate::client::Session;
use crate::domain::snapshot::Snapshot;

/// Rounds of questions to the engine before the frame is taken.
const ROUNDS_MAX: usize = 8;

/// How a frame is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// A line of text per row, without colours.
    Text,
    /// An SVG document, with colours.
    Svg,
}

/// Draws the screen over a snapshot, with the engine's answers to what it asks at its start.
///
/// # Errors
/// When a remapped key makes no sense.
pub async fn screenshot(
    options: &Options,
    snapshot: Arc<Snapshot>,
    session: Arc<dyn Session>,
    size: (u16, u16),
    picture: Picture,
) -> Result<String, TuiError> {
    let mut screen = Screen::new(options, Arc::clone(&snapshot), Size::new(size.0, size.1))?;
    let mut effects = screen.snapshot(snapshot, Duration::ZERO);
    effects.extend(screen.tick(Duration::ZERO));
    for _ in 0..ROUNDS_MAX {
        let mut next = Vec::new();
        for effect in effects {
            if let Effect::Ask(number, request) = effect {
                let reply = session.request(request).await;
                next.extend(screen.reply(number, reply, Duration::ZERO));
            }
        }
        if next.is_empty() {
            break;
        }
        effects = next;
    }
    drop(screen.frame());
    let buffer = screen.shown();
    if picture == Picture::Svg {
        return Ok(svg::document(buffer));
    }
    let area = *buffer.area();
    let mut text = String::new();
    for y in area.top()..area.bottom() {
        let line: String = (area.left()..area.right()).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    Ok(text)
}
