//! The door at which secrets come in: a prompt that shows nothing, the standard input, a descriptor, a private file. Never an argument,
//! which others can see.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, Read, Write};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::args::{PassphraseArgs, ValueArgs};
use super::console::Console;
use super::error::CliError;
use crate::client::secret::{AskSecret, Secret, Wanted};
use crate::config::{Environment, files};

/// Longest secret that is read; the vault takes less.
const BYTES_MAX: u64 = 65_536;
/// Characters of a new passphrase, at least: the vault takes no shorter one.
const NEW_LENGTH_MIN: usize = 12;
/// How often a new one is asked for.
const NEW_TRIES: usize = 3;
/// Name of the systemd credential.
const CREDENTIAL: &str = "arbion-passphrase";

/// Reads the value of a secret from where the arguments say.
pub(super) fn value(args: &ValueArgs, name: &str, console: &mut Console) -> Result<Secret, CliError> {
    if let Some(fd) = args.fd {
        let path = format!("/dev/fd/{fd}");
        let file = File::open(&path).map_err(|_| {
            CliError::usage(format!("--fd: found {fd}, allowed a descriptor that can be read"))
        })?;
        return read(file);
    }
    if args.stdin {
        return read(&mut console.input);
    }
    if !console.can_ask {
        return Err(CliError::usage(
            "the value is asked for at a terminal; elsewhere give it by --stdin or --fd",
        ));
    }
    Ok(Secret::new(console.ask_hidden(&format!("value of {name}: "))?))
}

/// Several secrets by name: a JSON object of strings.
pub(super) fn pairs(fd: Option<u32>, console: &mut Console) -> Result<BTreeMap<String, Secret>, CliError> {
    let text = value(&ValueArgs { stdin: fd.is_none(), fd }, "the keys", console)?;
    text.read_as().ok_or_else(|| CliError::usage("the keys are to be a JSON object of strings"))
}

/// Everything up to the end, without the end of the last line.
fn read(source: impl Read) -> Result<Secret, CliError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES_MAX as usize + 1));
    source.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(CliError::usage(format!("the secret is longer than {BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| CliError::usage("the secret is no UTF-8 text"))?;
    Ok(Secret::new(text.strip_suffix('\n').map_or(text, |t| t.strip_suffix('\r').unwrap_or(t)).to_owned()))
}

/// Answers for passphrases: from files that were named, else from a person.
pub(super) struct Passphrases<'a> {
    console: &'a mut Console,
    current: Option<PathBuf>,
    /// The command names the file, and no setting that stands for all commands.
    named: bool,
    new: Option<PathBuf>,
}

impl<'a> Passphrases<'a> {
    /// `args` beat the environment; the environment beats a systemd credential.
    pub(super) fn new(
        console: &'a mut Console,
        args: Option<&PassphraseArgs>,
        environment: &Environment,
    ) -> Self {
        let credential = environment.credentials.as_ref().map(|dir| Path::new(dir).join(CREDENTIAL));
        let current = args
            .and_then(|args| args.passphrase_file.clone())
            .or_else(|| environment.passphrase_file.as_ref().map(PathBuf::from))
            .or_else(|| credential.filter(|file| file.exists()));
        let named = args.is_some_and(|args| args.passphrase_file.is_some());
        Self { console, current, named, new: args.and_then(|args| args.new_passphrase_file.clone()) }
    }
}

impl AskSecret for Passphrases<'_> {
    fn ask(&mut self, wanted: Wanted) -> Result<Option<Secret>, String> {
        let file = if wanted == Wanted::Passphrase { &self.current } else { &self.new };
        if let Some(file) = file {
            return first_line(file).map(Some);
        }
        if !self.console.can_ask {
            return Ok(None);
        }
        if wanted == Wanted::Passphrase {
            return hidden(self.console, "passphrase: ").map(Some);
        }
        new_passphrase(self.console).map(Some)
    }

    fn is_given(&self) -> bool {
        self.named
    }
}

fn hidden(console: &mut Console, prompt: &str) -> Result<Secret, String> {
    console.ask_hidden(prompt).map(Secret::new).map_err(|error| error.to_string())
}

/// Has a person choose a passphrase. A slip is asked about again: what was typed before it, such as a broker's keys, would be lost with it.
fn new_passphrase(console: &mut Console) -> Result<Secret, String> {
    let mut why = "It opens the vault that keeps this profile's keys, and nobody can restore it.";
    for _ in 0..NEW_TRIES {
        writeln!(console.err, "{why}").map_err(|error| error.to_string())?;
        let new = hidden(console, "new passphrase, 12 characters or more: ")?;
        let length = new.get().expose_secret().chars().count();
        why = if length == 0 {
            "no passphrase was given"
        } else if length < NEW_LENGTH_MIN {
            "the passphrase is shorter than 12 characters"
        } else if hidden(console, "the same again: ")? == new {
            return Ok(new);
        } else {
            "the two passphrases differ"
        };
    }
    Err(format!("{why}; nothing was changed"))
}

fn first_line(path: &Path) -> Result<Secret, String> {
    files::check_private_file(path).map_err(|error| error.to_string())?;
    let say = |error: std::io::Error| format!("{}: {error}", path.display());
    let file = File::open(path).map_err(say)?;
    let mut line = Zeroizing::new(String::with_capacity(256));
    std::io::BufReader::new(file).take(BYTES_MAX).read_line(&mut line).map_err(say)?;
    Ok(Secret::new(line.trim_end_matches(['\n', '\r']).to_owned()))
}
