//! What the screen has done with files: its own state kept, tables written out, options set.

use std::sync::Arc;

use arbion::cli::host::Settings;
use arbion::config::{ProfileFiles, set_option};
use arbion::tui::{Chore, Chores};

/// Does the chores of one screen. Without `keeps`, nothing of its state is kept.
pub fn doer(settings: &Settings, files: ProfileFiles, keeps: bool) -> Chores {
    let (paths, profile) = (settings.paths.clone(), settings.profile.clone());
    Arc::new(move |chore| match chore {
        Chore::Keep(_) if !keeps => Ok(String::new()),
        Chore::Keep(text) => {
            files.save_screen(&text).map(|()| String::new()).map_err(|error| error.to_string())
        }
        Chore::Export { name, text } => {
            files.export(&name, &text).map(|path| format!("Written: {}", path.display()))
        }
        Chore::SetOption { path, value } => set_option(&paths, &profile, &path, value.as_deref())
            .map(|file| format!("{path} is set in {}", file.display()))
            .map_err(|error| error.to_string()),
    })
}
