//! Pre-trade risk: the only room that approves an order.
