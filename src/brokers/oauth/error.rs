//! What goes wrong in a sign-in, in words that say what to do.

use std::time::Duration;

/// Why a sign-in or a refresh did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OauthError {
    /// The redirect URI is none that a sign-in can listen on.
    #[error(
        "'{text}' is no redirect URI of a sign-in (http:// or https:// to 127.0.0.1 or [::1], without query or fragment, up to 255 characters)"
    )]
    Redirect {
        /// As given, cleaned and shortened.
        text: String,
    },
    /// The port of the redirect URI is taken or forbidden.
    #[error(
        "{address} cannot be listened on ({reason}); end what uses it, or paste the address that the browser ends on"
    )]
    Listen {
        /// Address and port.
        address: String,
        /// Why.
        reason: String,
    },
    /// The system gives no random numbers: nothing is begun.
    #[error("the system gives no random numbers: {0}")]
    NoRandomness(String),
    /// The certificate of the loopback listener cannot be made.
    #[error("the certificate for the browser's answer cannot be made: {0}")]
    Certificate(String),
    /// The five minutes are over.
    #[error("nobody signed in within {minutes} minutes; begin again")]
    Late {
        /// How long there was.
        minutes: u64,
    },
    /// Three failures within five minutes.
    #[error("sign-ins with {broker} are locked for another {} s after three failures", wait.as_secs().max(1))]
    LockedOut {
        /// Which broker.
        broker: String,
        /// Until it may be tried again.
        wait: Duration,
    },
    /// The state is not one of ours, was changed, was used before, or is too old.
    #[error("the answer does not belong to a sign-in that was begun here ({reason}); begin again")]
    State {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Somebody else answers (RFC 9207).
    #[error("the answer comes from '{found}' and not from '{expected}'; nothing was sent; begin again")]
    Issuer {
        /// Who it says it is.
        found: String,
        /// Who it should be.
        expected: String,
    },
    /// The pasted text is neither an address of ours nor a code.
    #[error(
        "the pasted text is {found}; paste the whole address that the browser ends on, beginning {expected}"
    )]
    Pasted {
        /// What it is.
        found: &'static str,
        /// The redirect URI.
        expected: String,
    },
    /// The authorization server says no.
    #[error("{broker} refuses the sign-in: {words}")]
    Denied {
        /// Which broker.
        broker: String,
        /// What that means, in plain words.
        words: String,
    },
    /// The login is over: a refresh does not work any more.
    #[error("the login with {broker} has ended ({words}); sign in again: arbion connect {broker}")]
    LoginNeeded {
        /// Which broker.
        broker: String,
        /// Why.
        words: String,
    },
    /// Nobody answers, or not now: it can be tried again.
    #[error("the sign-in with {broker} does not answer: {reason}")]
    Transient {
        /// Which broker.
        broker: String,
        /// Why.
        reason: String,
    },
    /// An answer came, and it is no token.
    #[error("{broker} answers the sign-in with what cannot be used: {reason}")]
    Unusable {
        /// Which broker.
        broker: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The tokens cannot be kept, and so are not used.
    #[error("the tokens of {broker} cannot be kept ({reason}), so that they are not used yet")]
    NotKept {
        /// Which broker.
        broker: String,
        /// Why.
        reason: String,
    },
    /// What is kept is of another profile, broker or environment.
    #[error("the kept login is of {found} and not of {expected}; sign in again")]
    Foreign {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
}

impl OauthError {
    /// Does only a person help: a new login, or new credentials.
    #[must_use]
    pub const fn needs_a_person(&self) -> bool {
        !matches!(self, Self::Transient { .. } | Self::NotKept { .. } | Self::Unusable { .. })
    }
}

/// An error code of RFC 6749 §4.1.2.1 and §5.2 or RFC 6750 §3.1 in plain words; `None` for any other.
#[must_use]
pub fn plain_words(code: &str) -> Option<&'static str> {
    Some(match code {
        "access_denied" => "the request was declined in the browser",
        "invalid_client" => "the app's key or secret is wrong, or the app is not ready for use yet",
        "invalid_grant" => {
            "the code or login is too old, was used before, was revoked, or belongs to another redirect URI"
        }
        "invalid_request" => {
            "something in the request is missing or wrong, as a rule the redirect URI or the code"
        }
        "invalid_scope" => "the app may not ask for these rights",
        "insufficient_scope" => "the login does not include this right",
        "invalid_token" => "the token has expired or was revoked",
        "server_error" => "it has a fault of its own; try again later",
        "temporarily_unavailable" => "it is busy or under repair; try again later",
        "unauthorized_client" => "the app may not sign in this way",
        "unsupported_grant_type" => "it does not know this way of signing in",
        "unsupported_response_type" => "it gives no codes to this app",
        _ => return None,
    })
}
