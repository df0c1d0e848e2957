//! The terminal a command talks to: where its words go, who answers its questions, and how wide and colourful it may be. Tests bring one
//! that remembers.

use std::fs::File;
use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::config::{Colour, ColourDepth, Environment};
use crate::domain::text::ascii_escaped;

/// Narrowest table.
const WIDTH_MIN: usize = 40;

/// Asks on the terminal itself for a line that is not shown. Nothing is shown from before the question is there: who answers at once, or pastes,
/// would see what is typed before the question is read to its end.
fn hidden(prompt: &str) -> io::Result<String> {
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let shows = tcgetattr(&terminal)?;
    let mut silent = shows.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&terminal, OptionalActions::Now, &silent)?;
    let answer = rpassword::prompt_password(prompt);
    tcsetattr(&terminal, OptionalActions::Now, &shows)?;
    answer
}

/// Input and output of one command.
pub struct Console {
    /// Answers: tables and JSON.
    pub out: Box<dyn Write + Send>,
    /// Errors, questions and progress.
    pub err: Box<dyn Write + Send>,
    /// What a person types.
    pub input: Box<dyn BufRead + Send>,
    /// Reads a line that is not shown. Absent where `input` shows nothing anyway.
    pub hidden: Option<fn(&str) -> io::Result<String>>,
    /// Both a person's keyboard and screen are there, so that a question can be asked.
    pub can_ask: bool,
    /// `input` is a terminal: the screen needs its keys, and has no use for `err`.
    pub input_is_terminal: bool,
    /// `out` is a terminal.
    pub out_is_terminal: bool,
    /// Columns of the terminal; absent where `out` is a file or a pipe, which take any width.
    pub width: Option<usize>,
    /// Colours may be used.
    pub colour: bool,
}

impl Console {
    /// The process's own streams.
    #[must_use]
    pub fn system(environment: &Environment) -> Self {
        let (out, err, input) = (io::stdout(), io::stderr(), io::stdin());
        let out_is_terminal = out.is_terminal();
        let columns = || crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns));
        let width =
            out_is_terminal.then(|| environment.columns.or_else(columns).unwrap_or(80).max(WIDTH_MIN));
        Self {
            can_ask: input.is_terminal() && err.is_terminal(),
            input_is_terminal: input.is_terminal(),
            colour: out_is_terminal && Colour::Auto.depth(environment) != ColourDepth::None,
            out: Box::new(Quiet(out)),
            err: Box::new(Quiet(err)),
            input: Box::new(io::BufReader::new(input)),
            hidden: Some(hidden),
            out_is_terminal,
            width,
        }
    }

    /// Asks for a line that is not shown while it is typed.
    ///
    /// # Errors
    /// When the terminal cannot be read or written, or ends.
    pub fn ask_hidden(&mut self, prompt: &str) -> io::Result<String> {
        let prompt = ascii_escaped(prompt);
        if let Some(hidden) = self.hidden {
            return hidden(&prompt);
        }
        write!(self.err, "{prompt}")?;
        self.err.flush()?;
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end_matches(['\n', '\r']).len());
        Ok(line)
    }

    /// Asks for a line.
    ///
    /// # Errors
    /// When the terminal cannot be read or written.
    pub fn ask_line(&mut self, question: &str) -> io::Result<String> {
        write!(self.err, "{}", ascii_escaped(question))?;
        self.err.flush()?;
        let mut answer = String::new();
        self.input.read_line(&mut answer)?;
        Ok(answer)
    }

    /// Asks a yes-or-no question on the error stream. Anything but `y` or `yes` is no. A look-alike letter in it is shown as what it is.
    ///
    /// # Errors
    /// When the terminal cannot be read or written.
    pub fn ask(&mut self, question: &str) -> io::Result<bool> {
        write!(self.err, "{} [y/N] ", ascii_escaped(question))?;
        self.err.flush()?;
        let mut answer = String::new();
        self.input.read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }
}

/// A stream whose reader may leave: what is written after that is dropped without a word, as `arbion … | head` should be.
struct Quiet<W>(W);

impl<W: Write> Write for Quiet<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn t2_a_question_shows_look_alike_letters() {
        let shown = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        struct Into(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl Write for Into {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut console = Console {
            out: Box::new(io::sink()),
            err: Box::new(Into(std::sync::Arc::clone(&shown))),
            input: Box::new(io::Cursor::new("y\n")),
            hidden: None,
            can_ask: true,
            input_is_terminal: true,
            out_is_terminal: true,
            width: None,
            colour: false,
        };
        assert!(console.ask("buy 10 \u{391}APL?").unwrap());
        assert_eq!(shown.lock().unwrap().as_slice(), b"buy 10 \\u{391}APL? [y/N] ");
    }

    #[test]
    fn a_reader_that_left_is_no_error() {
        let mut out = Quiet(Broken);
        out.write_all(b"table").unwrap();
        out.flush().unwrap();
    }
}
