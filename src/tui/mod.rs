//! The terminal front end. State in `app`, events in `update`, frames in `view`; `screen` is all three without a terminal, `run` gives it
//! one. Panes, dialogs and widgets each live in a file of their own. Never here: brokers, files, the clock of the world.

mod about;
mod action;
mod answers;
mod app;
mod arrange;
mod bar;
mod broker_says;
mod chores;
mod commands;
mod dialogs;
mod env;
mod estimate;
mod flash;
mod format;
mod grant;
mod input;
mod kept;
mod keymap;
mod layout;
mod lock;
mod mouse;
mod narrowed;
mod news;
mod noting;
mod options;
mod output;
mod pace;
mod panes;
mod plain;
mod preview;
mod run;
mod screen;
mod screenshot;
mod setting;
mod signals;
mod sources;
mod svg;
mod terminal;
mod theme;
mod toasts;
mod tour;
mod update;
mod view;
mod widgets;
mod wish;
mod work;

#[cfg(test)]
mod tests;

pub use action::Action;
pub use chores::{Chore, Chores};
pub use input::Input;
pub use keymap::{Keymap, KeymapError};
pub use options::{
    BYTES_PER_SECOND, FRAMES_PER_SECOND, Notice, Options, Remember, TuiError, Understand, Understanding,
};
pub use pace::Pace;
pub use plain::plain;
pub use run::run;
pub use screen::Screen;
pub use screenshot::{Picture, screenshot};
pub use theme::ColorDepth;
pub use wish::Effect;
pub use work::{Doing, Works, WorksRef};

/// Is there a theme of that name, among the own ones (name and text) and those that come with the program, and does it read.
///
/// # Errors
/// A line that says what is wrong, and which themes there are.
pub fn check_theme(name: &str, own: &[(String, String)]) -> Result<(), String> {
    theme::Schemes::new(own).get(name).map(|_| ())
}
