//! Arguments of the commands about the program itself: what it is made of, and whether it is what was released.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `licenses`.
#[derive(Debug, Args)]
pub struct LicensesArgs {
    /// Only packages whose name has this in it
    #[arg(value_name = "PACKAGE")]
    pub package: Option<String>,
    /// The bill of materials instead: a CycloneDX document of every package, with versions and checksums
    #[arg(long, conflicts_with_all = ["package", "json"])]
    pub sbom: bool,
}

/// `self …`.
#[derive(Debug, Subcommand)]
pub enum SelfCommand {
    /// Check that the running program is one that was released: its SHA-256 stands in a list that a key signed
    Verify(VerifyArgs),
}

/// `self verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The release's list of checksums, lines as sha256sum writes them
    #[arg(long, value_name = "FILE")]
    pub checksums: PathBuf,
    /// The public key that signs releases, as minisign writes it
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The list's signature, as minisign writes it [default: the list's name and .minisig]
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
}
