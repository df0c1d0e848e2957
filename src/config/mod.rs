//! Configuration files, paths, validation.
