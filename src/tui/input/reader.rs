//! The thread that waits for bytes. It sleeps until there are some, and ends when the terminal does.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::parser::{Input, Parser};

/// Inputs waiting for the screen. More than this, and the thread waits.
const INPUTS_MAX: usize = 1_024;
/// Keys that arrive together wait this long for more, to tell a paste from typing.
const BURST_WAIT: Duration = Duration::from_millis(10);
const READ_BYTES: usize = 4_096;

/// Starts the thread. The channel closes when the terminal is gone.
///
/// # Errors
/// When the system gives no thread.
pub fn start(terminal: OwnedFd) -> io::Result<Receiver<Input>> {
    let (sender, receiver) = channel(INPUTS_MAX);
    std::thread::Builder::new().name("arbion-keys".into()).spawn(move || read_loop(&terminal, &sender))?;
    Ok(receiver)
}

fn read_loop(terminal: &OwnedFd, sender: &Sender<Input>) {
    let mut parser = Parser::default();
    let mut buffer = [0; READ_BYTES];
    loop {
        let mut inputs = Vec::new();
        match wait_readable(terminal, parser.wait()) {
            Ok(true) => match read_burst(terminal, &mut buffer) {
                Ok(bytes) => parser.feed(&bytes, &mut inputs),
                Err(_) => return,
            },
            Ok(false) => parser.timeout(&mut inputs),
            Err(_) => return,
        }
        for input in inputs {
            if sender.blocking_send(input).is_err() {
                return;
            }
        }
    }
}

/// Reads what is there. One byte or one sequence is a key and goes at once; several bytes may be the start of a paste.
fn read_burst(terminal: &OwnedFd, buffer: &mut [u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        match rustix::io::read(terminal, &mut *buffer) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Err(error) => return Err(error.into()),
        }
        let one_key = bytes.len() == 1 || bytes[0] == 0x1b;
        if one_key || bytes.len() >= READ_BYTES || !wait_readable(terminal, Some(BURST_WAIT))? {
            return Ok(bytes);
        }
    }
}

/// True when bytes can be read, false when the time is up.
fn wait_readable(terminal: &OwnedFd, wait: Option<Duration>) -> io::Result<bool> {
    let timeout =
        wait.map(|wait| Timespec { tv_sec: wait.as_secs() as _, tv_nsec: wait.subsec_nanos() as _ });
    let mut fds = [PollFd::new(terminal, PollFlags::IN)];
    loop {
        match poll(&mut fds, timeout.as_ref()) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
