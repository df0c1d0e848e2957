//! What the screen is started with, and what it has done with files: its own state kept, tables written out, options set.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arbion::cli::host::{ScreenRequest, SessionKind, Settings};
use arbion::cli::{CliError, Work};
use arbion::client::Session;
use arbion::command::{self, ParseContext};
use arbion::config::{
    Colour, ColourDepth, OptionEdit, ProfileFiles, ProfileName, TerminalNotice, home_directory,
};
use arbion::domain::calendar::{Calendar, exchange_date};
use arbion::engine::clock;
use arbion::market::symbols::Universe;
use arbion::tui::{self, Chore, Chores};
use async_trait::async_trait;
use tokio::sync::Notify;

use crate::keeper;
use crate::program::Program;
use crate::runs::config_files;

/// Does the chores of one screen. Without `keeps`, nothing of its state is kept.
pub fn doer(settings: &Settings, files: ProfileFiles, keeps: bool) -> Chores {
    let config = config_files(settings);
    Arc::new(move |chore| match chore {
        Chore::Keep(_) if !keeps => Ok(String::new()),
        Chore::Keep(text) => {
            files.save_screen(&text).map(|()| String::new()).map_err(|error| error.to_string())
        }
        Chore::Export { name, text } => {
            files.export(&name, &text).map(|path| format!("Written: {}", path.display()))
        }
        Chore::SetOption { path, value } => config
            .with(&path, value.as_deref())
            .and_then(OptionEdit::write)
            .map(|file| format!("{path} is set in {}", file.display()))
            .map_err(|error| error.to_string()),
    })
}

/// The way from a screen to that of another profile: the screen is left, and the program becomes a new one.
#[derive(Default)]
pub struct Switch {
    to: OnceLock<ProfileName>,
    /// Has the screen left.
    pub leave: Arc<Notify>,
}

impl Switch {
    /// The profile to go on as.
    pub fn to(&self) -> Option<&ProfileName> {
        self.to.get()
    }

    /// Goes on as this one, where it may be used; says so, or why not.
    async fn go(&self, settings: &Settings, to: ProfileName) -> Result<String, String> {
        let said = format!("The screen goes on as {to}.");
        let theirs = Settings { profile: to.clone(), ..settings.clone() };
        let admitted = tokio::task::spawn_blocking(move || keeper::admit(&theirs, false)).await;
        admitted.map_err(|error| error.to_string())?.map_err(|error| error.message)?;
        self.to.set(to).map_err(|_| "the screen is being left".to_owned())?;
        self.leave.notify_one();
        Ok(said)
    }
}

/// Does what takes long for one screen: the command line's own work.
pub struct Worker {
    /// What the command line would ask.
    pub host: Program,
    /// Of the profile that the screen shows.
    pub settings: Settings,
    /// Its engine.
    pub session: Arc<dyn Session>,
    /// Where another profile's screen can follow.
    pub switch: Option<Arc<Switch>>,
}

impl Worker {
    /// The profile that a line such as `profile anna` asks for, or what is wrong with it; none where it is no such line.
    fn other_profile(&self, line: &str) -> Option<Result<ProfileName, String>> {
        let rest = line.strip_prefix("profile").filter(|rest| rest.is_empty() || rest.starts_with(' '))?;
        Some(match rest.trim() {
            _ if self.switch.is_none() => Err("what runs here is kept in no profile".to_owned()),
            "" => Err("say which profile: profile NAME; arbion profile list shows them".to_owned()),
            name => match name.parse::<ProfileName>() {
                Ok(to) if to == self.settings.profile => Err(format!("this is the screen of {to}")),
                Ok(to) => Ok(to),
                Err(error) => Err(error.to_string()),
            },
        })
    }
}

#[async_trait]
impl tui::Works for Worker {
    fn understand(&self, line: &str) -> Option<Result<String, String>> {
        if let Some(to) = self.other_profile(line) {
            return Some(to.map(|to| format!("go on as {to}")));
        }
        Work::read(line, home_directory().as_deref())
            .map(|read| read.map(|work| work.words()).map_err(|error| error.message))
    }

