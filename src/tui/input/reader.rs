//! The thread that waits for bytes. It sleeps until there are some, and ends when the terminal does.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
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
pub fn start(file: File) -> io::Result<Receiver<Input>> {
    let (sender, receiver) = channel(INPUTS_MAX);
    std::thread::Builder::new().name("arbion-keys".into()).spawn(move || read_loop(file, &sender))?;
    Ok(receiver)
}

fn read_loop(mut file: File, sender: &Sender<Input>) {
    let mut parser = Parser::default();
    let mut buffer = [0; READ_BYTES];
    loop {
        let mut inputs = Vec::new();
        match wait_readable(&file, parser.wait()) {
            Ok(true) => match read_burst(&mut file, &mut buffer) {
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
fn read_burst(file: &mut File, buffer: &mut [u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        match file.read(buffer) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        let one_key = bytes.len() == 1 || bytes[0] == 0x1b;
        if one_key || bytes.len() >= READ_BYTES || !wait_readable(file, Some(BURST_WAIT))? {
            return Ok(bytes);
        }
    }
}

/// True when bytes can be read, false when the time is up.
fn wait_readable(file: &File, wait: Option<Duration>) -> io::Result<bool> {
    let timeout =
        wait.map(|wait| Timespec { tv_sec: wait.as_secs() as _, tv_nsec: wait.subsec_nanos() as _ });
    let mut fds = [PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN)];
    loop {
        match poll(&mut fds, timeout.as_ref()) {
            Ok(count) => return Ok(count > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
