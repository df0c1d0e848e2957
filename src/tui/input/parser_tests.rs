//! The parser over recorded bytes, whole and split at every place.

use super::*;

fn parse(chunks: &[&[u8]]) -> Vec<Input> {
    let mut parser = Parser::default();
    let mut out = Vec::new();
    for chunk in chunks {
        parser.feed(chunk, &mut out);
    }
    if parser.wait().is_some() {
        parser.timeout(&mut out);
    }
    out
}

fn names(inputs: &[Input]) -> String {
    let name = |input: &Input| match input {
        Input::Key(event) => {
            let prefix: String =
                [(KeyModifiers::CONTROL, "C-"), (KeyModifiers::ALT, "A-"), (KeyModifiers::SHIFT, "S-")]
                    .into_iter()
                    .filter(|(modifier, _)| event.modifiers.contains(*modifier))
                    .map(|(_, text)| text)
                    .collect();
            match event.code {
                KeyCode::Char(c) => format!("{prefix}{c}"),
                other => format!("{prefix}{other:?}"),
            }
        }
        Input::Mouse(event) => format!("{:?}@{},{}", event.kind, event.column, event.row),
        Input::Paste(text) => format!("paste<{text}>"),
        Input::PasteTooLong => "paste-too-long".into(),
    };
    inputs.iter().map(name).collect::<Vec<_>>().join(" ")
}

const CASES: &[(&str, &str)] = &[
    ("b:", "b :"),
    ("\r\n\t\x7f", "Enter Enter Tab Backspace"),
    ("\x0b\x10\x03", "C-k C-p C-c"),
    ("\x1b", "Esc"),
    ("\x1b\x1b", "Esc Esc"),
    ("\x1bx", "A-x"),
    ("\x1b[A\x1b[B\x1bOC\x1b[D", "Up Down Right Left"),
    ("\x1b[1;5C\x1b[1;2A\x1b[3;3~", "C-Right S-Up A-Delete"),
    ("\x1b[5~\x1b[6~\x1b[H\x1b[4~\x1b[15~\x1bOP", "PageUp PageDown Home End F(5) F(1)"),
    ("\x1b[Z", "S-BackTab"),
    ("\x1b[107;5u", "C-k"),
    ("é東🚀", "é 東 🚀"),
    (
        "\x1b[<0;10;5M\x1b[<0;10;5m\x1b[<64;1;1M\x1b[<65;300;99M",
        "Down(Left)@9,4 Up(Left)@9,4 ScrollUp@0,0 ScrollDown@299,98",
    ),
    ("\x1b[M abq", "q"),
    ("\x1b[200~buy 10\r\naapl\n\x1b[201~q", "paste<buy 10 aapl > q"),
    // Replies that nobody here asked for.
    ("\x1b[?64;1;2;6c", ""),
    ("\x1b[>41;354;0c", ""),
    ("\x1b[0n\x1b[12;40R", ""),
    ("\x1b[?1u\x1b[?2026;2$y", ""),
    ("\x1b]11;rgb:1e1e/1e1e/1e1e\x07q", "q"),
    ("\x1b]10;rgb:ffff/ffff/ffff\x1b\\q", "q"),
    ("\x1bP>|xterm(390)\x1b\\q", "q"),
    ("\x1bP1+r696e\x1b\\\x1b_Gi=1;OK\x1b\\q", "q"),
    ("\x1b[<0;10;5M\x1b[<32;11;6M\x1b[<0;11;6m", "Down(Left)@9,4 Drag(Left)@10,5 Up(Left)@10,5"),
    // Motion without a button, or with another one, was not asked for.
    ("\x1b[<35;10;5M\x1b[<34;10;5M", ""),
    ("\x1b[I\x1b[O", ""),
];

#[test]
fn t4_bytes_become_inputs_however_they_are_split() {
    for (bytes, expected) in CASES {
        let bytes = bytes.as_bytes();
        assert_eq!(names(&parse(&[bytes])), *expected, "{:?}", String::from_utf8_lossy(bytes));
        for at in 1..bytes.len() {
            let split = names(&parse(&[&bytes[..at], &bytes[at..]]));
            assert_eq!(split, *expected, "{:?} split at {at}", String::from_utf8_lossy(bytes));
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(names(&parse(&single)), *expected, "{:?} byte by byte", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn invalid_bytes_are_skipped() {
    assert_eq!(names(&parse(&[b"\xff\xc3(a\xe6\x9d"])), "( a");
    assert_eq!(names(&parse(&["\u{9b}q".as_bytes()])), "q");
}

#[test]
fn alt_bracket_alone_is_forgotten() {
    let mut parser = Parser::default();
    let mut out = Vec::new();
    parser.feed(b"\x1b]", &mut out);
    assert!(parser.wait().is_some());
    parser.timeout(&mut out);
    parser.feed(b"buy", &mut out);
    assert_eq!(names(&out), "b u y");
}

#[test]
fn t3_long_pastes_are_refused_as_a_whole() {
    let body = "x".repeat(PASTE_BYTES_MAX);
    let paste = |body: &str| format!("\x1b[200~{body}\x1b[201~\r");
    assert!(
        matches!(&parse(&[paste(&body).as_bytes()])[..], [Input::Paste(text), Input::Key(_)] if text.len() == PASTE_BYTES_MAX)
    );
    for size in [PASTE_BYTES_MAX + 1, PASTE_BYTES_MAX * 3] {
        let bytes = paste(&"x".repeat(size)).into_bytes();
        let chunks: Vec<&[u8]> = bytes.chunks(1_000).collect();
        assert_eq!(names(&parse(&chunks)), "paste-too-long Enter");
    }
}

#[test]
fn t3_a_paste_without_its_end_is_still_a_paste() {
    assert_eq!(names(&parse(&[b"\x1b[200~buy 10 aapl\r"])), "paste<buy 10 aapl >");
}

#[test]
fn t3_many_keys_at_once_are_a_paste() {
    assert_eq!(names(&parse(&[b":buy 100 aapl at 1\rq\r"])), "paste<:buy 100 aapl at 1 q >");
    assert_eq!(parse(&[b"jjjjjjjjjj\r"]).len(), 11, "a held key is typing");
}

proptest::proptest! {
    #[test]
    fn no_bytes_break_the_parser(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let mut parser = Parser::default();
        let mut out = Vec::new();
        for chunk in bytes.chunks(3) {
            parser.feed(chunk, &mut out);
        }
        parser.timeout(&mut out);
        for input in &out {
            if let Input::Key(KeyEvent { code: KeyCode::Char(c), .. }) = input {
                proptest::prop_assert!(!c.is_control());
            }
        }
    }
}
