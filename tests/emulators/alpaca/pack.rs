//! `MessagePack` as the market data streams write it: times are timestamps (extension type -1), not texts.

use serde_json::Value;

/// Names whose texts are times.
const TIMES: [&str; 3] = ["t", "created_at", "updated_at"];

/// A message as bytes.
pub fn write(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, value, false);
    out
}

fn put(out: &mut Vec<u8>, value: &Value, is_time: bool) {
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(flag) => out.push(0xc2 + u8::from(*flag)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => {
                out.push(0xd3);
                out.extend(whole.to_be_bytes());
            }
            None => {
                out.push(0xcb);
                out.extend(number.as_f64().unwrap().to_be_bytes());
            }
        },
        Value::String(text) => match text.parse::<jiff::Timestamp>() {
            Ok(at) if is_time => timestamp(out, at),
            _ => string(out, text),
        },
        Value::Array(values) => {
            out.push(0xdc);
            out.extend(u16::try_from(values.len()).unwrap().to_be_bytes());
            values.iter().for_each(|value| put(out, value, false));
        }
        Value::Object(fields) => {
            out.push(0xde);
            out.extend(u16::try_from(fields.len()).unwrap().to_be_bytes());
            for (name, value) in fields {
                string(out, name);
                put(out, value, TIMES.contains(&name.as_str()));
            }
        }
    }
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.push(0xda);
    out.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    out.extend(text.as_bytes());
}

/// The 64-bit form: nanoseconds in 30 bits, seconds in 34.
fn timestamp(out: &mut Vec<u8>, at: jiff::Timestamp) {
    let (seconds, nanos) = (at.as_second().unsigned_abs(), u64::from(at.subsec_nanosecond().unsigned_abs()));
    out.extend([0xd7, 0xff]);
    out.extend((nanos << 34 | seconds).to_be_bytes());
}

/// Reads what a client sends.
pub fn read(bytes: &[u8]) -> Option<Value> {
    rmp_serde::from_slice(bytes).ok()
}
