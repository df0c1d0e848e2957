//! JSON without anything a terminal would act on: what `clean` would remove is escaped, so that nothing is lost and nothing is obeyed.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use crate::domain::text::clean;

/// One line of JSON. Control, bidirectional and invisible characters are `\u` escapes.
///
/// # Errors
/// When the value has no JSON form.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::with_capacity(256);
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Escaping))?;
    String::from_utf8(bytes).map_err(|error| serde_json::Error::io(io::Error::other(error)))
}

struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_active(*c)) {
            CompactFormatter.write_string_fragment(writer, &rest[..at])?;
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

/// Would it be cleaned away if it stood alone.
fn is_active(c: char) -> bool {
    let mut buffer = [0; 4];
    !matches!(c, ' '..='~') && *clean(c.encode_utf8(&mut buffer)) != *c.encode_utf8(&mut [0; 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_and_nothing_is_active() {
        for text in [
            "plain",
            "Zürich 東京 👩\u{200d}🚀",
            "a\u{1b}[31mb",
            "\u{9b}2J",
            "\u{202e}LPAA",
            "\u{e0041}",
            "q\"\\\n",
        ] {
            let json = to_json(text).unwrap();
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
            assert_eq!(clean(&json), json, "{json:?}");
        }
        assert_eq!(to_json("Zürich").unwrap(), "\"Zürich\"");
        assert_eq!(to_json("\u{9b}\u{e0041}").unwrap(), r#""\u009b\udb40\udc41""#);
    }
}
