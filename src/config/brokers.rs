//! The options of each broker's section: a misspelt address must not leave the broker's own in force unseen.

/// The brokers that have a section, and the options that their connectors read, each sorted.
pub(super) const SECTIONS: [(&str, &[&str]); 5] = [
    ("alpaca", &["base_url", "data_stream_url", "data_url", "feed", "options_feed", "stream_url"]),
    ("coinbase", &["base_url", "currency", "jwt_host", "oauth_url", "stream_url", "user_stream_url"]),
    ("coingecko", &["base_url", "coins", "plan"]),
    ("hyperliquid", &["base_url", "dexs", "network", "schedule_cancel", "slippage_percent", "stream_url"]),
    ("schwab", &["authorize_url", "base_url", "data_url", "options_level", "token_url", "trader_url"]),
];

/// The options of a broker; `None` where it has no section.
pub(super) fn options(broker: &str) -> Option<&'static [&'static str]> {
    SECTIONS.iter().find(|(name, _)| *name == broker).map(|(_, options)| *options)
}

/// Is a text an address as far as it can be told here. Which hosts may be called without encryption, the connector knows.
pub(super) fn is_address(text: &str) -> bool {
    ["https://", "wss://", "http://", "ws://"].iter().any(|scheme| {
        text.strip_prefix(scheme)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['))
    }) && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Longest text of an option, in bytes.
pub(super) const TEXT_MAX: usize = 512;

/// What an option may be, in words, as far as it can be told here.
pub(super) fn allowed(option: &str) -> String {
    if option.ends_with("_url") {
        return "an address that begins with https:// or wss://, or http:// or ws:// of this machine"
            .to_owned();
    }
    format!("a string of 1 to {TEXT_MAX} bytes")
}