    async fn carry_out(&self, doing: &tui::Doing) -> Result<String, String> {
        if let (Some(to), Some(switch)) = (self.other_profile(&doing.line), &self.switch) {
            return switch.go(&self.settings, to?).await;
        }
        let work = Work::read(&doing.line, home_directory().as_deref());
        let Some(work) = work else { return Err("there is no such work".to_owned()) };
        let work = work.map_err(|error| error.message)?;
        let session = Arc::clone(&self.session);
        work.carry_out(&self.host, &self.settings, session, &doing.progress, doing.columns)
            .await
            .map_err(|error| error.message)
    }
}

/// What the screen is started with, from the configuration and the environment.
pub fn options(universe: Arc<Universe>, settings: &Settings) -> tui::Options {
    let lookup = Arc::clone(&universe);
    let understand: tui::Understand = Arc::new(move |text: &str, calendar: &Calendar| {
        let today = exchange_date(clock::system_now());
        let context = ParseContext { today, lookup: lookup.as_ref(), calendar };
        let command = command::parse(text, &context);
        let words = match &command {
            arbion::command::types::Command::Clarify { .. } => String::new(),
            other => command::explain(other),
        };
        tui::Understanding { command, words }
    });
    let screen = &settings.loaded.config.screen;
    let colors = match screen.colour.depth(&settings.environment) {
        ColourDepth::None => tui::ColorDepth::None,
        ColourDepth::Ansi16 => tui::ColorDepth::Ansi16,
        ColourDepth::Indexed => tui::ColorDepth::Indexed,
        ColourDepth::True => tui::ColorDepth::True,
    };
    debug_assert!(screen.colour != Colour::Never || matches!(colors, tui::ColorDepth::None));
    tui::Options {
        symbols: Some(universe),
        colors,
        theme: screen.theme.clone(),
        themes: arbion::config::themes(&settings.paths),
        // These draw no more than letters: a console without the glyphs, and what calls itself dumb.
        ascii: screen.ascii || matches!(settings.environment.term.as_str(), "linux" | "dumb"),
        mouse: screen.mouse,
        time_zone: screen.zone.time_zone(),
        frames_per_second: screen.fps,
        bytes_per_second: screen.bytes_per_second,
        notice: match settings.loaded.config.alerts.terminal {
            TerminalNotice::Off => tui::Notice::Off,
            TerminalNotice::Bell => tui::Notice::Bell,
            TerminalNotice::Osc9 => tui::Notice::Osc9,
            TerminalNotice::Osc777 => tui::Notice::Osc777,
        },
        lock_after: (screen.lock_minutes > 0)
            .then(|| Duration::from_secs(60 * u64::from(screen.lock_minutes))),
        top_line: screen.top_line.clone(),
        keys: settings.loaded.config.keys.clone(),
        macros: settings.loaded.config.macros.clone(),
        ..tui::Options::new(understand)
    }
}

/// Becomes the program with the screen of another profile. Nothing of this one is left then: the system gives the new one memory of its own,
/// and every file and socket of ours closes. Returns only with why it could not be.
pub fn become_that_of(settings: &Settings, request: &ScreenRequest, profile: &ProfileName) -> CliError {
    let again = |why: &dyn std::fmt::Display| {
        CliError::internal(format!(
            "the screen of {profile} does not open ({why}); try: arbion --profile {profile}"
        ))
    };
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return again(&error),
    };
    let mut command = Command::new(program);
    if let SessionKind::Demo(demo) = &request.kind {
        command.arg("demo");
        command.args(demo.seed.map(|seed| format!("--seed={seed}")));
        command.args(request.plain.then_some("--plain"));
        command.args(request.size.map(|(columns, rows)| format!("--size={columns}x{rows}")));
    }
    command.args(["--profile", profile.as_str()]);
    if let Some(file) = &settings.config_file {
        command.arg("--config").arg(file);
    }
    again(&command.exec())
}
