//! Reading what brokers answer: missing and wrong fields are named by their place, numbers become decimals from their text and never through
//! a float, unknown fields are passed over, nesting is bounded.

mod place;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::BrokerError;

/// Deepest nesting of an answer (reliability N8).
const DEPTH_MAX: usize = 64;

/// Characters of a wrong answer that an error shows.
const SHOWN_MAX: usize = 80;

/// The largest number that is taken for one, far beyond any price, size or amount of money: sums of such numbers are numbers still.
const LARGEST: Decimal = Decimal::from_parts(2_701_131_776, 466_537_709, 54_210, false, 0);
/// Characters of what is wrong with it.
const REASON_MAX: usize = 300;

/// Reads an answer.
///
/// # Errors
/// `Unreadable` that names the field, such as `orders[3].qty: missing field`.
pub fn decode<T: DeserializeOwned>(broker: &str, call: &'static str, body: &[u8]) -> Result<T, BrokerError> {
    read(body).map_err(|reason| BrokerError::Unreadable { broker: broker.to_owned(), call, reason })
}

/// The same for a message of a stream, which may borrow from it.
///
/// # Errors
/// What is wrong and where, in one line.
pub fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    check_depth(body)?;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = T::deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|what| {
        if what.is_syntax() || what.is_eof() {
            let more = what.to_string().starts_with("trailing characters");
            let told = || format!("it is not JSON: {}", beginning(body));
            return if more { "there is more behind its end".to_owned() } else { told() };
        }
        let place = place::of(body, &what);
        // The names of fields are theirs too, and so is a text that is no name of a kind, however long.
        let what: String = crate::domain::text::clean(&what.to_string()).chars().take(REASON_MAX).collect();
        if place.is_empty() { what } else { format!("{}: {what}", crate::domain::text::clean(&place)) }
    })
}

/// The beginning of a body, cleaned for showing.
#[must_use]
pub fn beginning(body: &[u8]) -> String {
    if body.is_empty() {
        return "it is empty".to_owned();
    }
    let text = String::from_utf8_lossy(&body[..body.len().min(SHOWN_MAX * 4)]);
    let text: String = crate::domain::text::clean(&text).chars().take(SHOWN_MAX).collect();
    format!("it begins {text:?}")
}

/// A wrong text, cleaned and cut for showing.
#[must_use]
pub fn shown(text: &str) -> String {
    crate::domain::text::clean(text).chars().take(40).collect()
}

/// Brackets outside of strings.
fn check_depth(body: &[u8]) -> Result<(), String> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(format!("it is nested deeper than {DEPTH_MAX}"));
                }
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// A decimal from a JSON number or a string of one: `1.5`, `"1.50"`, `1e-7`. Digits beyond 28 are rounded half to even; too large is an error.
///
/// # Errors
/// When it is neither, such as `"NaN"` or `true`.
pub fn decimal_of(raw: &str) -> Result<Decimal, String> {
    let text = raw.trim().trim_matches('"').trim();
    let wrong = || format!("'{}' is not a decimal number", shown(text));
    let digits =
        text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E'));
    if text.is_empty() || !digits {
        return Err(wrong());
    }
    let value = if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { text.parse() };
    let value: Decimal = value.map_err(|_| wrong())?;
    if value.abs() > LARGEST {
        return Err(format!("'{}' is larger than any price, size or amount", shown(text)));
    }
    Ok(value)
}

/// `#[serde(deserialize_with = "json::decimal")]`: a number or a string of one.
///
/// # Errors
/// When the field is neither.
pub fn decimal<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    decimal_of(raw.get()).map_err(serde::de::Error::custom)
}

/// `#[serde(default, deserialize_with = "json::decimal_or_none")]`: the same, or null, an empty string or nothing at all.
///
/// # Errors
/// When the field is something else.
pub fn decimal_or_none<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Decimal>, D::Error> {
    let raw = <Option<&RawValue>>::deserialize(deserializer)?;
    match raw.map(RawValue::get) {
        None | Some("null" | "\"\"") => Ok(None),
        Some(raw) => decimal_of(raw).map(Some).map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Row {
        #[serde(deserialize_with = "decimal")]
        qty: Decimal,
        #[serde(default, deserialize_with = "decimal_or_none")]
        price: Option<Decimal>,
    }

    #[derive(Debug, Deserialize)]
    struct Rows {
        rows: Vec<Row>,
    }

    fn rows(text: &str) -> Result<Rows, String> {
        decode("test", "rows", text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn n8_numbers_are_decimals_from_their_text() {
        let read =
            rows(r#"{"rows":[{"qty":0.1,"price":"1.10"},{"qty":"3","price":null},{"qty":1e-7,"more":[1]}]}"#)
                .unwrap();
        let shown: Vec<String> = read.rows.iter().map(|row| row.qty.to_string()).collect();
        assert_eq!(shown, ["0.1", "3", "0.0000001"]);
        assert_eq!(read.rows[0].price.unwrap().to_string(), "1.10");
        assert!(read.rows[1].price.is_none() && read.rows[2].price.is_none());
        assert!(decimal_of("1e24").is_ok() && decimal_of("-1.0001e24").is_err());
        // A float would have lost these.
        assert_eq!(
            decimal_of("12345678901234567890.12345678").unwrap().to_string(),
            "12345678901234567890.12345678"
        );
        for bad in ["1e400", "NaN", "\"NaN\"", "Infinity", "true", "\"\"", "0x10", "1_000", "[]"] {
            assert!(decimal_of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn n8_what_is_missing_or_wrong_is_named_by_its_place() {
        for (text, said) in [
            (r#"{"rows":[{"qty":1},{"price":"2"}]}"#, "rows[1]: missing field `qty`"),
            (r#"{"rows":[{"qty":"one"}]}"#, "rows[0].qty: 'one' is not a decimal number"),
            (r#"{"rows":[{"qty":"one","price":"2"}]}"#, "rows[0].qty: 'one' is not a decimal number"),
            (
                r#"{"rows":[{"qty":1,"price":"2"},{"qty":2,"more":{"a":[1]},"price":"x"}, 3]}"#,
                "rows[1].price: 'x'",
            ),
            ("{\n \"rows\": [\n {\"qty\":1},\n {\"qty\":true }\n ]\n}", "rows[1].qty: 'true' is not"),
            (
                r#"{"more":[{"rows":"}"}],"rows":[7]}"#,
                "rows[0]: invalid type: integer `7`, expected struct Row",
            ),
            (r#"{"rows":[{"qty":1,"qty":2}]}"#, "rows[0].qty: duplicate field `qty`"),
            (r#"[]"#, "invalid length 0, expected struct Rows"),
            (r#"{"rows":{}}"#, "rows: invalid type: map, expected a sequence"),
            ("<html>\u{1b}[31m502", "it is not JSON: it begins \"<html>"),
            ("", "it is not JSON: it is empty"),
            (r#"{"rows":[]} x"#, "there is more behind its end"),
            (r#"{"rows":[{"qty":1"#, "it is not JSON"),
        ] {
            let error = rows(text).unwrap_err();
            assert!(error.contains(said) && !error.contains('\u{1b}'), "{text}: {error}");
        }
        let deep = format!("{{\"rows\":[],\"x\":{}{}}}", "[".repeat(64), "]".repeat(64));
        assert!(rows(&deep).unwrap_err().contains("nested deeper than 64"));
        let quoted = format!("{{\"rows\":[],\"x\":\"{}\\\"[\"}}", "[".repeat(100));
        assert!(rows(&quoted).is_ok());
    }
}
