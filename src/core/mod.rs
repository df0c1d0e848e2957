//! The pure engine. It knows no clock, no socket, no file, no random source.
