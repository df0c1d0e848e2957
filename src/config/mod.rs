//! Configuration: where things lie, the environment, the TOML files with their checks and defaults. It knows of no secret and no network.

mod about;
mod brokers;
mod calendar;
mod edit;
pub mod env;
mod error;
mod events;
mod events_csv;
pub mod fees;
mod fields;
pub mod files;
mod kept;
mod kinds;
mod load;
mod look;
mod own_file;
mod paths;
mod render;
mod settings;
mod typed;

pub use calendar::CalendarFile;
pub use edit::{ConfigFiles, OptionEdit, OptionView};
pub use env::Environment;
pub use error::{ConfigError, Problem};
pub use events::EventsFile;
pub use events_csv::read_events_csv;
pub use fees::FeeFile;
pub use kept::{ProfileFiles, themes};
pub use load::{FILE_BYTES_MAX, Loaded, Origin};
pub use look::{AlertSettings, Colour, ColourDepth, Screen, TerminalNotice, Zone};
pub use paths::{PathError, Paths, ProfileName, home_directory};
pub use settings::{
    Backtest, BrokerSection, Config, CryptoPrices, EngineProcess, Fees, Log, LogLevel, Market, OnExit, Paper,
    PaperClock, Rates, Sessions, Slippage, Tax, Touch,
};
pub use typed::TypedCommands;
