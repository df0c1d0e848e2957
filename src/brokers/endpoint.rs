//! Where a broker is reached: HTTPS and WSS, and plain HTTP and WS on this machine alone (emulators, gateways).

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// An address that must not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{text}' is no address of a broker (https:// or wss://; http:// and ws:// to 127.0.0.1, [::1] or localhost only)"
)]
pub struct EndpointError {
    /// The address as given, without what may be secret in it.
    pub text: String,
}

/// The base of a broker's calls or of a stream.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// When it is not one, has a user or password, or would send secrets in the clear.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let wrong = || {
            let shown = text.split(['?', '#']).next().unwrap_or_default();
            let host = shown.rsplit_once('@').map(|(_, host)| format!("...@{host}"));
            EndpointError { text: host.unwrap_or_else(|| shown.to_owned()) }
        };
        let url = Url::parse(text.trim()).map_err(|_| wrong())?;
        let local = match url.host().ok_or_else(wrong)? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => IpAddr::from(address).is_loopback(),
            Host::Ipv6(address) => IpAddr::from(address).is_loopback(),
        };
        let safe = match url.scheme() {
            "https" | "wss" => true,
            "http" | "ws" => local,
            _ => false,
        };
        if !safe || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong());
        }
        Ok(Self(url))
    }

    /// The address of a path below it, such as `/v2/orders`. The path is taken as it is: what needs escaping is escaped before.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str().trim_end_matches('/'))
    }

    /// The whole of it.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// Does it go through TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        matches!(self.0.scheme(), "https" | "wss")
    }

    /// Host, and port where it is said.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n7_nothing_goes_in_the_clear_but_to_this_machine() {
        for good in [
            "https://api.alpaca.markets",
            "wss://a.b/stream",
            "http://127.0.0.1:9001",
            "ws://[::1]:1/x",
            "http://localhost:1",
        ] {
            assert!(Endpoint::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.alpaca.markets",
            "ws://10.0.0.1",
            "ftp://127.0.0.1",
            "https://user:secret@a.b",
            "api.alpaca.markets",
            "",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
        ] {
            let error = Endpoint::parse(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn paths_are_put_behind_the_base() {
        let base = Endpoint::parse("http://127.0.0.1:9001/api/v3/").unwrap();
        assert_eq!(base.at("/ping"), "http://127.0.0.1:9001/api/v3/ping");
        assert_eq!(base.authority(), "127.0.0.1:9001");
        assert!(!base.is_encrypted());
    }
}
