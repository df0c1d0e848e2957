//! What comes back on a redirect: a code or an error, and who says so.

use secrecy::SecretString;
use url::form_urlencoded;

/// Longest parameter that is read.
const VALUE_MAX: usize = 4_096;
/// Characters of an error's words that are shown.
const WORDS_MAX: usize = 200;

/// The parameters of a redirect. The code is a secret until it is used.
#[derive(Clone, Default)]
pub struct Callback {
    /// The code, decoded once.
    pub code: Option<SecretString>,
    /// The state.
    pub state: Option<String>,
    /// Who answers (RFC 9207).
    pub issuer: Option<String>,
    /// An error's code.
    pub error: Option<String>,
    /// Its words, cleaned.
    pub description: Option<String>,
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback")
            .field("code", &self.code.is_some())
            .field("state", &self.state.is_some())
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl Callback {
    /// Reads a query; `None` when it holds neither a code nor an error, or one of them twice.
    #[must_use]
    pub fn from_query(query: &str) -> Option<Self> {
        let mut found = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if value.len() > VALUE_MAX || value.contains('\u{fffd}') {
                return None;
            }
            let shown = || crate::domain::text::clean(&value).chars().take(WORDS_MAX).collect::<String>();
            // RFC 6749 §3.1: parameters come once.
            let twice = match name.as_ref() {
                "code" => found.code.replace(value.as_ref().into()).is_some(),
                "state" => found.state.replace(value.clone().into_owned()).is_some(),
                "iss" => found.issuer.replace(shown()).is_some(),
                "error" => found.error.replace(shown()).is_some(),
                "error_description" => found.description.replace(shown()).is_some(),
                _ => false,
            };
            if twice {
                return None;
            }
        }
        (found.code.is_some() || found.error.is_some()).then_some(found)
    }
}
