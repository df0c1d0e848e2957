//! Market data: the symbol universe, replayed and simulated feeds, the conflating hub.
