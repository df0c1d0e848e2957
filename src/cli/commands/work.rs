//! Work that takes long, as a screen has it done: the words, arguments and answers are those of the command line, so that neither can do
//! what the other cannot.

use std::path::Path;
use std::sync::Arc;

use super::{account, backtest, export, import};
use crate::cli::args::{BacktestArgs, ExportBarsArgs, ExportTradesArgs, ImportBarsArgs, read_one};
use crate::cli::error::CliError;
use crate::cli::host::{Host, Settings, TradesFormat};
use crate::cli::line::Line;
use crate::cli::one_line;
use crate::client::Session;
use crate::client::progress::Progress;
use crate::config::ProfileFiles;

/// Words that such a line begins with.
const VERBS: [&str; 3] = ["backtest", "export", "import"];

/// A piece of work.
#[derive(Debug)]
pub struct Work(Kind);

#[derive(Debug)]
enum Kind {
    Backtest(Box<BacktestArgs>),
    /// Without a file's name it goes to the profile's own folder.
    Export(Box<ExportTradesArgs>),
    /// The same.
    Bars(Box<ExportBarsArgs>),
    Import(Box<ImportBarsArgs>),
}

impl Work {
    /// Reads a line as the command line would. `None` where it begins with none of its words. A parameter of a strategy needs no `--set`, and
    /// `~/` is the home directory, as a shell would have it; without one it stays as it is.
    #[must_use]
    pub fn read(line: &str, home: Option<&Path>) -> Option<Result<Self, CliError>> {
        let words: Vec<String> = words(line).into_iter().map(|word| at_home(word, home)).collect();
        let verb = VERBS.into_iter().find(|verb| words.first().is_some_and(|word| word == verb))?;
        Some(Self::of(verb, words))
    }

    fn of(verb: &'static str, mut words: Vec<String>) -> Result<Self, CliError> {
        let wrong = |error: clap::Error, see: &str| {
            CliError::usage(one_line(&error.render().to_string(), &format!("arbion {see}")))
        };
        if verb == "backtest" {
            let args: BacktestArgs = read_one(verb, &with_set(words)).map_err(|e| wrong(e, verb))?;
            backtest::sets(&args)?;
            return Ok(Self(Kind::Backtest(Box::new(args))));
        }
        if verb == "import" {
            if words.get(1).is_none_or(|what| what != "bars") {
                return Err(CliError::usage("what is read in is said after it: import bars FILE.csv"));
            }
            words.remove(0);
            let args = read_one("bars", &words).map_err(|e| wrong(e, "import bars"))?;
            import::name(&args)?;
            return Ok(Self(Kind::Import(Box::new(args))));
        }
        let what = words.get(1).cloned().unwrap_or_default();
        if !["trades", "bars"].contains(&what.as_str()) {
            return Err(CliError::usage(
                "what is written is said after it: export trades, or: export bars SYMBOL",
            ));
        }
        words.remove(0);
        if !words.iter().any(|word| word == "--to" || word.starts_with("--to=")) {
            words.extend(["--to".to_owned(), "-".to_owned()]);
        }
        if what == "bars" {
            let args = read_one("bars", &words).map_err(|e| wrong(e, "export bars"))?;
            return Ok(Self(Kind::Bars(Box::new(args))));
        }
        let args = read_one("trades", &words).map_err(|e| wrong(e, "export trades"))?;
        Ok(Self(Kind::Export(Box::new(args))))
    }

    /// What it does, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.0 {
            Kind::Backtest(args) => match backtest::sets(args).map_or(1, |sets| sets.len()) {
                1 => format!("run {} over recorded bars", args.strategy),
                runs => format!("run {} over recorded bars {runs} times", args.strategy),
            },
            Kind::Import(args) => {
                let name = import::name(args).unwrap_or_default();
                format!("read in the bars of {} as {name}", args.file.display())
            }
            Kind::Bars(args) => {
                let of = format!("write the bars:{} of {}", args.interval, args.symbol);
                match args.to.as_os_str() == "-" {
                    true => format!("{of} to a file of the profile"),
                    false => format!("{of} to {}", args.to.display()),
                }
            }
            Kind::Export(args) => {
                let of = args.symbol.as_ref().map(|symbol| format!(" of {symbol}")).unwrap_or_default();
                match args.to.as_os_str() == "-" {
                    true => format!("write all fills{of} to a file of the profile"),
                    false => format!("write all fills{of} to {}", args.to.display()),
                }
            }
        }
    }

    /// Does it, and says what came of it as lines of at most so many columns.
    ///
    /// # Errors
    /// Why it was not done, and that it was ended before.
    pub async fn carry_out(
        &self,
        host: &dyn Host,
        settings: &Settings,
        session: Arc<dyn Session>,
        progress: &Progress,
        columns: u16,
    ) -> Result<String, CliError> {
        match &self.0 {
            Kind::Backtest(args) => {
                let output = backtest::quietly(host, settings, args, progress).await?;
                Ok(output.text(Some(usize::from(columns)), false))
            }
            Kind::Import(args) => Ok(import::bars(host, settings, args, progress).await?.text(None, false)),
            Kind::Bars(args) => {
                let line = line_of(session, host, settings);
                if args.to.as_os_str() != "-" {
                    return Ok(export::bars(&line, host, args).await?.text(None, false));
                }
                let (bytes, count) = export::bars_of(&line, host, args).await?;
                let text = String::from_utf8(bytes).map_err(|error| CliError::internal(error.to_string()))?;
                let name = format!("bars-{}.csv", host.now().strftime("%Y%m%d-%H%M%S"));
                let path = kept(&settings.paths.profile_dir(&settings.profile), &name, &text)?;
                Ok(format!("{count} bars in {path}"))
            }
            Kind::Export(args) => {
                let line = line_of(session, host, settings);
                if args.to.as_os_str() != "-" {
                    return Ok(account::export(&line, host, args, progress).await?.text(None, false));
                }
                let fills = account::exported(&line, args, progress).await?;
                let text = host.trades_file(args.format, &fills);
                let ending = match args.format {
                    TradesFormat::Csv => "csv",
                    TradesFormat::Json => "json",
                };
                let name = format!("trades-{}.{ending}", host.now().strftime("%Y%m%d-%H%M%S"));
                let path = kept(&settings.paths.profile_dir(&settings.profile), &name, &text)?;
                Ok(format!("{} fills in {path}", fills.len()))
            }
        }
    }
}

