//! The program around the command line: engines, the screen, backtests and the doctor, as `cli` asks for them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arbion::cli::host::{
    BacktestReport, BacktestRequest, CredentialAsk, DemoRun, DoctorCheck, Host, LoginRequest, LoginSecrets,
    Mistake, Picture, RunAs, ScreenRequest, SessionKind, Settings, SigningIn, SweepReport, TradesFormat,
    Verified, WalkReport, Windows,
};
use arbion::cli::imported::{BarsToWrite, ImportReport, ImportRequest};
use arbion::cli::{CliError, EXIT_LOCKED};
use arbion::client::Session;
use arbion::client::keeping::{Keep, Kept};
use arbion::client::progress::Progress;
use arbion::client::secret::AskSecret;
use arbion::config::{Loaded, Paths, ProfileFiles, ProfileName, TypedCommands};
use arbion::domain::audit::AuditAction;
use arbion::domain::execution::Execution;
use arbion::domain::instrument::SymbolLookup;
use arbion::domain::limits::TradingState;
use arbion::domain::snapshot::Snapshot;
use arbion::engine::{self, Access, Running, clock};
use arbion::keeping::Recorder;
use arbion::market::symbols::Universe;
use arbion::store::lock::Holder;
use arbion::store::{self, ExportFormat, Store, StoreError};
use arbion::tui;
use async_trait::async_trait;
use jiff::Timestamp;

use crate::late::Late;
use crate::process::{self, Behind};
use crate::runs::{clear, engine_settings};
use crate::screen::{Next, SignIn};
use crate::{backtests, checked, doctor, exports, imports, keeper, linger, logins, supervisor, walks};

/// How long another process's engine may take to halt.
const HALT_MAX: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile.
const HALT_EVERY: Duration = Duration::from_millis(50);
/// How long the first quotes of a new engine may take.
const READY: Duration = Duration::from_secs(5);

/// Files of this process are for its owner alone, whatever the shell's mask says, and its memory is written into none (reliability M2).
pub fn private_files() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // Where the system refuses that, it does not let a program dump either.
    setrlimit(Resource::Core, none).unwrap_or_default();
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .unwrap_or_default();
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Everything the command line needs.
pub struct Program {
    /// What this process runs, such as `arbion demo`: shown to whoever finds the profile in use.
    command: String,
    universe: OnceLock<Arc<Universe>>,
    engines: Mutex<Vec<(Running, Option<PathBuf>)>>,
    /// The vault that a kept login was read from and is tried with: what is refreshed meanwhile goes back there.
    vault: Mutex<Option<Arc<Recorder>>>,
    /// The sign-in that a screen was left for.
    sign_in: OnceLock<SignIn>,
}

impl Program {
    /// Nothing is started yet. Of the arguments only the commands are kept: what follows them is the user's own.
    pub fn new(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let command = arguments
            .into_iter()
            .skip(1)
            .filter_map(|word| word.into_string().ok())
            .find(|word| word.chars().all(|c| c.is_ascii_lowercase()))
            .map_or_else(|| "arbion".to_owned(), |word| format!("arbion {word}"));
        Self {
            command,
            universe: OnceLock::new(),
            engines: Mutex::default(),
            vault: Mutex::default(),
            sign_in: OnceLock::new(),
        }
    }

    /// Another one with the same universe and no engines, for a thread of its own.
    fn like_this(&self) -> Self {
        Self {
            command: self.command.clone(),
            universe: OnceLock::from(self.universe()),
            engines: Mutex::default(),
            vault: Mutex::default(),
            sign_in: OnceLock::new(),
        }
    }

    fn universe(&self) -> Arc<Universe> {
        Arc::clone(self.universe.get_or_init(|| Arc::new(Universe::load())))
    }

    /// Starts the engine that is asked for. The second value is a throw-away directory to remove afterwards.
    fn start(
        &self,
        settings: &Settings,
        kind: &SessionKind,
        on_screen: bool,
        access: Access,
    ) -> Result<(Running, Option<PathBuf>), CliError> {
        let (mut engine, temporary) = engine_settings(settings, kind, on_screen)?;
        engine.command.clone_from(&self.command);
        engine.access = access;
        if access != Access::Read && temporary.is_none() {
            engine.audit = keeper::recorder(settings);
        }
        let running = engine::launch(engine, self.universe()).map_err(|error| engine_error(&error))?;
        Ok((running, temporary))
    }

