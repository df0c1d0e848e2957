//! What the screen is started with, and what it has done with files: its own state kept, tables written out, options set.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arbion::brokers::BrokerKind;
use arbion::brokers::settings::BrokerKindError;
use arbion::cli::host::{ScreenRequest, SessionKind, Settings};
use arbion::cli::{CliError, Work};
use arbion::client::Session;
use arbion::client::keeping::{Keep, Kept, ProfileLine, ProfileView};
use arbion::client::secret::{AskSecret, Secret, Wanted};
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

use crate::program::Program;
use crate::runs::config_files;
use crate::{keeper, process};

/// Does the chores of one screen. Without `keeps`, nothing of its state is kept.
pub fn doer(settings: &Settings, files: ProfileFiles, keeps: bool) -> Chores {
    let config = config_files(settings);
    let of = settings.clone();
    Arc::new(move |chore| match chore {
        Chore::Keep(_) if !keeps => Ok(String::new()),
        Chore::Keep(text) => {
            files.save_screen(&text).map(|()| String::new()).map_err(|error| error.to_string())
        }
        Chore::Profiles => profiles(&of).map(|lines| ProfileLine::write(&lines)),
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

/// Nobody is asked for a passphrase: a list needs none.
struct Nobody;

impl AskSecret for Nobody {
    fn ask(&mut self, _: Wanted) -> Result<Option<Secret>, String> {
        Ok(None)
    }
}

/// The profiles that the one of these settings may see.
fn profiles(settings: &Settings) -> Result<Vec<ProfileLine>, String> {
    let kept = keeper::carry_out(settings, Keep::ProfileList, &mut Nobody).map_err(|error| error.message)?;
    let Kept::Profiles(views) = kept else { return Err("the profiles cannot be read".to_owned()) };
    let line = |view: ProfileView| {
        let running = view
            .name
            .parse::<ProfileName>()
            .is_ok_and(|profile| process::listens(&Settings { profile, ..settings.clone() }));
        let ProfileView { name, role, disabled, locked, own, .. } = view;
        ProfileLine { name, role, disabled, locked, running, own }
    };
    Ok(views.into_iter().map(line).collect())
}

/// What follows a screen that was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The screen of another profile.
    Profile(ProfileName),
    /// A sign-in at a broker, then this screen again.
    SignIn(SignIn),
}

/// A sign-in at a broker, as the command line does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    broker: BrokerKind,
    /// The real account, not the broker's paper one.
    live: bool,
}

impl SignIn {
    /// What a line such as `connect schwab live` asks for, or what is wrong with it; none where it is no such line.
    fn read(line: &str) -> Option<Result<Self, String>> {
        let rest = line.strip_prefix("connect").filter(|rest| rest.is_empty() || rest.starts_with(' '))?;
        let mut words = rest.split_whitespace();
        let Some(name) = words.next() else {
            let known: Vec<&str> = BrokerKind::ALL.iter().map(|kind| kind.as_str()).collect();
            return Some(Err(format!("say which broker: connect NAME, of {}", known.join(", "))));
        };
        let live = match (words.next(), words.next()) {
            (None, _) => false,
            (Some("live" | "--live"), None) => true,
            (Some("paper"), None) => false,
            _ => {
                return Some(Err(
                    "after the broker comes live, or nothing; more by: arbion connect".to_owned()
                ));
            }
        };
        Some(
            name.parse()
                .map(|broker| Self { broker, live })
                .map_err(|error: BrokerKindError| error.to_string()),
        )
    }

    fn words(&self) -> String {
        let live = if self.live { ", the real account," } else { "" };
        format!("leave the screen to sign in at {}{live} and come back", self.broker)
    }

    /// Becomes it, in this terminal, and after it the screen again. Nothing of this process is left to read what is typed there. Returns only with
    /// why it could not be.
    pub fn become_it(&self, settings: &Settings) -> CliError {
        let program = match std::env::current_exe() {
            Ok(program) => program,
            Err(error) => return self.not_here(&error),
        };
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SIGN_IN]).arg(program).arg(self.broker.as_str());
        command.arg(if self.live { "--live" } else { "" });
        command.args(["--profile", settings.profile.as_str()]);
        if let Some(file) = &settings.config_file {
            command.arg("--config").arg(file);
        }
        self.not_here(&command.exec())
    }

    fn not_here(&self, why: &dyn std::fmt::Display) -> CliError {
        CliError::internal(format!(
            "nobody can sign in from here ({why}); try: arbion connect {}",
            self.broker
        ))
    }
}