fn line_of<'a>(session: Arc<dyn Session>, host: &'a dyn Host, settings: &Settings) -> Line<'a> {
    Line { session, lookup: host.lookup(), zone: settings.loaded.config.screen.zone.time_zone() }
}

fn kept(directory: &Path, name: &str, text: &str) -> Result<String, CliError> {
    let path = ProfileFiles::of(directory).export(name, text).map_err(CliError::storage)?;
    Ok(path.display().to_string())
}

/// The words of a line; quotation marks keep blanks together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut begun) = (String::new(), false, false);
    for c in line.chars() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            c if c.is_whitespace() && !quoted => {
                if std::mem::take(&mut begun) {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// `~/bars.csv`, or `--to=~/fills.csv`, with the home directory in place of its sign.
fn at_home(word: String, home: Option<&Path>) -> String {
    let Some(home) = home.and_then(Path::to_str) else { return word };
    match word.split_once("~/") {
        Some((before, rest)) if before.is_empty() || (before.starts_with("--") && before.ends_with('=')) => {
            format!("{before}{}/{rest}", home.trim_end_matches('/'))
        }
        _ => word,
    }
}

/// `fast=10` alone is `--set fast=10`.
fn with_set(words: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        let after_option = out.last().is_some_and(|before| before.starts_with("--"));
        if word.contains('=') && !word.starts_with('-') && !after_option {
            out.push("--set".to_owned());
        }
        out.push(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Option<String> {
        Work::read(line, Some(Path::new("/home/ann")))
            .map(|read| read.map_or_else(|error| error.message, |work| work.words()))
    }

    #[test]
    fn lines_are_read_as_the_command_line_reads_them() {
        for (line, expected) in [
            ("backtest sma_cross", "run sma_cross over recorded bars"),
            (
                "backtest sma_cross fast=5..10:5 --set slow=20..40:10",
                "run sma_cross over recorded bars 6 times",
            ),
            ("backtest sma_cross --from 2005-01-01 fast=5", "run sma_cross over recorded bars"),
            ("export trades", "write all fills to a file of the profile"),
            (
                "export trades --symbol AAPL --to \"/tmp/my fills.csv\"",
                "write all fills of AAPL to /tmp/my fills.csv",
            ),
            ("import bars /data/nq.csv", "read in the bars of /data/nq.csv as nq"),
            (
                "import bars \"/data/my bars.csv\" --name mine --force",
                "read in the bars of /data/my bars.csv as mine",
            ),
            ("import bars ~/nq.csv", "read in the bars of /home/ann/nq.csv as nq"),
            ("import bars \"~/my bars.csv\" --name m", "read in the bars of /home/ann/my bars.csv as m"),
            ("export trades --to=~/fills.csv", "write all fills to /home/ann/fills.csv"),
            ("export trades --to ~/a~/b.csv", "write all fills to /home/ann/a~/b.csv"),
            ("export trades --to /a~/b.csv", "write all fills to /a~/b.csv"),
        ] {
            assert_eq!(said(line).as_deref(), Some(expected), "{line}");
        }
        for (line, part) in [
            ("backtest", "see: arbion backtest --help"),
            ("backtest sma_cross --until soon", "invalid value 'soon'"),
            ("backtest sma_cross fast=9..1", "an end that is not below the start"),
            ("backtest sma_cross fast=1..3 --equity x.csv", "are of one run"),
            ("import", "import bars FILE.csv"),
            ("import bars", "see: arbion import bars --help"),
            ("import bars shipped.csv", "another --name"),
            ("export", "export trades"),
            ("export orders", "export trades"),
            ("export trades --profile bob", "unexpected argument '--profile'"),
        ] {
            let text = said(line).unwrap();
            assert!(text.contains(part) && !text.contains('\n'), "{line}: {text}");
        }
        for line in ["", "buy 10 aapl", "backtests", "Export trades", "the backtest of sma_cross"] {
            assert_eq!(said(line), None, "{line}");
        }
    }
}