    /// An engine that is up. Whatever only reads does so beside the engine of another process, where one holds the profile.
    async fn up(
        &self,
        settings: &Settings,
        kind: &SessionKind,
    ) -> Result<(Running, Option<PathBuf>), CliError> {
        let reads = *kind == SessionKind::Read;
        let access = if reads { Access::Glance } else { Access::Trade };
        let (mut running, temporary) = self.start(settings, kind, false, access)?;
        match running.started().await {
            Ok(()) => Ok((running, temporary)),
            Err(engine::EngineError::Store(StoreError::Locked { .. })) if reads => {
                let (mut running, temporary) = self.start(settings, kind, false, Access::Read)?;
                running.started().await.map_err(|error| engine_error(&error))?;
                Ok((running, temporary))
            }
            Err(error) => {
                drop(running);
                clear(temporary);
                Err(engine_error(&error))
            }
        }
    }
}

/// A line to the profile's engine in a process of its own: where one runs, or where the command trades and wants one.
async fn attached(settings: &Settings, kind: &SessionKind) -> Result<Option<Arc<dyn Session>>, CliError> {
    match kind {
        SessionKind::Trade if settings.loaded.config.engine.detach => process::find_or_start(settings).await,
        SessionKind::Read | SessionKind::Trade => {
            Ok(process::find(settings).await?.map(|session| Arc::new(session) as Arc<dyn Session>))
        }
        SessionKind::Demo(_) | SessionKind::Replay(_) => Ok(None),
    }
}

#[async_trait]
impl Host for Program {
    fn lookup(&self) -> &dyn SymbolLookup {
        self.universe.get_or_init(|| Arc::new(Universe::load())).as_ref()
    }

    fn now(&self) -> Timestamp {
        clock::system_now()
    }

    fn admit(&self, settings: &Settings, when_locked: bool) -> Result<(), CliError> {
        keeper::admit(settings, when_locked)
    }

    fn is_first_start(&self, settings: &Settings) -> bool {
        keeper::is_first_start(settings)
    }

    fn keep(&self, settings: &Settings, keep: Keep, ask: &mut dyn AskSecret) -> Result<Kept, CliError> {
        keeper::carry_out(settings, keep, ask)
    }

    fn credential_fields(&self, broker: &str, oauth: bool) -> Result<Vec<CredentialAsk>, CliError> {
        logins::fields(broker, oauth)
    }

    fn sealed_login(
        &self,
        settings: &Settings,
        broker: &str,
        live: bool,
        ask: &mut dyn AskSecret,
    ) -> Result<LoginRequest, CliError> {
        let key = logins::key(broker, live)?;
        let (vault, sealed) = keeper::login(settings, &key.secret_name(), ask)?;
        *self.vault.lock().unwrap_or_else(PoisonError::into_inner) = Some(vault);
        let secrets = LoginSecrets::Sealed(sealed);
        Ok(LoginRequest { broker: broker.to_owned(), live, name: None, secrets, tokens: None })
    }

    async fn begin_sign_in(
        &self,
        settings: &Settings,
        request: &LoginRequest,
    ) -> Result<Option<Box<dyn SigningIn>>, CliError> {
        logins::begin_sign_in(settings, request)
    }

    async fn verify_login(&self, settings: &Settings, request: LoginRequest) -> Result<Verified, CliError> {
        let vault = self.vault.lock().unwrap_or_else(PoisonError::into_inner).take();
        logins::verify(settings, request, vault).await
    }

    async fn session(&self, settings: &Settings, kind: &SessionKind) -> Result<Arc<dyn Session>, CliError> {
        if let Some(session) = attached(settings, kind).await? {
            return Ok(session);
        }
        let (running, temporary) = self.up(settings, kind).await?;
        let session = running.session();
        let mut snapshots = session.snapshots();
        let up = async { snapshots.wait_for(|snapshot| !snapshot.accounts.is_empty()).await.is_ok() };
        if !matches!(tokio::time::timeout(READY, up).await, Ok(true)) {
            return Err(CliError::internal("the engine is not ready"));
        }
        self.engines
            .lock()
            .map_err(|_| CliError::internal("a thread has panicked"))?
            .push((running, temporary));
        Ok(Arc::new(session))
    }

    async fn running_engine(&self, settings: &Settings) -> Result<Option<Arc<dyn Session>>, CliError> {
        Ok(process::find(settings).await?.map(|session| Arc::new(session) as Arc<dyn Session>))
    }

