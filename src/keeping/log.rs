//! The audit log: anchored, read, checked. Anchors lie in the database and, once more, in a file that is only ever added to.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;

use jiff::Timestamp;

use crate::client::keeping::Kept;
use crate::config::files;
use crate::domain::audit::{AuditAction, AuditEvent, AuditFault};
use crate::domain::role::{Action, Whose, permits};
use crate::store::Install;
use crate::store::audit::{Anchor, AuditFilter, anchored_bytes, hex};
use crate::vault::{Signer, signed_by};

use super::{KeepError, Keeping};

/// Bytes of the anchors' file that are read.
const ANCHORS_BYTES_MAX: u64 = 64 << 20;

impl Keeping {
    fn anchors_file(&self) -> PathBuf {
        self.paths.data.join("audit-anchors")
    }

    /// Signs the head where it is time for that. The first signature of a key is preceded by a row that names it.
    pub(super) fn anchor(&self, install: &mut Install, signer: Option<&Signer>) -> Result<(), KeepError> {
        let Some(signer) = signer else { return Ok(()) };
        anchor(install, signer, &self.anchors_file(), (self.now)(), |key| {
            let (actor, _) = self.actor_or_standard();
            self.event(&actor, AuditAction::AnchorKey, key, "ok")
        })
    }

    fn actor_or_standard(&self) -> (super::Actor, ()) {
        let row = Install::open_reader(&self.paths.data)
            .ok()
            .flatten()
            .and_then(|install| install.profile(self.profile.as_str()).ok().flatten());
        let role = row.map_or(crate::domain::role::Role::Standard, |row| row.role);
        (super::Actor { name: self.profile.to_string(), role }, ())
    }

    /// Every anchor of the database and of the file, by row, and the first whose signature is none.
    fn all_anchors(&self, install: &Install) -> Result<(Vec<Anchor>, Option<AuditFault>), KeepError> {
        let mut anchors = install.anchors()?;
        let path = self.anchors_file();
        if path.exists() {
            files::check_private_file(&path)?;
            let io = |error| KeepError::Io { path: path.clone(), error };
            let file = BufReader::new(fs::File::open(&path).map_err(io)?.take(ANCHORS_BYTES_MAX));
            for line in file.lines() {
                let line = line.map_err(io)?;
                // A line that was cut short by a crash is none; its twin is in the database.
                if let Some(anchor) = read_line(&line)
                    && !anchors.contains(&anchor)
                {
                    anchors.push(anchor);
                }
            }
        }
        anchors.sort_by_key(|anchor| anchor.seq);
        let keys = install.anchor_keys()?;
        let wrong = anchors.iter().find(|anchor| {
            !keys.contains(&hex(&anchor.key))
                || !signed_by(&anchor.key, &anchored_bytes(anchor.seq, &anchor.hash), &anchor.signature)
        });
        let fault = wrong.map(|anchor| AuditFault {
            seq: anchor.seq,
            text: format!("the anchor of row {} is not signed by a key that the log names", anchor.seq),
        });
        Ok((anchors, fault))
    }

    pub(super) fn audit_verify(&self) -> Result<Kept, KeepError> {
        self.admit(true)?;
        let install = self.install()?;
        let (anchors, fault) = self.all_anchors(&install)?;
        let (mut report, _) = install.verify(&anchors)?;
        report.fault = report.fault.or(fault);
        Ok(Kept::Verified(report))
    }

    pub(super) fn audit_list(
        &self,
        who: Option<String>,
        limit: u32,
        export: Option<&str>,
    ) -> Result<Kept, KeepError> {
        self.admit(false)?;
        let mut install = self.install()?;
        let (actor, _) = self.actor(&install)?;
        let everything = permits(actor.role, Action::ReadAudit, Whose::Install);
        // Who may not see everything sees the own rows.
        let who = match who {
            Some(who) => Some(who),
            None if everything => None,
            None => Some(actor.name.clone()),
        };
        let whose = match &who {
            None => Whose::Install,
            Some(who) if *who == actor.name => Whose::Own,
            Some(_) => Whose::Other,
        };
        self.allow(&mut install, &actor, (Action::ReadAudit, whose), "read the log of others")?;
        if let Some(to) = export {
            install.record(&[self.event(&actor, AuditAction::Exported, "audit log", to)])?;
        }
        Ok(Kept::Audit(install.audit_rows(&AuditFilter { actor: who, limit })?))
    }
}

/// Signs the head of a log where it is time for that.
pub(super) fn anchor(
    install: &mut Install,
    signer: &Signer,
    file: &std::path::Path,
    now: Timestamp,
    introduce: impl FnOnce(&str) -> AuditEvent,
) -> Result<(), KeepError> {
    if install.anchor_due(now)?.is_none() {
        return Ok(());
    }
    let key = hex(&signer.public());
    if !install.anchor_keys()?.contains(&key) {
        install.record(&[introduce(&key)])?;
    }
    let Some((seq, hash)) = install.anchor_due(now)? else { return Ok(()) };
    // Whole microseconds, as the database keeps them: the two copies of an anchor are equal.
    let at = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
    let anchor =
        Anchor { seq, at, hash, key: signer.public(), signature: signer.sign(&anchored_bytes(seq, &hash)) };
    install.add_anchor(&anchor)?;
    let mut copy = files::append_private(file)?;
    let written = writeln!(copy, "{}", line(&anchor)).and_then(|()| copy.sync_all());
    written.map_err(|error| KeepError::Io { path: file.to_owned(), error })
}

fn line(anchor: &Anchor) -> String {
    let Anchor { seq, at, hash, key, signature } = anchor;
    format!("{seq} {at} {} {} {}", hex(hash), hex(key), hex(signature))
}

fn read_line(line: &str) -> Option<Anchor> {
    let mut words = line.split(' ');
    let seq = words.next()?.parse().ok()?;
    let at = words.next()?.parse().ok()?;
    let (hash, key) = (unhex(words.next()?)?, unhex(words.next()?)?);
    let signature = unhex(words.next()?)?;
    Some(Anchor { seq, at, hash, key, signature })
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
