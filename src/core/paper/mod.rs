//! The paper venue: a pure matching engine with its own books.
