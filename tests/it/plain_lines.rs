//! Plain lines on a real terminal: what is typed while it is locked is not shown, and the terminal shows it again afterwards, however it ends.

use rustix::process::Signal;

use super::pseudo::{Pty, line_settings};

fn locked() -> Pty {
    let mut pty = Pty::start("child_plain");
    pty.until("greeting", |screen| screen.contents().contains("Type help"));
    pty.type_in("lock\r");
    pty.until("lock", |screen| screen.contents().contains("Type the passphrase of profile alice."));
    assert_ne!(line_settings(&pty.device), pty.before, "what is typed is hidden");
    pty
}

#[test]
fn a_passphrase_is_not_shown() {
    let mut pty = locked();
    pty.type_in("open sesame\r");
    pty.until("answer", |screen| screen.contents().contains("Unlocked."));
    pty.type_in("quotes\r");
    pty.until("quotes", |screen| screen.contents().contains("AAPL last 231.80"));
    let said = pty.screen.screen().contents();
    assert!(!said.contains("sesame") && said.contains("\nquotes"), "{said}");
    pty.type_in("quit\r");
    assert!(pty.ends());
    assert_eq!(line_settings(&pty.device), pty.before);
}

#[test]
fn a_locked_one_gives_the_terminal_back_on_every_way_out() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut pty = locked();
        pty.signal(signal);
        assert!(pty.ends(), "{signal:?}");
        assert_eq!(line_settings(&pty.device), pty.before, "{signal:?}");
    }
    let mut pty = locked();
    pty.type_in("\x04");
    assert!(pty.ends(), "the end of the input");
    assert_eq!(line_settings(&pty.device), pty.before);
}
