//! Arguments of the commands about accounts at brokers. No secret is ever an argument.

use clap::{Args, ValueEnum};

use super::PassphraseArgs;

/// Arguments of `connect` and `rotate`.
#[derive(Debug, Args)]
pub struct ConnectArgs {
    /// The broker: alpaca, coinbase, coingecko, hyperliquid, schwab
    #[arg(value_name = "BROKER")]
    pub broker: String,
    /// The real account, not the broker's paper or test one
    #[arg(long)]
    pub live: bool,
    /// What the account is called here [default: the broker's name]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Read the keys from the standard input, as a JSON object of strings, in place of asking
    #[arg(long, conflicts_with = "fd")]
    pub stdin: bool,
    /// The same from an open descriptor
    #[arg(long, value_name = "NUMBER")]
    pub fd: Option<u32>,
    /// Sign in by the browser where keys are the usual way (coinbase: "Sign in with Coinbase", for whoever has an app there)
    #[arg(long)]
    pub oauth: bool,
    /// Where a sign-in in the browser is needed: paste the address it ends at, as on a box without a browser
    #[arg(long)]
    pub paste: bool,
    /// Wait for a key once it is done: how a screen signs in
    #[arg(long, hide = true)]
    pub wait: bool,
    /// Passphrases
    #[command(flatten)]
    pub passphrases: PassphraseArgs,
}

/// Paper or real money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// The paper account
    Paper,
    /// Real money
    Live,
}
