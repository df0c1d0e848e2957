//! The terminal front end. State in `app`, events in `update`, frames in `view`; `screen` is all three without a terminal, `run` gives it
//! one. Panes, dialogs and widgets each live in a file of their own. Never here: brokers, files, the clock of the world.

mod action;
mod app;
mod arrange;
mod bar;
mod commands;
mod dialogs;
mod env;
mod estimate;
mod flash;
mod format;
mod input;
mod keymap;
mod layout;
mod mouse;
mod options;
mod output;
mod pace;
#[allow(dead_code, reason = "layouts, files and the session take these hooks up next")]
mod panes;
mod preview;
mod run;
mod screen;
mod screenshot;
mod signals;
mod svg;
mod terminal;
mod theme;
mod toasts;
mod update;
mod view;
mod widgets;
mod wish;

#[cfg(test)]
mod tests;

pub use action::Action;
pub use input::Input;
pub use keymap::{Keymap, KeymapError};
pub use options::{
    BYTES_PER_SECOND, FRAMES_PER_SECOND, Notice, Options, Remember, TuiError, Understand, Understanding,
};
pub use pace::Pace;
pub use run::run;
pub use screen::Screen;
pub use screenshot::{Picture, screenshot};
pub use theme::{ColorDepth, Palette};
pub use wish::Effect;
