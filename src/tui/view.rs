//! State to cells: `view(&App, &Snapshot, &Theme)`. Pure: the same three draw the same frame.

mod header;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::app::App;
use super::env::{At, Look};
use super::format;
use super::keymap::Scope;
use super::layout::{HEIGHT_MIN, Layout, WIDTH_MIN};
use super::panes::PaneKind;
use super::theme::Theme;
use super::widgets::{borders, put};
use crate::domain::snapshot::Snapshot;

/// Draws the whole screen into a buffer of the screen's size.
pub fn view(app: &App, snapshot: &Snapshot, theme: &Theme, buf: &mut Buffer) {
    let screen = buf.area;
    let look = Look { env: &app.env, snapshot, theme, focused: false };
    if let Some(lock) = &app.lock {
        return lock.draw(&look, screen, buf);
    }
    let Some(layout) = app.layout() else {
        return too_small(&look, screen, buf);
    };
    header::draw(&look, app.panes.notifications.unseen(), layout.header, buf);
    if let Some(tabs) = layout.tabs {
        draw_tabs(app, &look, tabs, buf);
    }
    draw_panes(app, &look, &layout, buf);
    let meaning_fits = app.bar.draw(&look, layout.bar, buf);
    draw_hint(app, &look, meaning_fits, layout.hint, buf);
    let body = Rect { y: 1, height: layout.bar.y.saturating_sub(1), ..screen };
    for dialog in &app.dialogs {
        let look = Look { focused: true, ..look };
        dialog.draw(&look, body, buf);
    }
    if let Some(tour) = app.tour.filter(|_| app.dialogs.is_empty()) {
        tour.draw(&look, body, buf);
    }
    if !app.dialogs.is_empty() {
        // Neither the command bar nor the keys of the panes mean anything now.
        let free = Rect { y: layout.bar.y, height: screen.bottom().saturating_sub(layout.bar.y), ..screen };
        return app.toasts.draw_lines(&look, free, buf);
    }
    app.toasts.draw(&look, toasts_area(app, &layout, &look.at(), screen), buf);
}

/// Where notices stand while no dialog is open: above the first steps, where these are shown.
#[must_use]
pub fn toasts_area(app: &App, layout: &Layout, at: &At<'_>, screen: Rect) -> Rect {
    let body = Rect { y: 1, height: layout.bar.y.saturating_sub(1), ..screen };
    let tour = app.tour.map(|tour| tour.place(at, body)).filter(|place| !place.is_empty());
    let bottom = tour.map_or(body.bottom().saturating_sub(1), |place| place.y);
    Rect { width: screen.width.saturating_sub(1), height: bottom.saturating_sub(body.y), ..body }
}

/// Paper or live is said even where nothing else has room.
fn too_small(look: &Look<'_>, screen: Rect, buf: &mut Buffer) {
    if screen.height == 0 {
        return;
    }
    header::draw(look, 0, Rect { height: 1, ..screen }, buf);
    let text = format!(
        "{WIDTH_MIN} columns and {HEIGHT_MIN} rows are needed; these are {} and {}.",
        screen.width, screen.height
    );
    for (i, line) in format::wrap(&text, screen.width).iter().enumerate() {
        put(buf, screen.x, screen.y + 1 + i as u16, line, look.theme.dim, screen.width);
    }
}

fn draw_panes(app: &App, look: &Look<'_>, layout: &Layout, buf: &mut Buffer) {
    let has_keys = |kind: PaneKind| app.focus == kind && !app.bar.is_active() && app.dialogs.is_empty();
    for (kind, area) in &layout.panes {
        if *kind != app.focus {
            borders::outline(*area, look.theme.border, look.theme, buf);
        }
    }
    if let Some(area) = layout.pane(app.focus) {
        borders::outline(area, look.theme.border_focus, look.theme, buf);
    }
    for (kind, area) in &layout.panes {
        let look = Look { focused: has_keys(*kind), ..*look };
        let pane = app.pane(*kind);
        borders::title(*area, &pane.title(&look), look.theme, buf);
        let inside = borders::inside(*area).intersection(buf.area);
        if !inside.is_empty() {
            pane.draw(&look, inside, buf);
        }
    }
}

