//! What a command answers, once as a JSON document and once as tables and lines, and how either is written.

pub mod bot_views;
pub mod csv;
pub mod engine;
pub mod format;
mod json;
pub mod market_views;
pub mod strategy_views;
mod table;
pub mod tax_views;
pub mod views;

use std::io::Write;

use serde::Serialize;

use super::console::Console;
use super::error::{CliError, EXIT_DONE, EXIT_INTERNAL};
use crate::domain::text::clean;

pub use json::to_json;
pub use table::{Align, Cell, Column, Table, Tone};

/// A piece of the text form.
#[derive(Clone, Debug)]
pub enum Block {
    /// A line.
    Line(String),
    /// A table.
    Table(Table),
    /// Text that is ours to the last byte (TOML, a script, a rendered screen), written as it is.
    Verbatim(String),
}

/// An object of one key: how every list is answered, so that more can be said beside it one day.
pub struct Named<'a, T: ?Sized>(pub &'static str, pub &'a T);

impl<T: Serialize + ?Sized> Serialize for Named<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, self.1)])
    }
}

/// What a command answers.
#[derive(Clone, Debug)]
pub struct Output {
    /// The JSON document, on one line.
    pub json: String,
    /// The same in words.
    pub blocks: Vec<Block>,
    /// What went wrong although there is an answer, such as an order that was denied: its line and its exit code.
    pub failure: Option<CliError>,
}

impl Output {
    /// An answer of this document, without words yet.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn new<T: Serialize + ?Sized>(document: &T) -> Result<Self, CliError> {
        Ok(Self { json: to_json(document)?, blocks: Vec::new(), failure: None })
    }

    /// A message and nothing else: `{"message": …}`.
    ///
    /// # Errors
    /// Never in practice: a text is always JSON.
    pub fn message(text: &str) -> Result<Self, CliError> {
        Ok(Self::new(&serde_json::json!({ "message": text }))?.line(text))
    }

    /// With one more line.
    #[must_use]
    pub fn line(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Line(text.into()));
        self
    }

    /// With one more table.
    #[must_use]
    pub fn table(mut self, table: Table) -> Self {
        self.blocks.push(Block::Table(table));
        self
    }

    /// With lines of a file or a screen, each cleaned.
    #[must_use]
    pub fn lines(self, text: &str) -> Self {
        let cleaned: Vec<_> = text.lines().map(clean).collect();
        self.verbatim(cleaned.join("\n"))
    }

    /// With text of ours.
    #[must_use]
    pub fn verbatim(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Verbatim(text.into()));
        self
    }

    /// With what went wrong.
    #[must_use]
    pub fn failing(mut self, failure: Option<CliError>) -> Self {
        self.failure = failure;
        self
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> u8 {
        self.failure.as_ref().map_or(EXIT_DONE, |failure| failure.exit)
    }

    /// The words, for a console of this width and colour.
    #[must_use]
    pub fn text(&self, width: Option<usize>, colour: bool) -> String {
        let mut text = String::new();
        let mut after_table = false;
        for block in &self.blocks {
            // A blank line keeps two tables apart.
            let is_table = matches!(block, Block::Table(_));
            if is_table && after_table {
                text.push('\n');
            }
            after_table = is_table;
            match block {
                Block::Line(line) => {
                    text.push_str(&clean(line));
                    text.push('\n');
                }
                Block::Table(table) => text.push_str(&table.render(width, colour)),
                Block::Verbatim(ours) => {
                    text.push_str(ours);
                    if !ours.ends_with('\n') && !ours.is_empty() {
                        text.push('\n');
                    }
                }
            }
        }
        text
    }
}

/// Writes an answer, or why there is none, and returns the exit code. Errors are one line on the error stream; with `--json` a failure
/// without an answer is a document too.
pub fn finish(result: Result<Output, CliError>, json: bool, console: &mut Console) -> u8 {
    let (document, failure) = match result {
        Ok(output) => {
            let text =
                if json { output.json.clone() + "\n" } else { output.text(console.width, console.colour) };
            (Some(text), output.failure)
        }
        Err(error) => {
            let text = if json {
                to_json(&serde_json::json!({ "error": &error })).ok().map(|text| text + "\n")
            } else {
                None
            };
            (text, Some(error))
        }
    };
    let mut exit = failure.as_ref().map_or(EXIT_DONE, |failure| failure.exit);
    if let Err(error) = write_all(console, document.as_deref(), failure.as_ref()) {
        // The answer did not reach its reader, for another reason than the reader's leaving: a full disk behind a redirect. Where the
        // error stream fails too, the exit code is all that is left.
        let error = CliError::internal(format!("the answer cannot be written: {error}"));
        writeln!(console.err, "arbion: {error}").unwrap_or_default();
        exit = exit.max(EXIT_INTERNAL);
    }
    exit
}

fn write_all(
    console: &mut Console,
    document: Option<&str>,
    failure: Option<&CliError>,
) -> std::io::Result<()> {
    if let Some(failure) = failure {
        writeln!(console.err, "arbion: {}", clean(&failure.message))?;
    }
    if let Some(document) = document {
        console.out.write_all(document.as_bytes())?;
    }
    console.out.flush()
}
