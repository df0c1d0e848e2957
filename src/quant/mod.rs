//! Numbers in, numbers out: indicators, option maths, performance metrics, position sizing.