/// The word of the key that shows all keys.
const HELP_HINT: &str = "keys";

/// The labels of the tabs in a line of so many columns. Where not all words fit, those of the last tabs leave first and their numbers stay;
/// never that of the one that has the keys. One without a number keeps the first letters of its word.
fn tab_labels(focus: PaneKind, tabs: &[PaneKind], columns: u16) -> Vec<(PaneKind, String)> {
    let long = |kind: PaneKind| match kind.number() {
        Some(number) => format!(" {number} {} ", kind.tab()),
        None => format!(" {} ", kind.tab()),
    };
    let short = |kind: PaneKind| match kind.number() {
        Some(number) => format!(" {number} "),
        None => format!(" {} ", kind.tab().chars().take(3).collect::<String>()),
    };
    let mut labels: Vec<(PaneKind, String)> = tabs.iter().map(|kind| (*kind, long(*kind))).collect();
    let mut room =
        i32::from(columns) - labels.iter().map(|(_, label)| i32::from(format::width(label))).sum::<i32>();
    for (kind, label) in labels.iter_mut().rev().filter(|(kind, _)| *kind != focus) {
        if room >= 0 {
            break;
        }
        room += i32::from(format::width(label));
        *label = short(*kind);
        room -= i32::from(format::width(label));
    }
    labels
}

fn draw_tabs(app: &App, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let mut x = area.x;
    for (kind, label) in tab_labels(app.focus, &app.desk.panes(app.focus), area.width) {
        let style: Style =
            if kind == app.focus { look.theme.accent.patch(look.theme.selected) } else { look.theme.dim };
        x = put(buf, x, area.y, &label, style, area.right().saturating_sub(x));
    }
}

/// The tab under a column of a line of so many.
#[must_use]
pub fn tab_at(column: u16, focus: PaneKind, tabs: &[PaneKind], columns: u16) -> Option<PaneKind> {
    let mut x = 0;
    tab_labels(focus, tabs, columns).into_iter().find_map(|(kind, label)| {
        x += format::width(&label);
        (column < x).then_some(kind)
    })
}

fn draw_hint(app: &App, look: &Look<'_>, meaning_fits: bool, area: Rect, buf: &mut Buffer) {
    let theme = look.theme;
    if !meaning_fits && let Some((text, style)) = app.bar.meaning(look) {
        put(
            buf,
            area.x + 1,
            area.y,
            &format::fit(&text, area.width - 2, theme.glyphs.ellipsis),
            style,
            area.width - 2,
        );
        return;
    }
    let scopes = if app.arranging { &[Scope::Layout] } else { app.focus.scopes() };
    let mut hints: Vec<(String, &str)> = Vec::new();
    if app.bar.is_active() {
        let enter = app.bar.is_understood().then_some(("Enter", "do it"));
        let more = [("Tab", "complete"), ("Up", "earlier"), ("Esc", "leave")];
        hints.extend(enter.into_iter().chain(more).map(|(key, word)| (key.to_owned(), word)));
    } else {
        let own = app.pane(app.focus).hints(&app.env.keymap).filter(|_| !app.arranging);
        let has_own = own.is_some();
        for (key, word) in own.into_iter().flatten() {
            hints.push((key, word));
        }
        if app.arranging {
            hints.push(("layout".to_owned(), app.desk.name()));
        }
        if !has_own {
            for (key, word) in app.env.keymap.hints(scopes) {
                hints.push((key, word));
            }
        }
    }
    let needed = |(key, word): &(String, &str)| format::width(key) + 1 + format::width(word);
    // The key that shows all keys has its room, however many others there are.
    let is_help = |hint: &&(String, &str)| hint.1 == HELP_HINT;
    let mut kept_free = hints.iter().find(is_help).map_or(0, |help| needed(help) + 2);
    let mut x = area.x + 1;
    for hint in &hints {
        if is_help(&hint) {
            kept_free = 0;
        }
        if x + needed(hint) + kept_free < area.right() {
            let after = put(buf, x, area.y, &hint.0, theme.accent, area.width);
            x = put(buf, after + 1, area.y, hint.1, theme.dim, area.width) + 2;
        }
    }
}
