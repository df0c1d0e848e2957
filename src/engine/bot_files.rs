//! The disk's side of bots: their directories, their versions, their logs. Read by others than the engine's thread, which never waits for a
//! disk.

use std::collections::BTreeMap;
use std::path::Path;

use smol_str::SmolStr;

use crate::bots::approval::{Scan, names, scan};
use crate::bots::{log, samples};
use crate::client::Reply;
use crate::client::message::BotRequest;
use crate::domain::bot::{Approval, BotState, BotVersion, BotView};
use crate::domain::strategy::is_name;
use crate::store::Store;

/// Lines of a log that are shown at most.
const LINES_MAX: u32 = 2_000;

/// What the engine knows of a bot: its approved version, its strategies, where its process is.
pub(super) type Shown = (SmolStr, BotVersion, Vec<SmolStr>, Option<BotState>);

/// A bot as it lies in its directory.
pub(super) struct Found {
    pub(super) scan: Scan,
    /// The newest version there ever was, removed or not.
    pub(super) newest: u32,
}

/// What a look has come to.
pub(super) enum Answered {
    /// The answer.
    Reply(Reply),
    /// Something that the engine must go on with.
    Found(Box<Found>),
}

pub(super) fn find(profile: &Path, name: &str) -> Result<Found, String> {
    let scan = scan(profile, name).map_err(|error| error.to_string())?;
    let store = Store::open_reader(profile).map_err(|error| error.to_string())?;
    let versions = store.bot_versions(name).map_err(|error| error.to_string())?;
    Ok(Found { scan, newest: versions.first().map_or(0, |version| version.version) })
}

/// What needs the disk and not the engine.
pub(super) fn answer(
    profile: &Path,
    request: &BotRequest,
    shown: Vec<Shown>,
    may_write: bool,
) -> Result<Reply, String> {
    match request {
        BotRequest::List => Ok(Reply::Bots(list(profile, shown))),
        BotRequest::Log { strategy, lines } => {
            if !is_name(strategy) {
                return Err(format!("no strategy is called '{}'", strategy.escape_default()));
            }
            let lines = usize::try_from((*lines).min(LINES_MAX)).unwrap_or_default();
            let found = log::tail(profile, strategy, lines).map_err(|error| error.to_string())?;
            // Under its name a bot is told from a slip of the keys, also before it has said anything.
            if found.is_empty() && !names(profile).iter().any(|name| name == strategy.as_str()) {
                return Err(format!(
                    "{strategy} has no log: no bot is called so, and no strategy of one has run"
                ));
            }
            Ok(Reply::Lines(found))
        }
        BotRequest::Versions { name } => {
            let store = Store::open_reader(profile).map_err(|error| error.to_string())?;
            store.bot_versions(name).map(Reply::BotVersions).map_err(|error| error.to_string())
        }
        BotRequest::New { name, example } if may_write => samples::make(profile, name, example.as_deref())
            .map(|directory| {
                let text = format!(
                    "bot {name} is in {}; read it, then: arbion bot approve {name}",
                    directory.display()
                );
                Reply::Done(text)
            })
            .map_err(|error| error.to_string()),
        _ => Err("another process runs this profile's engine; this one only reads".to_owned()),
    }
}

fn list(profile: &Path, shown: Vec<Shown>) -> Vec<BotView> {
    let mut known: BTreeMap<SmolStr, _> = shown
        .into_iter()
        .map(|(bot, version, strategies, state)| (bot, (version, strategies, state)))
        .collect();
    let mut views: Vec<BotView> = names(profile)
        .into_iter()
        .map(|name| {
            let found = scan(profile, &name);
            let (version, strategies, state) = match known.remove(name.as_str()) {
                Some((version, strategies, state)) => (Some(version), strategies, state),
                None => (None, Vec::new(), None),
            };
            let approval = match (&found, &version) {
                (Err(_), _) => Approval::Unreadable,
                (Ok(_), None) => Approval::Never,
                (Ok(scan), Some(version)) if scan.fingerprint == version.fingerprint => Approval::Approved,
                (Ok(_), Some(_)) => Approval::Changed,
            };
            BotView {
                name: name.into(),
                approval,
                version: version.map(|version| version.version),
                orders: found.as_ref().ok().map(|scan| scan.manifest.orders),
                strategies,
                state,
                problem: found.err().map(|error| error.to_string()),
            }
        })
        .collect();
    // Approved, and its directory is gone.
    views.extend(known.into_iter().map(|(name, (version, strategies, state))| BotView {
        problem: Some(format!("bots/{name} is gone")),
        name,
        approval: Approval::Unreadable,
        version: Some(version.version),
        orders: None,
        strategies,
        state,
    }));
    views
}
