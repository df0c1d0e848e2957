//! Frames as the streams send them, whole and cut.

use super::*;

fn json(text: &str) -> Result<Vec<Tick<'_>>, String> {
    let mut ticks = Vec::new();
    read_json(text.as_bytes(), &mut ticks).map(|()| ticks)
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

#[test]
fn messages_say_what_they_say() {
    let text = r#"[{"T":"q","S":"AAPL","bx":"V","bp":190.5,"bs":2,"ax":"V","ap":190.61,"as":1,"t":"2026-07-01T14:30:00.123456789Z","c":["R"],"z":"C"},
        {"T":"t","S":"BTC/USD","p":6e4,"s":0.00012,"t":"2026-07-01T14:30:00Z","i":7,"tks":"S"},
        {"S":"AAPL","T":"d","o":1,"h":2,"l":0.5,"c":1.5,"v":10,"n":1,"vw":1,"t":"2026-07-01T04:00:00Z"},
        {"T":"o","S":"BTC/USD","t":"2026-07-01T14:30:00Z","b":[{"p":1.5,"s":0}],"a":[],"r":true},
        {"T":"s","S":"AAPL","sc":"H","sm":"halted","rc":"x","rm":"y","t":"2026-07-01T14:30:00Z","z":"C"},
        {"T":"x","S":"AAPL","i":1,"x":"V","p":1,"s":1,"a":"C","t":"2026-07-01T14:30:00Z","z":"C"},
        {"T":"c","S":"AAPL","x":"V","oi":1,"op":190.1,"os":5,"oc":["@"],"ci":2,"cp":190.2,"cs":4,"cc":["@"],"t":"2026-07-01T14:30:00Z","z":"C"},
        {"T":"new kind","a":[{"deep":1}]}]"#;
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let found = json(text).unwrap();
    assert_eq!(found.len(), 7, "{found:?}");
    assert_eq!(
        found[0],
        Tick::Top {
            symbol: "AAPL".into(),
            at: at("2026-07-01T14:30:00.123456789Z"),
            bid: Some((price("190.5"), 2.into())),
            ask: Some((price("190.61"), 1.into())),
        }
    );
    assert_eq!(
        found[1],
        Tick::Trade {
            symbol: "BTC/USD".into(),
            at: at("2026-07-01T14:30:00Z"),
            price: price("60000"),
            size: "0.00012".parse().unwrap(),
            aggressor: Aggressor::Seller,
        }
    );
    assert!(
        matches!(&found[2], Tick::Day { high, volume, .. } if *high == price("2") && *volume == 10.into())
    );
    assert!(matches!(&found[3], Tick::Book { bids, whole: true, .. } if bids[0].size.is_zero()));
    assert_eq!(found[4], Tick::Halted { symbol: "AAPL".into(), halted: true });
    let gone = (price("1"), 1.into());
    assert_eq!(found[5], Tick::Corrected { symbol: "AAPL".into(), from: gone, to: None });
    let (from, to) = ((price("190.1"), 5.into()), Some((price("190.2"), 4.into())));
    assert_eq!(found[6], Tick::Corrected { symbol: "AAPL".into(), from, to });
}

#[test]
fn nobody_on_a_side_is_nobody() {
    let text = r#"[{"T":"q","S":"X","bp":0,"bs":0,"ap":1,"as":1,"t":"2026-07-01T14:30:00Z"}]"#;
    assert!(matches!(json(text).unwrap()[0], Tick::Top { bid: None, ask: Some(_), .. }));
}

#[test]
fn n8_what_is_wrong_is_named() {
    for (text, said) in [
        (r#"[{"T":"q","bp":1,"t":"2026-07-01T14:30:00Z"}]"#, "missing field `S`"),
        (r#"[{"T":"t","S":"X","p":"one","t":"2026-07-01T14:30:00Z"}]"#, "p: 'one' is not a decimal"),
        (r#"[{"T":"t","S":"X","p":1e400,"t":"2026-07-01T14:30:00Z"}]"#, "not a decimal"),
        (r#"[{"T":"t","S":"X","p":1,"t":"soon"}]"#, "'soon' is no time"),
        (r#"[{"S":"X"}]"#, "missing field `T`"),
        (r#"{"T":"q"}"#, "expected a sequence"),
        ("<html>", "not JSON"),
    ] {
        let error = json(text).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
}

/// A packed string, a packed float.
fn text(out: &mut Vec<u8>, text: &str) {
    out.push(0xa0 | u8::try_from(text.len()).unwrap());
    out.extend(text.as_bytes());
}

fn packed(time: &[u8], last: (&str, f64)) -> Vec<u8> {
    let mut out = vec![0x91, 0x85];
    for (name, value) in [("T", "t"), ("S", "AAPL260717C00200000"), ("c", "I")] {
        text(&mut out, name);
        text(&mut out, value);
    }
    text(&mut out, "t");
    out.extend(time);
    text(&mut out, last.0);
    out.push(0xcb);
    out.extend(last.1.to_be_bytes());
    out
}

#[test]
fn packed_times_are_read_in_all_their_forms() {
    let seconds: u32 = 1_790_000_000;
    let nanos: u32 = 123_456_789;
    let short = [&[0xd6, 0xff], seconds.to_be_bytes().as_slice()].concat();
    let middle = (u64::from(nanos) << 34) | u64::from(seconds);
    let middle = [&[0xd7, 0xff], middle.to_be_bytes().as_slice()].concat();
    let long =
        [&[0xc7, 12, 0xff], nanos.to_be_bytes().as_slice(), i64::from(seconds).to_be_bytes().as_slice()]
            .concat();
    for (time, at) in [(short, 0), (middle, nanos), (long, nanos)] {
        let bytes = packed(&time, ("p", 1.15));
        let mut ticks = Vec::new();
        read_packed(&bytes, &mut ticks).unwrap();
        let expected = Timestamp::new(i64::from(seconds), i32::try_from(at).unwrap()).unwrap();
        assert_eq!(
            ticks,
            [Tick::Trade {
                symbol: "AAPL260717C00200000".into(),
                at: expected,
                price: price("1.15"),
                size: Quantity::ZERO,
                aggressor: Aggressor::Unknown,
            }]
        );
    }
}

#[test]
fn packed_nonsense_is_an_error() {
    let good = packed(&[0xd6, 0xff, 0, 0, 0, 1], ("p", 1.15));
    for length in 0..good.len() {
        assert!(read_packed(&good[..length], &mut Vec::new()).is_err(), "{length}");
    }
    for bad in [
        packed(&[0xd6, 0x01, 0, 0, 0, 1], ("p", 1.15)),
        packed(&[0xd4, 0xff, 1], ("p", 1.15)),
        packed(&[0xd6, 0xff, 0, 0, 0, 1], ("p", f64::NAN)),
        packed(&[0xd6, 0xff, 0, 0, 0, 1], ("q", 1.0)),
    ] {
        assert!(read_packed(&bad, &mut Vec::new()).is_err(), "{bad:?}");
    }
}
