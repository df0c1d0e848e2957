//! Session: how a front end talks to an engine.
