//! Portfolio accounting: lots, positions, cash, margin, buying power.
