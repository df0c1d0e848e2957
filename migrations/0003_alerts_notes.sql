-- Alerts that wait or rang, and what a trader wrote beside an order.
CREATE TABLE alert (
    id INTEGER PRIMARY KEY,
    instrument TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('above', 'below', 'change_percent')),
    value TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    fired_at INTEGER,
    fired_price TEXT
) STRICT;

CREATE TABLE note (
    client_order_id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