/// The command line's sign-in, a key to read what it said, then the screen. Each part comes as an argument of its own; an interrupt ends
/// the sign-in alone. Where it went well it waits for that key itself: the engine that knows the passphrase stays until the screen is there.
const SIGN_IN: &str = "trap : INT; b=$1; l=$2; shift 2; \"$0\" connect \"$b\" $l --wait \"$@\" || \
                       { echo 'Enter brings the screen back.' >&2; read -r _; }; exec \"$0\" \"$@\"";

/// The way from a screen to what follows it: the screen is left, and the program becomes a new one.
#[derive(Default)]
pub struct Switch {
    next: OnceLock<Next>,
    /// Has the screen left.
    pub leave: Arc<Notify>,
}

impl Switch {
    /// What follows, once the screen has left.
    pub fn next(&self) -> Option<&Next> {
        self.next.get()
    }

    fn leave_for(&self, next: Next) -> Result<(), String> {
        self.next.set(next).map_err(|_| "the screen is being left".to_owned())?;
        self.leave.notify_one();
        Ok(())
    }

    /// Goes on as this one, where it may be used; says so, or why not.
    async fn go(&self, settings: &Settings, to: ProfileName) -> Result<String, String> {
        let said = format!("The screen goes on as {to}.");
        let theirs = Settings { profile: to.clone(), ..settings.clone() };
        let admitted = tokio::task::spawn_blocking(move || keeper::admit(&theirs, false)).await;
        admitted.map_err(|error| error.to_string())?.map_err(|error| error.message)?;
        self.leave_for(Next::Profile(to))?;
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
    /// The screen is that of the profile's own engine, which a sign-in tells of a new login.
    pub signs_in: bool,
}

impl Worker {
    /// The sign-in that a line asks for, or what is wrong with it; none where it is no such line.
    fn sign_in(&self, line: &str) -> Option<Result<SignIn, String>> {
        let read = SignIn::read(line)?;
        let here = self.switch.is_some() && self.signs_in;
        Some(if here {
            read
        } else {
            Err("the demo has no logins; leave it, and run: arbion connect".to_owned())
        })
    }

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
        if let Some(sign_in) = self.sign_in(line) {
            return Some(sign_in.map(|sign_in| sign_in.words()));
        }
        Work::read(line, home_directory().as_deref())
            .map(|read| read.map(|work| work.words()).map_err(|error| error.message))
    }

