//! What an order trades, in words.

use std::fmt;

use super::OrderSubject;
use crate::domain::money::canonical;

impl OrderSubject {
    /// The same in few words, for a column or a line of a log: of a package, its underlying and how many legs it has.
    #[must_use]
    pub fn short(&self) -> String {
        match self {
            Self::Instrument(instrument) => instrument.to_string(),
            Self::Legs(legs) => {
                let root = legs.first().map_or("", |leg| leg.instrument.root().as_str());
                format!("{root} {} legs", legs.len())
            }
        }
    }
}

impl fmt::Display for OrderSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instrument(instrument) => instrument.fmt(f),
            Self::Legs(legs) => {
                let text: Vec<String> = legs
                    .iter()
                    .map(|leg| {
                        let sign = if leg.side.is_buy() { '+' } else { '-' };
                        format!("{sign}{} {}", canonical(leg.ratio), leg.instrument)
                    })
                    .collect();
                f.pad(&text.join(" / "))
            }
        }
    }
}
