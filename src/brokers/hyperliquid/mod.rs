//! Hyperliquid: perpetuals and spot on HyperCore, with an agent's key. Reads go to `/info`, signed actions to `/exchange`, streams to `/ws`.
//! Never: moving money off the account.

pub mod actions;
pub mod numbers;
pub mod signing;
