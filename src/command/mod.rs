//! The command language: text to Command and back.
