//! SQLite: migrations, the order journal, history.
