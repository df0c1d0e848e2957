//! Arguments of the commands about profiles, secrets, the vault and the audit log. No secret is ever an argument: others see those.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::config::ProfileName;
use crate::domain::role::Role;

/// Where passphrases come from when nobody is asked.
#[derive(Clone, Debug, Default, Args)]
pub struct PassphraseArgs {
    /// Read the vault's passphrase from the first line of this file of mode 0600 [default: ARBION_PASSPHRASE_FILE, a systemd credential arbion-passphrase, else the prompt]
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Read a new passphrase from the first line of this file of mode 0600 [default: the prompt]
    #[arg(long, value_name = "FILE")]
    pub new_passphrase_file: Option<PathBuf>,
}

/// `profile …`.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// Make a profile; the first of an installation is its superadmin, later ones are standard
    Create {
        /// Its name
        #[arg(value_name = "NAME")]
        name: ProfileName,
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// List the profiles
    List,
    /// Show one profile
    Show {
        /// Its name [default: the one in use]
        #[arg(value_name = "NAME")]
        name: Option<ProfileName>,
    },
    /// Give a profile another name
    Rename {
        /// The old one
        #[arg(value_name = "OLD")]
        old: ProfileName,
        /// The new one
        #[arg(value_name = "NEW")]
        new: ProfileName,
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// Remove a profile: its vault is destroyed, its trades are set aside
    Delete {
        /// Its name
        #[arg(value_name = "NAME")]
        name: ProfileName,
        /// Set nothing aside: its trades are destroyed too
        #[arg(long)]
        purge: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// Give a profile a role
    Role {
        /// Its name
        #[arg(value_name = "NAME")]
        name: ProfileName,
        /// superadmin (makes profiles, gives roles), admin (reads the audit log, looks after others) or standard (trades)
        #[arg(value_name = "ROLE")]
        role: Role,
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// Keep a profile from being used
    Disable {
        /// Its name
        #[arg(value_name = "NAME")]
        name: ProfileName,
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// Let a profile be used again
    Enable {
        /// Its name
        #[arg(value_name = "NAME")]
        name: ProfileName,
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// Lock the profile: no command but halt works on it, and the passphrase is forgotten
    Lock,
    /// Unlock the profile
    Unlock {
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// Change the passphrase of the profile's vault, or make a vault with one
    Passwd {
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
}

/// Where a secret's value comes from.
#[derive(Clone, Debug, Default, Args)]
pub struct ValueArgs {
    /// Read the value from the standard input instead of the prompt
    #[arg(long, conflicts_with = "fd")]
    pub stdin: bool,
    /// Read the value from this file descriptor
    #[arg(long, value_name = "N")]
    pub fd: Option<u32>,
}

/// Who holds the vault's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HolderArg {
    /// The OS keyring
    Keyring,
    /// A passphrase
    Passphrase,
    /// An SSH key (ed25519 or rsa)
    Ssh,
}

/// `secret …`.
#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Keep a secret, in place of one that is there
    Set {
        /// Its name, such as brokers.alpaca.secret
        #[arg(value_name = "NAME")]
        name: String,
        /// The value
        #[command(flatten)]
        value: ValueArgs,
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// Put a new value in place of one that is there
    Rotate {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// The value
        #[command(flatten)]
        value: ValueArgs,
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// List names and last four characters
    List {
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// Forget a secret
    Delete {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// Open the vault and read a secret without showing it
    Test {
        /// Its name [default: every one]
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// Give the key of the vault to another holder
    Move {
        /// To whom
        #[arg(value_enum, value_name = "HOLDER")]
        to: HolderArg,
        /// File of the private SSH key
        #[arg(long, value_name = "FILE", required_if_eq("to", "ssh"))]
        key: Option<PathBuf>,
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
}

/// `vault …`.
#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// Show who holds the vault's key, and whether it opens
    Status,
    /// Seal the vault to a new key
    Rekey {
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// Make a recovery key, which is shown once
    Recovery {
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
}

/// `audit …`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Show rows of the audit log, oldest first
    List {
        /// Of this profile only [default: what the role allows]
        #[arg(long, value_name = "NAME")]
        actor: Option<ProfileName>,
        /// At most so many of the newest, 0 for all
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Check that nobody has changed, removed or reordered rows
    Verify,
    /// Write the audit log to a file
    Export {
        /// Format of the file
        #[arg(long, value_enum, default_value = "csv")]
        format: crate::cli::host::TradesFormat,
        /// The file, made readable by you alone
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Overwrite a file that is there
        #[arg(long)]
        force: bool,
        /// Of this profile only [default: what the role allows]
        #[arg(long, value_name = "NAME")]
        actor: Option<ProfileName>,
    },
}
