//! The redirect, pasted by hand on a box without a browser (reliability O6): the whole address, or the code alone. The code is never shown.

use secrecy::SecretString;
use url::form_urlencoded;

use super::callback::Callback;
use super::{OauthError, RedirectUri};

/// Longest text that is taken.
const PASTE_MAX: usize = 8_192;
/// Shortest code that is taken without its address.
const CODE_MIN: usize = 6;

/// Reads a pasted text. `own_state` is the state of the sign-in that the person pastes for: it stands in for the one that a bare code lacks.
///
/// # Errors
/// `Pasted` when it is an address of somebody else, or nothing that can be a code.
pub fn read(text: &str, redirect: &RedirectUri, own_state: &str) -> Result<Callback, OauthError> {
    let wrong = |found| OauthError::Pasted { found, expected: redirect.as_str().to_owned() };
    let text = text.trim().trim_matches(['"', '\'', '<', '>']).trim();
    if text.is_empty() {
        return Err(wrong("empty"));
    }
    if text.len() > PASTE_MAX || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(wrong("too long or has blanks in it"));
    }
    if let Some(rest) = text.strip_prefix(redirect.as_str()) {
        // Browsers write `https://127.0.0.1:8182/?code` for an address without a path.
        let query = rest.strip_prefix('/').unwrap_or(rest).strip_prefix('?');
        let query = query.ok_or_else(|| wrong("an address without an answer in it"))?;
        let query = query.split('#').next().unwrap_or_default();
        return Callback::from_query(query).ok_or_else(|| wrong("an address without an answer in it"));
    }
    if text.contains("://") || text.contains('?') {
        return Err(wrong("the address of something else"));
    }
    // `code=...&state=...`, without the address before it.
    if text.starts_with("code=") || text.contains("&code=") || text.starts_with("error=") {
        let mut callback =
            Callback::from_query(text).ok_or_else(|| wrong("an address without an answer in it"))?;
        callback.state.get_or_insert_with(|| own_state.to_owned());
        return Ok(callback);
    }
    if text.len() < CODE_MIN || text.contains(['=', '&']) {
        return Err(wrong("neither an address nor a code"));
    }
    let code: SecretString = if text.contains('%') {
        form_urlencoded::parse(format!("c={text}").as_bytes())
            .next()
            .map(|(_, code)| code.into_owned())
            .unwrap_or_default()
            .into()
    } else {
        text.into()
    };
    Ok(Callback { code: Some(code), state: Some(own_state.to_owned()), ..Callback::default() })
}
