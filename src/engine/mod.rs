//! The async shell around the core; the only caller of its step.
