//! Changing the layout: by keys while the layout is edited, by keys at any time, by dragging the lines between panes.

use super::action::Action;
use super::app::App;
use super::dialogs::Dialog;
use super::dialogs::palette::Palette;
use super::dialogs::prompt::Prompt;
use super::env::At;
use super::layout::{Axis, Layout, Node, Seam};
use super::panes::PaneKind;
use super::wish::{Rearrange, Wish};
use crate::domain::snapshot::{Severity, Snapshot};

/// Columns that a key moves a line by.
const STEP_COLUMNS: i32 = 4;
/// Rows that a key moves a line by.
const STEP_ROWS: i32 = 2;

/// A line under the mouse: the layout as it was, the line, and where it was taken.
#[derive(Clone, Debug)]
pub struct Drag {
    tree: Node,
    seam: Seam,
    from: u16,
}

impl App {
    /// Carries out an action on the layout; false when it is none.
    pub fn arrange(&mut self, action: Action, snapshot: &Snapshot, wishes: &mut Vec<Wish>) -> bool {
        match action {
            Action::Arrange => {
                self.zoomed = false;
                self.arranging = true;
            }
            Action::Preset | Action::PresetBack => {
                self.desk.step(action == Action::Preset);
                self.settle_focus();
                self.tell_layout();
            }
            Action::SplitRight | Action::SplitDown => {
                let axis = if action == Action::SplitRight { Axis::Columns } else { Axis::Rows };
                let palette = Palette::of_panes(
                    &self.desk,
                    |kind| Rearrange::Add(kind, axis),
                    &At { env: &self.env, snapshot },
                );
                self.dialogs.push(Dialog::Palette(palette));
            }
            Action::PutPane => {
                let palette = Palette::of_panes(&self.desk, Rearrange::Put, &At { env: &self.env, snapshot });
                self.dialogs.push(Dialog::Palette(palette));
            }
            Action::ClosePane => self.close_pane(),
            Action::Wider => self.stretch(Axis::Columns, STEP_COLUMNS),
            Action::Narrower => self.stretch(Axis::Columns, -STEP_COLUMNS),
            Action::Taller => self.stretch(Axis::Rows, STEP_ROWS),
            Action::Lower => self.stretch(Axis::Rows, -STEP_ROWS),
            Action::MovePane | Action::MovePaneBack => {
                let other = self.next_pane(action == Action::MovePane);
                self.desk.swap(self.focus, other);
            }
            Action::TurnSplit => self.desk.turn(self.focus),
            Action::EvenSizes => self.desk.even(),
            Action::ResetLayout => {
                self.desk.reset();
                self.settle_focus();
                self.tell_layout();
            }
            Action::SaveLayout => {
                let start = self.desk.name().to_owned();
                let save = |name: String| Wish::Layout(Rearrange::Save(name));
                wishes.push(Wish::Open(Box::new(Dialog::Prompt(Prompt::new(
                    "Save the layout as",
                    &start,
                    save,
                )))));
            }
            Action::DeleteLayout => {
                let name = self.desk.name().to_owned();
                let text = match self.desk.delete() {
                    true => format!("Layout {name} deleted."),
                    false => format!("Layout {name} comes with the program; it is as it came."),
                };
                self.toasts.push(Severity::Info, text, self.env.now);
                self.settle_focus();
            }
            Action::FocusLeft => self.focus_towards(Axis::Columns, false),
            Action::FocusRight => self.focus_towards(Axis::Columns, true),
            Action::FocusUp => self.focus_towards(Axis::Rows, false),
            Action::FocusDown => self.focus_towards(Axis::Rows, true),
            _ => return false,
        }
        true
    }

    /// What a dialog wants of the layout.
    pub fn rearrange(&mut self, wish: Rearrange) {
        match wish {
            Rearrange::Show(name) => {
                self.desk.show(&name);
                self.settle_focus();
                self.tell_layout();
            }
            Rearrange::Add(kind, axis) => {
                if self.desk.add(kind, self.place_of_focus(), axis) {
                    self.focus_on(kind);
                } else {
                    let text = "There are as many panes as a layout takes; close one first.".to_owned();
                    self.toasts.push(Severity::Warning, text, self.env.now);
                }
            }
            Rearrange::Put(kind) => {
                self.desk.put(kind, self.place_of_focus());
                self.focus_on(kind);
            }
            Rearrange::Save(name) => {
                let (severity, text) = match self.desk.save(&name) {
                    Ok(()) => (Severity::Info, format!("Layout saved as {}.", self.desk.name())),
                    Err(text) => (Severity::Warning, format!("Not saved: {text}.")),
                };
                self.toasts.push(severity, text, self.env.now);
            }
        }
    }

