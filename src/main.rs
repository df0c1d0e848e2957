//! Arbion's entry point: hand the command line and the program around it to `cli::run`.

mod backtests;
mod caged;
mod checked;
mod doctor;
mod exports;
mod figures;
mod imports;
mod keeper;
mod late;
mod linger;
mod logins;
mod process;
mod program;
mod runs;
mod screen;
mod signing_in;
mod supervisor;
mod ticks;
mod venue;
mod walks;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: a namespace is only for a process that has one thread.
    if let Some(code) = caged::run(std::env::args()) {
        return code;
    }
    program::private_files();
    arbion::cli::run(std::env::args_os(), &program::Program::new(std::env::args_os()))
}
