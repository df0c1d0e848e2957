//! The one way out to the terminal: buffers become bytes in `encoder`, bytes leave on the thread of `writer`.

pub mod encoder;
pub mod writer;

pub use encoder::Encoder;
pub use writer::Writer;