    async fn engine_of(
        &self,
        settings: &Settings,
        profile: Option<&ProfileName>,
    ) -> Result<Option<Arc<dyn Session>>, CliError> {
        let found = match profile {
            Some(of) if *of != settings.profile => process::find_of(settings, of).await?,
            _ => process::find(settings).await?,
        };
        Ok(found.map(|session| Arc::new(session) as Arc<dyn Session>))
    }

    async fn start_engine(&self, settings: &Settings) -> Result<Arc<dyn Session>, CliError> {
        match process::find_or_start(settings).await? {
            Some(session) => Ok(session),
            None => Err(self.why_not(settings).await),
        }
    }

    async fn logout_warning(&self, settings: &Settings) -> Option<String> {
        // A desktop's own terminal is closed long before its session.
        if !settings.environment.ssh {
            return None;
        }
        linger::ask().await?.warning()
    }

    async fn run_engine(&self, settings: &Settings, run_as: RunAs) -> Result<(), CliError> {
        if matches!(run_as, RunAs::Detached | RunAs::Supervised) {
            process::let_go();
        }
        if matches!(run_as, RunAs::Detached | RunAs::Watched) && settings.loaded.config.engine.restart {
            return supervisor::supervise(settings).await;
        }
        let (running, temporary) = self.up(settings, &SessionKind::Trade).await?;
        let audit = running.audit();
        let result = process::be(settings, running, audit).await;
        clear(temporary);
        result
    }

    async fn halt_elsewhere(&self, settings: &Settings, all: bool) -> Result<(), CliError> {
        let directory = settings.paths.profile_dir(&settings.profile);
        engine::request_halt(&directory, all).map_err(|error| CliError::storage(error.to_string()))?;
        let deadline = clock::monotonic() + HALT_MAX;
        while clock::monotonic() < deadline {
            let state = Store::open_reader(&directory).and_then(|store| store.get_state("trading_state"));
            if let Ok(Some(state)) = state
                && serde_json::from_str(&state).is_ok_and(|state: TradingState| state == TradingState::Halted)
            {
                return Ok(());
            }
            tokio::time::sleep(HALT_EVERY).await;
        }
        let file = directory.join(engine::HALT_FILE);
        Err(CliError::new(
            "OUTCOME_UNKNOWN",
            8,
            format!("the running engine has not answered; it halts as soon as it sees {}", file.display()),
        ))
    }

    async fn restore(&self, settings: &Settings, from: &Path) -> Result<Option<PathBuf>, CliError> {
        if process::find(settings).await?.is_some() {
            let text = "the profile's engine runs; end it first: arbion engine stop";
            return Err(CliError::new("LOCKED", EXIT_LOCKED, text));
        }
        let (directory, from) = (settings.paths.profile_dir(&settings.profile), from.to_owned());
        let holder = Holder::this_process(&self.command, false);
        let file = from.display().to_string();
        let restored = tokio::task::spawn_blocking(move || {
            let _lock = store::lock::ProfileLock::acquire(&directory, &holder)?;
            Store::restore(&directory, &from, clock::system_now())
        });
        let restored = restored.await.map_err(|error| CliError::internal(error.to_string()))?;
        if let Some(recorder) = keeper::recorder(settings) {
            let result = restored.as_ref().map_or_else(ToString::to_string, |_| "ok".to_owned());
            recorder.record(AuditAction::Restored, "command line", &file, &result);
        }
        restored.map_err(|error| engine_error(&error.into()))
    }

    async fn close(&self) -> Result<(), CliError> {
        let engines = std::mem::take(
            &mut *self.engines.lock().map_err(|_| CliError::internal("a thread has panicked"))?,
        );
        // Stopping waits for the last write.
        tokio::task::spawn_blocking(move || {
            for (running, temporary) in engines {
                drop(running);
                clear(temporary);
            }
        })
        .await
        .map_err(|error| CliError::internal(error.to_string()))
    }

