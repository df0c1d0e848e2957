//! Keys, pastes and clicks from the terminal. `parser` is pure; `reader` is the thread that waits for bytes.

pub mod parser;
pub mod reader;

pub use parser::Input;
