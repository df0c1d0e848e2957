//! From `Config` back to TOML text.

use super::fields::{BROKERS, FIELDS, KEYS, MACROS, WATCHLISTS};
use super::kinds::{Instruments, KeyNames, Kind, quoted};
use super::settings::Config;

impl Config {
    /// The whole configuration as TOML: reading it gives the same again.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut table = "";
        for field in FIELDS {
            if field.table != table {
                let gap = if table.is_empty() { "" } else { "\n" };
                table = field.table;
                text.push_str(&format!("{gap}[{table}]\n"));
            }
            text.push_str(&format!("{} = {}\n", field.name, (field.write)(self)));
        }
        text.push_str(&format!("\n[{KEYS}]\n"));
        for (action, keys) in &self.keys {
            text.push_str(&format!("{action} = {}\n", KeyNames.write(keys)));
        }
        text.push_str(&format!("\n[{MACROS}]\n"));
        for (key, line) in &self.macros {
            text.push_str(&format!("{} = {}\n", quoted(key), quoted(line)));
        }
        for (broker, options) in &self.brokers {
            text.push_str(&format!("\n[{BROKERS}.{broker}]\n"));
            for (name, value) in options {
                text.push_str(&format!("{name} = {}\n", quoted(value)));
            }
        }
        text.push_str(&format!("\n[{WATCHLISTS}]\n"));
        for list in &self.watchlists {
            text.push_str(&format!("{} = {}\n", quoted(&list.name), Instruments.write(&list.instruments)));
        }
        text
    }
}
