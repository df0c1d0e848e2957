//! Redirect URIs: kept byte for byte as they were registered, and only ever to this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::{Host, Url};

use super::OauthError;

/// Longest redirect URI.
const LENGTH_MAX: usize = 255;

/// A loopback redirect URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri {
    text: String,
    address: SocketAddr,
    path: String,
    encrypted: bool,
}

impl RedirectUri {
    /// Reads one. Port 0 means any free port: [`Self::on_port`] says which it became.
    ///
    /// # Errors
    /// `Redirect` when it is not to 127.0.0.1 or `[::1]`, names `localhost`, or has a user, query or fragment.
    pub fn parse(text: &str) -> Result<Self, OauthError> {
        let wrong =
            || OauthError::Redirect { text: crate::domain::text::clean(text).chars().take(80).collect() };
        if text.len() > LENGTH_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong());
        }
        let url = Url::parse(text).map_err(|_| wrong())?;
        let address = match url.host() {
            Some(Host::Ipv4(Ipv4Addr::LOCALHOST)) => IpAddr::from(Ipv4Addr::LOCALHOST),
            Some(Host::Ipv6(Ipv6Addr::LOCALHOST)) => IpAddr::from(Ipv6Addr::LOCALHOST),
            _ => return Err(wrong()),
        };
        let encrypted = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong()),
        };
        let extra = url.query().is_some() || url.fragment().is_some();
        if extra || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong());
        }
        let port = url.port_or_known_default().ok_or_else(wrong)?;
        Ok(Self {
            text: text.to_owned(),
            address: SocketAddr::new(address, port),
            path: url.path().to_owned(),
            encrypted,
        })
    }

    /// Byte for byte as registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What is listened on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The exact path of the answer; at least `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Does it go through TLS.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// What a browser sends as `Host`: without the port where it is the scheme's own.
    #[must_use]
    pub fn host(&self) -> String {
        let own = if self.encrypted { 443 } else { 80 };
        if self.address.port() == own {
            let address = self.address.to_string();
            return address.rsplit_once(':').map_or(address.clone(), |(host, _)| host.to_owned());
        }
        self.address.to_string()
    }

    /// The same with the port that the system gave, where any would do.
    #[must_use]
    pub fn on_port(&self, port: u16) -> Self {
        if self.address.port() != 0 {
            return self.clone();
        }
        let address = SocketAddr::new(self.address.ip(), port);
        let text = self.text.replacen(&self.address.to_string(), &address.to_string(), 1);
        Self { text, address, ..self.clone() }
    }
}
