//! What only the program can look at: database, lock, logout, clock.

use arbion::cli::host::{DoctorCheck, Health, Settings};
use arbion::domain::calendar::exchange_date;
use arbion::engine::{self, clock};
use arbion::market::symbols::Universe;
use arbion::store::lock::Holder;
use arbion::store::{self, Store, StoreError};

use crate::linger;

/// Looks after them. `command` is what this process runs.
pub async fn checks(settings: &Settings, command: &str, universe: &Universe) -> Vec<DoctorCheck> {
    let directory = settings.paths.profile_dir(&settings.profile);
    let check = |name: &str, health, text: String| DoctorCheck { name: name.to_owned(), health, text };
    let mut checks = Vec::new();
    if directory.join(store::DATABASE).exists() {
        let found = Store::open_reader(&directory).and_then(|store| store.full_check().map(|()| store));
        checks.push(match found {
            Ok(store) => {
                let size = std::fs::metadata(store.path()).map_or(0, |file| file.len());
                check("database", Health::Good, format!("sound, {} KiB", size / 1_024))
            }
            Err(error) => check("database", Health::Bad, error.to_string()),
        });
    } else {
        checks.push(check("database", Health::Good, "none yet; the first trade makes it".to_owned()));
    }
    checks.push(match store::lock::ProfileLock::acquire(&directory, &Holder::this_process(command, true)) {
        Ok(_) => check("profile lock", Health::Good, "free".to_owned()),
        // An engine at work is as it should be.
        Err(StoreError::Locked { holder, .. }) => {
            check("profile lock", Health::Good, format!("held by {holder}"))
        }
        Err(error) => check("profile lock", Health::Warning, error.to_string()),
    });
    if let Some(logind) = linger::ask().await {
        checks.push(match logind.warning() {
            Some(warning) => check("logout", Health::Warning, warning),
            None => check("logout", Health::Good, "the engine outlives it".to_owned()),
        });
    }
    if settings.loaded.config.alerts.desktop {
        checks.push(match engine::desktop_can_be_told() {
            Ok(program) => check("desktop alerts", Health::Good, format!("by {program}")),
            Err(error) => check("desktop alerts", Health::Warning, error),
        });
    }
    if let Some(program) = Some(&settings.loaded.config.alerts.command).filter(|path| !path.is_empty()) {
        use std::os::unix::fs::PermissionsExt;
        let found = std::fs::metadata(program).is_ok_and(|file| file.permissions().mode() & 0o111 != 0);
        checks.push(match found {
            true => check("alert command", Health::Good, program.clone()),
            false => check("alert command", Health::Warning, format!("{program} is no program")),
        });
    }
    let listings = universe.listings().len();
    checks.push(check("symbols", Health::Good, format!("{listings} listings")));
    let year = exchange_date(clock::system_now()).year();
    let clock_ok = (2_026..=2_035).contains(&year);
    checks.push(check(
        "clock",
        if clock_ok { Health::Good } else { Health::Warning },
        format!("the year is {year}"),
    ));
    checks
}