    fn close_pane(&mut self) {
        let closed = self.focus;
        if !self.desk.tree().has(closed) {
            // It only borrows its place.
            return self.settle_focus();
        }
        if self.desk.remove(closed) {
            self.settle_focus();
        } else {
            self.toasts.push(Severity::Warning, "The last pane stays.".to_owned(), self.env.now);
        }
    }

    /// The keys go to a pane of the layout.
    pub fn settle_focus(&mut self) {
        let leaves = self.desk.tree().leaves();
        if !self.desk.tree().has(self.focus)
            && let Some(first) = leaves.first()
        {
            self.focus_on(first.pane);
        }
    }

    /// The pane whose place the focused one has: its own, or the one it borrows.
    fn place_of_focus(&self) -> PaneKind {
        if self.desk.tree().has(self.focus) {
            return self.focus;
        }
        let shown: Vec<PaneKind> = self
            .layout()
            .map(|layout| layout.panes.iter().map(|(kind, _)| *kind).collect())
            .unwrap_or_default();
        let leaves = self.desk.tree().leaves();
        let missing = leaves.iter().find(|leaf| leaf.lends && !shown.contains(&leaf.pane));
        missing.or(leaves.first()).map_or(self.focus, |leaf| leaf.pane)
    }

    fn tell_layout(&mut self) {
        let changed = if self.desk.is_changed() { ", changed" } else { "" };
        self.toasts.push(Severity::Info, format!("Layout: {}{changed}", self.desk.name()), self.env.now);
    }

    fn focus_towards(&mut self, axis: Axis, forward: bool) {
        let to = self.layout().and_then(|layout| layout.neighbour(self.focus, axis, forward));
        if let Some(kind) = to {
            self.focus_on(kind);
        }
    }

    /// Makes the focused pane larger (or smaller) by the line behind it, or else the one before it.
    fn stretch(&mut self, axis: Axis, by: i32) {
        let Some((layout, area)) = self.layout().and_then(|l| l.pane(self.focus).map(|area| (l, area)))
        else {
            return;
        };
        let along = |seam: &&Seam| seam.axis == axis && !seam.line.intersection(area).is_empty();
        let at = |seam: &Seam, end: bool| match (axis, end) {
            (Axis::Columns, true) => seam.line.x + 1 == area.right(),
            (Axis::Columns, false) => seam.line.x == area.x,
            (Axis::Rows, true) => seam.line.y + 1 == area.bottom(),
            (Axis::Rows, false) => seam.line.y == area.y,
        };
        let found =
            |layout: &Layout, end| layout.seams.iter().filter(along).find(|seam| at(seam, end)).cloned();
        if let Some(seam) = found(&layout, true) {
            self.desk.shift(&seam, by);
        } else if let Some(seam) = found(&layout, false) {
            self.desk.shift(&seam, -by);
        } else {
            let text = "This pane has no neighbour to take room from.".to_owned();
            self.toasts.push(Severity::Info, text, self.env.now);
        }
    }

    /// The mouse went down here: on a line between panes, the line follows it.
    pub fn take_seam(&mut self, column: u16, row: u16) -> bool {
        let Some(layout) = self.layout() else { return false };
        let Some(seam) = layout.seam_at((column, row).into()) else { return false };
        let from = if seam.axis == Axis::Columns { column } else { row };
        self.dragging = Some(Drag { tree: self.desk.tree().clone(), seam: seam.clone(), from });
        true
    }

    /// The mouse moved with a line under it.
    pub fn drag_seam(&mut self, column: u16, row: u16) {
        if let Some(Drag { tree, seam, from }) = self.dragging.clone() {
            let to = if seam.axis == Axis::Columns { column } else { row };
            let by = i32::from(to) - i32::from(from);
            if by != 0 || *self.desk.tree() != tree {
                self.desk.set(tree);
                self.desk.shift(&seam, by);
            }
        }
    }
}