    async fn carry_out(&self, doing: &tui::Doing) -> Result<String, String> {
        if let (Some(to), Some(switch)) = (self.other_profile(&doing.line), &self.switch) {
            return switch.go(&self.settings, to?).await;
        }
        if let (Some(sign_in), Some(switch)) = (self.sign_in(&doing.line), &self.switch) {
            switch.leave_for(Next::SignIn(sign_in?))?;
            return Ok("The screen comes back after it.".to_owned());
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
        ascii: draws_ascii(settings),
        mouse: screen.mouse,
        time_zone: screen.zone.time_zone(),
        frames_per_second: screen.fps,
        bytes_per_second: screen.bytes_per_second,
        notice: notice(settings),
        lock_after: (screen.lock_minutes > 0)
            .then(|| Duration::from_secs(60 * u64::from(screen.lock_minutes))),
        top_line: screen.top_line.clone(),
        keys: settings.loaded.config.keys.clone(),
        macros: settings.loaded.config.macros.clone(),
        ..tui::Options::new(understand)
    }
}

/// Is ASCII all that can be drawn: as the configuration says, else by the terminal and the locale. A console without the glyphs, what calls
/// itself dumb, and a locale without UTF-8 show no more than letters.
fn draws_ascii(settings: &Settings) -> bool {
    let (screen, environment) = (&settings.loaded.config.screen, &settings.environment);
    let said = settings.loaded.origins.contains_key("screen.ascii");
    screen.ascii || (!said && (environment.ascii || is_poor(settings)))
}

/// How the terminal is told of alerts. A console and what calls itself dumb may not know where a message ends: they are rung alone.
fn notice(settings: &Settings) -> tui::Notice {
    let wanted = match settings.loaded.config.alerts.terminal {
        TerminalNotice::Off => tui::Notice::Off,
        TerminalNotice::Bell => tui::Notice::Bell,
        TerminalNotice::Osc9 => tui::Notice::Osc9,
        TerminalNotice::Osc777 => tui::Notice::Osc777,
    };
    if is_poor(settings) { wanted.without_message() } else { wanted }
}

/// A terminal that shows no more than letters, and may not know the end of what it does not understand.
fn is_poor(settings: &Settings) -> bool {
    matches!(settings.environment.term.as_str(), "linux" | "dumb")
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

#[cfg(test)]
mod tests {
    use arbion::config::{Environment, Loaded, Paths};

    use super::*;

    #[test]
    fn ascii_is_drawn_as_the_file_says_else_by_terminal_and_locale() {
        let home = tempfile::tempdir().unwrap();
        let draws = |file: &str, term: &str, locale: &str| {
            let pairs = [("ARBION_HOME", home.path().to_str().unwrap()), ("TERM", term), ("LC_ALL", locale)];
            let environment = Environment::from_lookup(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
            });
            draws_ascii(&Settings {
                paths: Paths::resolve(&environment).unwrap(),
                profile: "default".parse().unwrap(),
                loaded: Loaded::from_layers(&[("f.toml".into(), file.to_owned())]).unwrap(),
                environment,
                config_file: None,
            })
        };
        for (term, locale, expected) in [
            ("xterm-256color", "C.UTF-8", false),
            ("xterm-256color", "", false),
            ("xterm-256color", "C", true),
            ("xterm-256color", "POSIX", true),
            ("linux", "C.UTF-8", true),
            ("dumb", "C.UTF-8", true),
        ] {
            assert_eq!(draws("", term, locale), expected, "{term} {locale}");
            assert!(draws("[screen]\nascii = true\n", term, locale));
            assert!(!draws("[screen]\nascii = false\n", term, locale));
        }
    }

    #[test]
    fn a_line_says_where_to_sign_in() {
        let read =
            |line: &str| SignIn::read(line).map(|read| read.map(|sign_in| (sign_in.broker, sign_in.live)));
        assert_eq!(read("connect alpaca"), Some(Ok((BrokerKind::Alpaca, false))));
        assert_eq!(read("connect schwab live"), Some(Ok((BrokerKind::Schwab, true))));
        assert_eq!(read("connect Coinbase paper"), Some(Ok((BrokerKind::Coinbase, false))));
        for (line, words) in [
            ("connect", "say which broker"),
            ("connect nobody", "'nobody' is no broker"),
            ("connect alpaca live twice", "after the broker comes live"),
        ] {
            assert!(read(line).unwrap().unwrap_err().contains(words), "{line}");
        }
        assert_eq!(read("connected"), None);
    }

    /// What stands for the program here is the shell, and each of its commands a file that it reads.
    #[test]
    fn a_sign_in_that_went_well_waits_itself_and_the_screen_follows_either() {
        let temp = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(temp.path().join(name), text).unwrap();
        write("connect", "echo \"$@\" >> log; exit $(cat code)");
        write("screen", "echo \"screen $@\" >> log");
        for (code, waits) in [("0", false), ("2", true)] {
            write("code", code);
            write("log", "");
            let mut command = Command::new("/bin/sh");
            command.args(["-c", SIGN_IN, "/bin/sh", "alpaca", "", "screen", "default"]);
            command.current_dir(temp.path()).stdin(std::process::Stdio::null());
            let said = String::from_utf8(command.output().unwrap().stderr).unwrap();
            let log = std::fs::read_to_string(temp.path().join("log")).unwrap();
            assert_eq!(log, "alpaca --wait screen default\nscreen default\n", "{said}");
            assert_eq!(said.contains("Enter brings the screen back."), waits, "{said}");
        }
    }
}
