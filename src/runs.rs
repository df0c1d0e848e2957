//! What an engine of each kind is started with: the profile's own, a demo's, a replay's.

use std::path::PathBuf;

use arbion::brokers::BrokerKind;
use arbion::cli::CliError;
use arbion::cli::host::{DemoRun, SessionKind, Settings};
use arbion::config::{CalendarFile, ConfigFiles, CryptoPrices, PaperClock};
use arbion::domain::limits::RiskLimits;
use arbion::engine::{self, Access, FeedChoice, clock};
use arbion::store;
use rust_decimal::prelude::ToPrimitive;

use crate::venue::venue_config;

/// Seconds of data per second of life of a replay on the screen: a session every two seconds.
const REPLAY_SPEED: u32 = 43_200;

/// The settings of an engine of this kind, and a throw-away directory to remove afterwards.
pub fn engine_settings(
    settings: &Settings,
    kind: &SessionKind,
    on_screen: bool,
) -> Result<(engine::Settings, Option<PathBuf>), CliError> {
    let config = &settings.loaded.config;
    let mut venue = venue_config(settings);
    let mut directory = settings.paths.profile_dir(&settings.profile);
    let mut temporary = None;
    let mut feed = FeedChoice::Simulated;
    match kind {
        SessionKind::Read | SessionKind::Trade => {}
        SessionKind::Demo(DemoRun { seed }) => {
            venue.seed = seed.unwrap_or(venue.seed);
            // What is traded on the screen is kept with the profile; a script starts from nothing each time.
            if !on_screen {
                temporary = Some(throw_away()?);
            }
        }
        SessionKind::Replay(run) => {
            venue.seed = run.seed.unwrap_or(venue.seed);
            feed = FeedChoice::Replay { file: run.file.clone(), speed: run.speed.unwrap_or(REPLAY_SPEED) };
            temporary = Some(throw_away()?);
        }
    }
    if let Some(path) = &temporary {
        directory = path.join("run");
    }
    // Limits that nobody set are those of a simulated account, sized to it.
    let base = match kind {
        SessionKind::Replay(_) => RiskLimits::bar_mode(venue.opening_cash),
        _ => RiskLimits::simulated(venue.opening_cash),
    };
    let limits = Some(settings.loaded.risk_over(base));
    let engine = engine::Settings {
        access: Access::Trade,
        audit: None,
        command: String::new(),
        watchlists: config.watchlists.clone(),
        directory,
        profile: settings.profile.as_str().to_owned(),
        clock: config.paper.clock,
        market_seed: venue.seed,
        venue,
        calendar: CalendarFile::of(&settings.paths.profile_dir(&settings.profile)),
        limits,
        config: temporary.is_none().then(|| config_files(settings)),
        public_crypto: public_crypto(settings, kind),
        live_limits: config.risk.clone(),
        brokers: config.brokers.clone(),
        exits: config.exits.by_class(),
        updates_per_second: config.market.updates_per_symbol.to_f64().unwrap_or(2.0),
        feed,
        desktop_alerts: config.alerts.desktop,
        alert_command: (!config.alerts.command.is_empty()).then(|| PathBuf::from(&config.alerts.command)),
    };
    Ok((engine, temporary))
}

/// Where the configuration of a profile lies.
pub fn config_files(settings: &Settings) -> ConfigFiles {
    ConfigFiles {
        paths: settings.paths.clone(),
        profile: settings.profile.clone(),
        only: settings.config_file.clone(),
    }
}

/// Whose public stream has prices of coins. A demo is simulated throughout.
fn public_crypto(settings: &Settings, kind: &SessionKind) -> Option<BrokerKind> {
    let own_time = settings.loaded.config.paper.clock != PaperClock::System;
    if own_time || settings.environment.offline || !matches!(kind, SessionKind::Read | SessionKind::Trade) {
        return None;
    }
    match settings.loaded.config.market.crypto {
        CryptoPrices::Auto | CryptoPrices::Coinbase => Some(BrokerKind::Coinbase),
        CryptoPrices::Hyperliquid => Some(BrokerKind::Hyperliquid),
        CryptoPrices::Simulated => None,
    }
}

/// A directory of this process's own, for runs that nothing is kept of.
fn throw_away() -> Result<PathBuf, CliError> {
    let path = std::env::temp_dir().join(format!("arbion-{}-{:x}", std::process::id(), clock::entropy()));
    store::create_private_directory(&path).map_err(|error| CliError::storage(error.to_string()))?;
    Ok(path)
}

/// Removes a throw-away directory.
pub fn clear(temporary: Option<PathBuf>) {
    if let Some(path) = temporary
        && let Err(error) = std::fs::remove_dir_all(&path)
    {
        tracing::warn!(%error, path = %path.display(), "a throw-away directory stays behind");
    }
}