    async fn screen(
        &self,
        settings: &Settings,
        request: &ScreenRequest,
    ) -> Result<Option<ProfileName>, CliError> {
        let mut engine = match request.first_start {
            true => None,
            false => Some(self.screen_engine(settings, request)?),
        };
        let late = Late::new(Self::first_picture(settings)?);
        let session = engine.as_ref().map_or_else(|| late.session(), Behind::session);
        let replay = matches!(request.kind, SessionKind::Replay(_));
        let switch = (!replay).then(|| Arc::new(crate::screen::Switch::default()));
        let worker = crate::screen::Worker {
            host: self.like_this(),
            settings: settings.clone(),
            session: Arc::clone(&session),
            switch: switch.clone(),
            signs_in: request.kind == SessionKind::Trade,
        };
        let typed = TypedCommands::of(&settings.paths.profile_dir(&settings.profile));
        // Its thread starts with the first command, not before the first frame.
        let writer = OnceLock::new();
        // What a replay's screen shows is no more kept than what it trades.
        let files = ProfileFiles::of(&settings.paths.profile_dir(&settings.profile));
        let keeps = !replay;
        let (kept, kept_trouble) = if keeps { files.load_screen() } else { (None, None) };
        let options = tui::Options {
            kept,
            kept_trouble,
            settings: settings.loaded.options(),
            tour: keeps,
            leave: switch.as_ref().map(|switch| Arc::clone(&switch.leave)),
            chores: Some(crate::screen::doer(settings, files, keeps)),
            works: Some(Arc::new(worker)),
            history: typed.load(),
            // A thread that is gone has said so in the log.
            remember: Some(Arc::new(move |line| {
                writer.get_or_init(|| typed.writer()).send(line).unwrap_or_default();
            })),
            ..crate::screen::options(self.universe(), settings)
        };
        // A terminal without a cursor to move can show nothing else, and of one without a name nobody knows what it can.
        let plain = request.plain
            || settings.loaded.config.screen.plain
            || matches!(settings.environment.term.as_str(), "" | "dumb");
        let screen = async {
            if plain { tui::plain(session, options).await } else { tui::run(session, options).await }
        };
        tokio::pin!(screen);
        let starting = async {
            if engine.is_none() {
                keeper::admit_later(settings).await.map_err(Some)?;
                let here = self.screen_engine(settings, request).map_err(Some)?;
                late.attach(here.session());
                engine = Some(here);
            }
            match &mut engine {
                Some(engine) => engine.started().await,
                None => Ok(()),
            }
        };
        // The screen paints at once; an engine that cannot start ends it with the reason.
        let result = tokio::select! {
            result = &mut screen => result.map_err(|error| CliError::internal(error.to_string())),
            started = starting => match started {
                Ok(()) => screen.await.map_err(|error| CliError::internal(error.to_string())),
                Err(Some(error)) => Err(error),
                Err(None) => Err(self.why_not(settings).await),
            },
        };
        if let Some(engine) = engine {
            engine.end().await?;
        }
        result?;
        Ok(match switch.as_ref().and_then(|switch| switch.next()) {
            Some(Next::Profile(to)) => Some(to.clone()),
            // The same screen again, once that is done.
            Some(Next::SignIn(sign_in)) => {
                self.sign_in.get_or_init(|| sign_in.clone());
                Some(settings.profile.clone())
            }
            None => None,
        })
    }

    fn go_on_as(&self, settings: &Settings, request: &ScreenRequest, profile: &ProfileName) -> CliError {
        match self.sign_in.get() {
            Some(sign_in) => sign_in.become_it(settings),
            None => crate::screen::become_that_of(settings, request, profile),
        }
    }

    async fn screenshot(
        &self,
        settings: &Settings,
        session: Arc<dyn Session>,
        size: (u16, u16),
        picture: Picture,
    ) -> Result<String, CliError> {
        let snapshot = Arc::clone(&session.snapshots().borrow());
        let picture = match picture {
            Picture::Text => tui::Picture::Text,
            Picture::Svg => tui::Picture::Svg,
        };
        // A picture has all the colours and characters there are, whatever the terminal it is made from.
        let mut options = crate::screen::options(self.universe(), settings);
        if picture == tui::Picture::Svg {
            options.ascii = settings.loaded.config.screen.ascii;
            if options.colors != tui::ColorDepth::None {
                options.colors = tui::ColorDepth::True;
            }
        }
        tui::screenshot(&options, snapshot, session, size, picture)
            .await
            .map_err(|error| CliError::usage(error.to_string()))
    }

    async fn backtest(
        &self,
        settings: &Settings,
        request: &BacktestRequest,
        progress: &Progress,
    ) -> Result<BacktestReport, CliError> {
        let (settings, request, progress) = (settings.clone(), request.clone(), progress.clone());
        tokio::task::spawn_blocking(move || backtests::run(&settings, &request, &progress))
            .await
            .map_err(|error| CliError::internal(error.to_string()))?
    }

