//! Configuration: where things lie, the environment, the TOML files with their checks and defaults. It knows of no secret and no network.

pub mod env;
mod error;
pub mod fees;
mod fields;
pub mod files;
mod kinds;
mod load;
mod paths;
mod render;
mod settings;
mod typed;

pub use env::Environment;
pub use error::{ConfigError, Problem};
pub use fees::FeeFile;
pub use load::{FILE_BYTES_MAX, Loaded, Origin};
pub use paths::{PathError, Paths, ProfileName};
pub use settings::{
    AlertSettings, Backtest, Colour, ColourDepth, Config, EngineProcess, Fees, Log, LogLevel, Market, OnExit,
    Paper, Rates, Screen, Sessions, Slippage, TerminalNotice, Theme, Touch, Zone,
};
pub use typed::TypedCommands;
