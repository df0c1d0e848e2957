//! What the program around the screen does for it with files. The screen itself touches none.

use std::sync::Arc;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Keep this text of the profile until the next start: `Options::kept` then.
    Keep(String),
    /// Write a file of this name. The line that comes back names it.
    Export {
        /// A file name without directories, such as `positions-20261124-134500.csv`.
        name: String,
        /// What stands in it.
        text: String,
    },
    /// List the profiles that the one of this screen may see. The line that comes back is `client::keeping::ProfileLine::write` of them.
    Profiles,
    /// Set an option in the user's own configuration file, comments and order left as they are. The line that comes back says where.
    SetOption {
        /// Its path, such as `screen.theme`.
        path: String,
        /// Its value as TOML; none takes the option out, so that the default holds.
        value: Option<String>,
    },
}

/// Does one chore and says so in a line, or why not in one. May take its time: it is called on a thread of its own.
pub type Chores = Arc<dyn Fn(Chore) -> Result<String, String> + Send + Sync>;
