//! Strategies: state in, proposals out. Pure.
