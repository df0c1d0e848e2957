//! The order state machine.
