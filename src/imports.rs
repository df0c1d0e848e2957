//! Files of bars that are read in: every row is checked, then the file is kept in the profile as it is.

use arbion::cli::CliError;
use arbion::cli::host::Settings;
use arbion::cli::imported::{ImportReport, ImportRequest};
use arbion::client::progress::Progress;
use arbion::config::ProfileFiles;
use arbion::market::bars_file;

/// Reads in a file. Takes as long as its size asks for, and never waits for anything else.
pub fn bars(
    settings: &Settings,
    request: &ImportRequest,
    progress: &Progress,
) -> Result<ImportReport, CliError> {
    let wrong = |error: bars_file::BarsError| CliError::usage(error.to_string());
    let bytes = bars_file::read_bytes(&request.file).map_err(wrong)?;
    progress.set_total(bars_file::rows_in(&bytes));
    let mut watch = |rows| {
        progress.add_done(rows);
        !progress.ends()
    };
    let ended = || CliError::usage("it was ended before it was done; nothing is kept");
    let calendar = settings.calendar()?;
    let bars = bars_file::load_bytes(&request.file, &bytes, &calendar, &mut watch)
        .map_err(wrong)?
        .filter(|_| !progress.ends())
        .ok_or_else(ended)?;
    let files = ProfileFiles::of(&settings.paths.profile_dir(&settings.profile));
    let path = files.keep_bars(&request.name, &bytes, request.overwrite).map_err(CliError::storage)?;
    let starts = || bars.series.values().flatten().map(|row| row.bar.start);
    Ok(ImportReport {
        name: request.name.clone(),
        file: path.display().to_string(),
        instruments: bars.series.keys().cloned().collect(),
        interval: bars.interval,
        from: starts().min(),
        until: starts().max(),
        bars: bars.series.values().map(|series| series.len() as u64).sum(),
        warnings: bars_file::doubts(&bars, &calendar),
    })
}

#[cfg(test)]
mod tests {
    use arbion::config::{Environment, Loaded, Paths, ProfileName};

    use super::*;

    const ROWS: &str = "symbol,date,open,high,low,close,volume\n\
                        AAPL,2020-01-02,74,75.2,73.8,75.1,100\nAAPL,2020-01-03,74.2,75.1,74.1,74.4,90\n";

    fn settings(home: &std::path::Path) -> Settings {
        let (paths, profile) = (Paths::under(&home.join("home")), ProfileName::default());
        paths.prepare(&profile).unwrap();
        let loaded = Loaded::read(&paths, &profile, None).unwrap();
        Settings { profile, paths, loaded, environment: Environment::default(), config_file: None }
    }

    #[test]
    fn a_file_is_checked_and_kept_whole_or_not_at_all() {
        let home = tempfile::tempdir().unwrap();
        let settings = settings(home.path());
        let file = home.path().join("nq.csv");
        let request = ImportRequest { file: file.clone(), name: "nq".to_owned(), overwrite: false };
        let files = ProfileFiles::of(&settings.paths.profile_dir(&settings.profile));
        let run = |text: &str| {
            std::fs::write(&file, text).unwrap();
            bars(&settings, &request, &Progress::default())
        };
        let wrong =
            run("symbol,date,open,high,low,close,volume\nAAPL,2020-01-02,74,70,73.8,75.1,100\n").unwrap_err();
        assert!(wrong.message.contains("nq.csv:2: ") && files.bars("nq").is_none(), "{}", wrong.message);
        let report = run(ROWS).unwrap();
        assert_eq!((report.bars, report.instruments.len(), report.interval.unwrap().as_str()), (2, 1, "1d"));
        assert_eq!(std::fs::read_to_string(files.bars("nq").unwrap()).unwrap(), ROWS);
        assert_eq!(report.warnings, Vec::<String>::new());
        assert!(run(ROWS).unwrap_err().message.contains("exists"));
        let again = ImportRequest { overwrite: true, ..request.clone() };
        assert!(bars(&settings, &again, &Progress::default()).is_ok());
        let progress = Progress::default();
        progress.end();
        let other = ImportRequest { name: "other".to_owned(), ..request.clone() };
        assert!(bars(&settings, &other, &progress).unwrap_err().message.contains("ended before"));
        assert_eq!(files.bars_names(), ["nq"]);
        // What looks wrong is kept, and said.
        std::fs::write(&file, format!("{ROWS}AAPL,2020-01-07,18.6,18.7,18.5,18.6,360\n")).unwrap();
        let odd = ImportRequest { name: "odd".to_owned(), ..request.clone() };
        let report = bars(&settings, &odd, &Progress::default()).unwrap();
        assert_eq!(
            report.warnings,
            [
                "AAPL: 1 session has no bar, from 2020-01-03 to 2020-01-07",
                "AAPL: 2020-01-07 opens at a price as after a split of 4 for 1; the bars are not adjusted for one",
            ]
        );
        assert_eq!(files.bars_names(), ["nq", "odd"]);
        let named = |name: &str| arbion::cli::imported::bars_file(&settings, std::path::Path::new(name));
        assert_eq!(named("nq").unwrap(), files.bars("nq").unwrap());
        assert_eq!(named("/x/nq").unwrap(), std::path::Path::new("/x/nq"));
        let none = named("es").unwrap_err().message;
        assert_eq!(none, "no file and no imported bars are called 'es'; imported are nq, odd");
    }
}
