//! What the terminal is told of an alert, in the bytes that reach a real one.

use super::pseudo::{PATIENCE, Pty};

#[test]
fn an_alert_reaches_the_desktop_by_osc_777() {
    let mut pty = Pty::start("child_rings");
    pty.drawn();
    let begins = b"\x07\x1b]777;notify;Arbion;";
    let mut heard: Vec<u8> = Vec::new();
    let told = loop {
        let at = heard.windows(begins.len()).position(|bytes| bytes == begins);
        let rest = at.map(|at| &heard[at + begins.len()..]);
        if let Some(text) = rest.and_then(|rest| Some(&rest[..rest.iter().position(|byte| *byte == 0x07)?])) {
            break String::from_utf8(text.to_vec()).unwrap();
        }
        let bytes = pty.bytes.as_ref().unwrap().recv_timeout(PATIENCE).expect("the terminal is told");
        pty.screen.process(&bytes);
        heard.extend(bytes);
    };
    // One message, whole, with nothing in it that would end it or begin another field.
    assert!(told.contains("TSLA below 330"), "{told}");
    assert!(!told.contains(';') && !told.contains(char::is_control), "{told}");
    let shown = pty.screen.screen().contents();
    assert!(!shown.contains("777") && !shown.contains("notify"), "none of it is drawn:\n{shown}");
    pty.type_in("\x03\x03");
    assert!(pty.ends());
    pty.is_given_back("after an alert");
}
