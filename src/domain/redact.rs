//! What must not stand in a log: tokens, keys, passwords, card numbers. By the name before a value and by the look of the value itself.
//! It would rather hide a harmless word than show a harmful one.

use std::borrow::Cow;

/// What stands in place of a secret.
pub const HIDDEN: &str = "[hidden]";
/// A name that contains one of these has a value that is hidden.
const NAMES: &[&str] = &[
    "authorization",
    "token",
    "secret",
    "api_key",
    "apikey",
    "api-key",
    "private_key",
    "signature",
    "password",
    "passphrase",
    "cookie",
    "account_number",
];
/// Characters of tokens, keys and their encodings.
const fn of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | '=' | '~' | '%')
}

/// Text without secrets.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    // Whatever was looked at last was the name of a secret.
    let mut named = false;
    let mut changed = false;
    while !rest.is_empty() {
        if rest.starts_with("-----BEGIN ") {
            let end = rest.find("-----END ").map_or(rest.len(), |at| {
                let line = &rest[at..];
                at + line["-----END ".len()..]
                    .find("-----")
                    .map_or(line.len(), |to| to + "-----END ".len() + 5)
            });
            out.push_str(HIDDEN);
            (rest, changed, named) = (&rest[end..], true, false);
            continue;
        }
        let length = rest.find(|c| !of_token(c)).unwrap_or(rest.len());
        if length == 0 {
            let c = rest.chars().next().unwrap_or_default();
            // Between a name and its value stand only these.
            named = named && matches!(c, ':' | ' ' | '"' | '\'' | '\\' | '(' | '[' | '{');
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(length);
        let shown = word_without(word, &mut named);
        changed |= shown != word;
        out.push_str(&shown);
        rest = after;
    }
    if changed { Cow::Owned(out) } else { Cow::Borrowed(text) }
}

/// One word as it may be shown; `named` says, before, that it is a secret's value, and after, that the next one is.
fn word_without(word: &str, named: &mut bool) -> String {
    // `password = value`, with the sign by itself.
    if word == "=" {
        return word.to_owned();
    }
    // `name=value` in one word, as in a query or a log field.
    if let Some((name, value)) = word.split_once('=')
        && is_name(name)
    {
        // With nothing after it, the value is the next word: name="value".
        *named = value.is_empty();
        return if value.is_empty() { word.to_owned() } else { format!("{name}={HIDDEN}") };
    }
    if matches!(word.to_ascii_lowercase().as_str(), "bearer" | "basic") {
        // The scheme is no secret, what follows is.
        *named = true;
        return word.to_owned();
    }
    if std::mem::replace(named, false) {
        return HIDDEN.to_owned();
    }
    if is_name(word) {
        *named = true;
        return word.to_owned();
    }
    if looks_secret(word) { HIDDEN.to_owned() } else { word.to_owned() }
}

fn is_name(word: &str) -> bool {
    // A sentence may say "token"; a name of a value is short.
    let word = word.to_ascii_lowercase();
    word.len() <= 40 && NAMES.iter().any(|name| word.ends_with(name) || word.ends_with(&format!("{name}s")))
}

fn looks_secret(word: &str) -> bool {
    let jwt = word.starts_with("eyJ") && word.len() >= 20;
    let age = word.to_ascii_uppercase().contains("AGE-SECRET-KEY-");
    let hex = |part: &str| part.len() >= 64 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let private = word.split(['=', '/', '.']).any(|part| hex(part.trim_start_matches("0x")));
    jwt || age || private || is_card(word)
}

/// Thirteen to nineteen digits whose last one is right.
fn is_card(word: &str) -> bool {
    let digits: Vec<u32> = word.chars().filter(|c| *c != '-').filter_map(|c| c.to_digit(10)).collect();
    let only_digits = word.chars().all(|c| c.is_ascii_digit() || c == '-');
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match (index % 2, digit * 2) {
            (0, _) => *digit,
            (_, double) => double / 10 + double % 10,
        })
        .sum();
    only_digits && (13..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m5_secrets_are_hidden_wherever_they_stand() {
        let key = "ab".repeat(32);
        for (text, canary) in [
            ("Authorization: Bearer abc.CANARY", "CANARY"),
            ("authorization=\"Basic CANARY==\"", "CANARY"),
            ("GET /v2?symbol=AAPL&access_token=CANARY&x=1", "CANARY"),
            (r#"{"a":{"api_key":"CANARY","b":1}}"#, "CANARY"),
            (r#"body="{\"client_secret\": \"CANARY\"}""#, "CANARY"),
            ("password = CANARY", "CANARY"),
            ("the cookie: CANARY", "CANARY"),
            ("oauth_signature=CANARY%3D", "CANARY"),
            ("refresh eyJhbGciOiJIUzI1NiJ9.CANARY.sig", "CANARY"),
            ("AGE-SECRET-KEY-1CANARY", "CANARY"),
            ("key -----BEGIN EC PRIVATE KEY-----\nCANARY\n-----END EC PRIVATE KEY----- done", "CANARY"),
            ("cut -----BEGIN PRIVATE KEY-----\nCANARY", "CANARY"),
            (&format!("wallet 0x{key}"), "abab"),
            ("card 4111111111111111 expired", "4111"),
            ("card 4111-1111-1111-1111", "1111"),
            ("account_number=CANARY", "CANARY"),
        ] {
            let shown = redact(text);
            assert!(!shown.contains(canary) && shown.contains(HIDDEN), "{text}: {shown}");
        }
    }

    #[test]
    fn m5_what_is_no_secret_stays_as_it_is() {
        for text in [
            "",
            "order 3 filled: buy 10 AAPL at 231.50",
            "client_order_id=01J9Z8X7W6V5T4S3R2Q1P0N9M8",
            "the profile's lock is free",
            "2026-11-26T10:00:00Z INFO arbion: engine up symbols=1980",
            "order 4111111111111112",
            "Zürich 東京",
        ] {
            assert!(matches!(redact(text), Cow::Borrowed(_)), "{text}: {}", redact(text));
        }
        assert_eq!(redact("a token=x b"), "a token=[hidden] b");
    }
}
