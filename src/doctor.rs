//! What `arbion doctor` looks at beyond the configuration: the database, the lock, the machine. It changes nothing.

use std::path::Path;

use arbion::cli::host::{DoctorCheck, Health, Settings};
use arbion::domain::calendar::exchange_date;
use arbion::engine::{self, clock};
use arbion::store::lock::Holder;
use arbion::store::{self, Store, StoreError};

use crate::linger;

fn check(name: &str, health: Health, text: String) -> DoctorCheck {
    DoctorCheck { name: name.to_owned(), health, text }
}

/// Every check of a profile, by a process that calls itself so.
pub async fn checks(command: &str, settings: &Settings, listings: usize) -> Vec<DoctorCheck> {
    let directory = settings.paths.profile_dir(&settings.profile);
    let mut checks = Vec::new();
    checks.push(database(&directory));
    checks.push(disk(&directory));
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
    checks.extend(alert_command(&settings.loaded.config.alerts.command));
    checks.extend(swap(Path::new("/")));
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

fn database(directory: &Path) -> DoctorCheck {
    if !directory.join(store::DATABASE).exists() {
        return check("database", Health::Good, "none yet; the first trade makes it".to_owned());
    }
    match Store::open_reader(directory).and_then(|store| store.full_check().map(|()| store)) {
        Ok(store) => {
            let size = std::fs::metadata(store.path()).map_or(0, |file| file.len());
            check("database", Health::Good, format!("sound, {} KiB", size / 1_024))
        }
        Err(error) => check("database", Health::Bad, error.to_string()),
    }
}

/// Room that a year of trading is far from filling.
const ROOM_MIN_MIB: u64 = 100;

/// Can the disk under a directory be written to, and how much room has it: without any, orders are denied.
fn disk(directory: &Path) -> DoctorCheck {
    // The profile's directory may not be there yet.
    let there = directory.ancestors().find(|path| path.exists()).unwrap_or(directory);
    let about = match rustix::fs::statvfs(there) {
        Ok(about) => about,
        Err(error) => return check("disk", Health::Warning, format!("{}: {error}", there.display())),
    };
    let free = about.f_bavail.saturating_mul(about.f_frsize) / (1 << 20);
    if about.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return check(
            "disk",
            Health::Bad,
            format!("{} lies on a disk that is mounted read-only", there.display()),
        );
    }
    let health = if free < ROOM_MIN_MIB { Health::Warning } else { Health::Good };
    let note = if free < ROOM_MIN_MIB { "; on a full disk orders are denied" } else { "" };
    check("disk", health, format!("{free} MiB free{note}"))
}

fn alert_command(program: &str) -> Option<DoctorCheck> {
    use std::os::unix::fs::PermissionsExt;
    if program.is_empty() {
        return None;
    }
    let found = std::fs::metadata(program).is_ok_and(|file| file.permissions().mode() & 0o111 != 0);
    Some(match found {
        true => check("alert command", Health::Good, program.to_owned()),
        false => check("alert command", Health::Warning, format!("{program} is no program")),
    })
}

/// What is in memory may be written to swap: it should be encrypted, or be memory itself (reliability M7). Nothing is said where the system
/// does not tell.
fn swap(root: &Path) -> Option<DoctorCheck> {
    let table = std::fs::read_to_string(root.join("proc/swaps")).ok()?;
    let places: Vec<&str> = table.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    let open: Vec<&str> = places.iter().copied().filter(|place| !is_sealed(root, place)).collect();
    Some(if places.is_empty() {
        check("swap", Health::Good, "none".to_owned())
    } else if open.is_empty() {
        check("swap", Health::Good, "encrypted, or in memory".to_owned())
    } else {
        let text = format!(
            "{} may hold what was in memory, secrets among it: encrypt it (cryptsetup), or use zram",
            open.join(", ")
        );
        check("swap", Health::Warning, text)
    })
}

/// Is a place of swap memory itself, or a device of dm-crypt.
fn is_sealed(root: &Path, place: &str) -> bool {
    let Some(device) = place.strip_prefix("/dev/") else { return false };
    let kind = root.join("sys/block").join(device).join("dm/uuid");
    device.starts_with("zram") || std::fs::read_to_string(kind).is_ok_and(|uuid| uuid.starts_with("CRYPT-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m7_swap_that_is_not_encrypted_is_warned_of() {
        let root = tempfile::tempdir().unwrap();
        let said = |table: &str| {
            std::fs::create_dir_all(root.path().join("proc")).unwrap();
            std::fs::write(root.path().join("proc/swaps"), table).unwrap();
            swap(root.path()).map(|check| (check.health == Health::Good, check.text)).unwrap()
        };
        let dm = root.path().join("sys/block/dm-1/dm");
        std::fs::create_dir_all(&dm).unwrap();
        let head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert_eq!(said(head), (true, "none".to_owned()));
        let sealed = format!("{head}/dev/dm-1 partition 8388604 0 -2\n/dev/zram0 partition 4194300 0 100\n");
        std::fs::write(dm.join("uuid"), "CRYPT-LUKS2-7f-swap\n").unwrap();
        assert!(said(&sealed).0);
        std::fs::write(dm.join("uuid"), "LVM-7f-swap\n").unwrap();
        let (good, text) = said(&sealed);
        assert!(!good && text.starts_with("/dev/dm-1 may"), "{text}");
        let (good, text) = said(&format!("{head}/swapfile file 2097148 0 -2\n/dev/sda2 partition 1 0 -3\n"));
        assert!(!good && text.starts_with("/swapfile, /dev/sda2 may"), "{text}");
        assert!(swap(&root.path().join("nothing")).is_none());
    }
}
