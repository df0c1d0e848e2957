//! TLS for calls and streams: rustls with ring, versions 1.2 and 1.3, the roots that Mozilla ships. There is no way to turn checks off.

use std::sync::{Arc, LazyLock};

use rustls::{ClientConfig, RootCertStore};

/// One configuration for all, so that sessions are resumed across calls.
static SHARED: LazyLock<Option<Arc<ClientConfig>>> = LazyLock::new(|| {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    match ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions() {
        Ok(builder) => Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())),
        Err(error) => {
            tracing::error!(%error, "no TLS");
            None
        }
    }
});

/// The configuration; `None` where the cryptography cannot do any version, which the build rules out.
#[must_use]
pub fn client() -> Option<Arc<ClientConfig>> {
    SHARED.clone()
}

#[cfg(test)]
mod tests {
    #[test]
    fn n7_there_is_a_configuration_with_roots() {
        let config = super::client().unwrap();
        assert!(config.alpn_protocols.is_empty());
        assert!(!webpki_roots::TLS_SERVER_ROOTS.is_empty());
    }
}
