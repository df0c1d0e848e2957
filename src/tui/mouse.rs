//! Clicks, the wheel, and lines that are dragged.

use crossterm::event::{MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::action::Action;
use super::app::App;
use super::env::At;
use super::panes::PaneKind;
use super::view::toasts_area;
use super::widgets::borders::inside;
use super::wish::{WayOut, Wish};
use crate::domain::snapshot::Snapshot;

impl App {
    /// Takes what the mouse did. Of a dialog only the wheel moves what there is to read: nothing is confirmed by a click.
    pub fn mouse_event(&mut self, event: MouseEvent, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
        match event.kind {
            MouseEventKind::Drag(_) => return self.drag_seam(event.column, event.row),
            MouseEventKind::Up(_) => {
                self.dragging = None;
                return;
            }
            _ => {}
        }
        self.dragging = None;
        if let Some(dialog) = self.dialogs.last_mut() {
            let at = At { env: &self.env, snapshot };
            return dialog.wheel(event.kind, &at, wishes);
        }
        let Some(layout) = self.layout() else { return };
        let place = Position::new(event.column, event.row);
        let pressed = matches!(event.kind, MouseEventKind::Down(_));
        if pressed {
            let screen = Rect::new(0, 0, self.size.width, self.size.height);
            let area = toasts_area(self, &layout, &At { env: &self.env, snapshot }, screen);
            if let Some(out) = self.toasts.click(place, &self.env.keymap, area) {
                return wishes.extend(out.map(WayOut::wishes).unwrap_or_default());
            }
        }
        if pressed && layout.bar.contains(place) {
            return wishes.push(Wish::Type(String::new()));
        }
        if pressed && layout.tabs.is_some_and(|tabs| tabs.contains(place)) {
            let tabs = self.desk.panes(self.focus);
            if let Some(kind) = super::view::tab_at(event.column, self.focus, &tabs, self.size.width) {
                self.focus_on(kind);
            }
            return;
        }
        if pressed && self.take_seam(event.column, event.row) {
            return;
        }
        let hit = layout.panes.iter().find(|(_, area)| area.contains(place)).copied();
        if let Some((kind, area)) = hit {
            self.mouse_in_pane(event, kind, area, snapshot, wishes);
        }
    }

    fn mouse_in_pane(
        &mut self,
        event: MouseEvent,
        kind: PaneKind,
        area: Rect,
        snapshot: &Snapshot,
        wishes: &mut Vec<Wish>,
    ) {
        let area = inside(area);
        let is_inside = area.contains(Position::new(event.column, event.row));
        match event.kind {
            MouseEventKind::Down(_) => {
                self.focus_on(kind);
                if is_inside {
                    let (pane, env) = self.pane_mut(kind);
                    let at = At { env, snapshot };
                    pane.click(event.column - area.x, event.row - area.y, area, &at, wishes);
                }
            }
            MouseEventKind::ScrollDown | MouseEventKind::ScrollUp if is_inside => {
                let down = event.kind == MouseEventKind::ScrollDown;
                let (pane, env) = self.pane_mut(kind);
                let action = if down { Action::Down } else { Action::Up };
                pane.act(action, &At { env, snapshot }, wishes);
            }
            _ => {}
        }
    }
}