    async fn sweep(
        &self,
        settings: &Settings,
        request: &BacktestRequest,
        sets: Vec<BTreeMap<String, String>>,
        progress: &Progress,
    ) -> Result<SweepReport, CliError> {
        let (settings, request, progress) = (settings.clone(), request.clone(), progress.clone());
        tokio::task::spawn_blocking(move || backtests::sweep(&settings, &request, &sets, &progress))
            .await
            .map_err(|error| CliError::internal(error.to_string()))?
    }

    async fn walk_forward(
        &self,
        settings: &Settings,
        request: &BacktestRequest,
        sets: Vec<BTreeMap<String, String>>,
        windows: (Windows, String),
        progress: &Progress,
    ) -> Result<WalkReport, CliError> {
        let (settings, request, progress) = (settings.clone(), request.clone(), progress.clone());
        let (windows, rank) = windows;
        tokio::task::spawn_blocking(move || {
            walks::run(&settings, &request, &sets, (windows, &rank), &progress)
        })
        .await
        .map_err(|error| CliError::internal(error.to_string()))?
    }

    fn mistakes(&self, loaded: &Loaded, paths: &Paths) -> Vec<Mistake> {
        checked::mistakes(loaded, paths)
    }

    async fn doctor(&self, settings: &Settings) -> Vec<DoctorCheck> {
        doctor::checks(&self.command, settings, self.universe().listings().len()).await
    }

    async fn import_bars(
        &self,
        settings: &Settings,
        request: &ImportRequest,
        progress: &Progress,
    ) -> Result<ImportReport, CliError> {
        let (settings, request, progress) = (settings.clone(), request.clone(), progress.clone());
        tokio::task::spawn_blocking(move || imports::bars(&settings, &request, &progress))
            .await
            .map_err(|error| CliError::internal(error.to_string()))?
    }

    fn bars_file(&self, bars: &BarsToWrite<'_>) -> Result<(Vec<u8>, usize), CliError> {
        exports::bars(bars)
    }

    fn trades_file(&self, format: TradesFormat, fills: &[Execution]) -> String {
        store::render(
            match format {
                TradesFormat::Csv => ExportFormat::Csv,
                TradesFormat::Json => ExportFormat::Json,
            },
            fills,
        )
    }
}

impl Program {
    /// The engine behind a screen: that of the profile in a process of its own, started if need be, or one here.
    fn screen_engine(&self, settings: &Settings, request: &ScreenRequest) -> Result<Behind, CliError> {
        let own = match &request.kind {
            SessionKind::Trade => settings.loaded.config.engine.detach,
            // The demo trades the profile's own account: where its engine runs, that one does.
            SessionKind::Demo(DemoRun { seed: None }) => process::listens(settings),
            _ => false,
        };
        let here = || self.start(settings, &request.kind, true, Access::Trade);
        if !own {
            let (running, temporary) = here()?;
            return Ok(Behind::here(running, temporary));
        }
        Behind::elsewhere(settings, Self::first_picture(settings)?)
    }

    /// What a screen shows before there is an engine.
    fn first_picture(settings: &Settings) -> Result<Snapshot, CliError> {
        let (engine, _) = engine_settings(settings, &SessionKind::Trade, true)?;
        Ok(engine::first_picture(&engine))
    }

    /// Why an engine in a process of its own did not start: what one in this process says.
    async fn why_not(&self, settings: &Settings) -> CliError {
        match self.up(settings, &SessionKind::Trade).await {
            Err(error) => error,
            Ok((running, temporary)) => {
                drop(running);
                clear(temporary);
                let log = settings.paths.log_file(&settings.profile);
                CliError::internal(format!("the engine ended as it started: {}", process::tail(&log)))
            }
        }
    }
}

/// What an engine that does not start says, as the command line says it.
pub fn engine_error(error: &engine::EngineError) -> CliError {
    match error {
        engine::EngineError::Store(StoreError::Locked { .. }) => {
            CliError::new("LOCKED", EXIT_LOCKED, error.to_string())
        }
        engine::EngineError::Store(_)
        | engine::EngineError::Leftover { .. }
        | engine::EngineError::Venue { .. } => CliError::storage(error.to_string()),
        engine::EngineError::Clock(_) | engine::EngineError::Bars(_) => CliError::usage(error.to_string()),
        _ => CliError::internal(error.to_string()),
    }
}
