//! Where in a JSON text the reader stood when it gave up, as keys and indexes: `orders[3].qty`. The text is walked again, and only then: a
//! reader that keeps the path at every field is made once more for every type, a megabyte of program.

/// Characters of a key that a place shows.
const KEY_MAX: usize = 40;

/// An object or an array that is open.
struct Open<'a> {
    /// The key whose value is being read; `None` in an array and before the first key.
    key: Option<&'a [u8]>,
    /// The element being read; `None` in an object.
    index: Option<usize>,
    /// A string is the next key.
    wants_key: bool,
}

impl Open<'_> {
    fn write(&self, path: &mut String) {
        if let Some(index) = self.index {
            path.push_str(&format!("[{index}]"));
        } else if let Some(key) = self.key {
            let key = String::from_utf8_lossy(key);
            let key = crate::domain::text::clean(&key);
            if !path.is_empty() {
                path.push('.');
            }
            path.extend(key.chars().take(KEY_MAX));
        }
    }
}

/// The place of an error about the meaning of a well-formed text; empty for the whole of it.
pub(super) fn of(body: &[u8], error: &serde_json::Error) -> String {
    let (mut open, closed) = walk(&body[..offset(body, error)]);
    // serde_json closes an object before it says where it is. What lacks is the object's fault, all else that of its last field.
    let what = error.to_string();
    if what.starts_with("missing field") || what.starts_with("invalid length") {
        if closed.is_none() {
            open.pop();
        }
    } else {
        open.extend(closed);
    }
    let mut path = String::new();
    open.iter().for_each(|part| part.write(&mut path));
    path
}

/// Bytes read before the error.
fn offset(body: &[u8], error: &serde_json::Error) -> usize {
    let before = body.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    (before.map(<[u8]>::len).sum::<usize>() + error.column()).min(body.len())
}

/// What is open at the end of the text, and what its last byte closed, if it closed something.
fn walk(text: &[u8]) -> (Vec<Open<'_>>, Option<Open<'_>>) {
    let (mut open, mut closed): (Vec<Open<'_>>, Option<Open<'_>>) = (Vec::new(), None);
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                let end = end_of_string(text, at + 1);
                if let Some(object) = open.last_mut().filter(|object| object.wants_key) {
                    object.key = Some(&text[at + 1..end]);
                    object.wants_key = false;
                }
                at = end;
            }
            b'{' => open.push(Open { key: None, index: None, wants_key: true }),
            b'[' => open.push(Open { key: None, index: Some(0), wants_key: false }),
            b',' => {
                if let Some(around) = open.last_mut() {
                    around.index = around.index.map(|index| index + 1);
                    around.wants_key = around.index.is_none();
                }
            }
            _ => {}
        }
        match byte {
            b'}' | b']' => closed = open.pop(),
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => closed = None,
        }
        at += 1;
    }
    (open, closed)
}

/// The place of the quote that ends a string, or the end of the text.
fn end_of_string(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}
