//! Where the bars of a chart come from: what the answer to `History` says beside them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where bars of a chart come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarOrigin {
    /// A file that was imported under this name.
    Imported(String),
    /// A market's own, as they come with the program.
    Recorded,
    /// The simulated market.
    Simulated,
    /// The broker whose prices are shown.
    Broker,
}

/// From here on the bars of a chart have this origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seam {
    /// The start of the first of them.
    pub from: Timestamp,
    /// Where they come from.
    pub origin: BarOrigin,
}

/// The part of a chart that comes from a file of imported bars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedSpan {
    /// The name it was imported under.
    pub name: String,
    /// The start of the first bar.
    pub from: Timestamp,
    /// The end of the last one.
    pub until: Timestamp,
}
