-- The profile's database. Decimals are canonical text, times are microseconds since 1970 UTC, instruments are their keys.
CREATE TABLE intent (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    origin_ref TEXT,
    request TEXT NOT NULL,
    risk TEXT NOT NULL,
    parent TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('new', 'cancel', 'replace')),
    created_at INTEGER NOT NULL,
    seq INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX intent_client_order_id ON intent (client_order_id) WHERE kind <> 'cancel';

CREATE TABLE intent_event (
    intent_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    at INTEGER NOT NULL,
    source TEXT NOT NULL,
    status_from TEXT NOT NULL,
    status_to TEXT NOT NULL,
    broker_order_id TEXT,
    detail TEXT NOT NULL,
    PRIMARY KEY (intent_id, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE execution (
    account TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    intent_id TEXT,
    broker_order_id TEXT,
    instrument TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity TEXT NOT NULL,
    price TEXT NOT NULL,
    multiplier TEXT NOT NULL,
    fee TEXT NOT NULL,
    fee_currency TEXT NOT NULL,
    realized_pnl TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (account, execution_id)
) STRICT;
CREATE INDEX execution_at ON execution (at);
CREATE INDEX execution_instrument_at ON execution (instrument, at);

CREATE TABLE execution_conflict (
    account TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE TABLE cash_entry (
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    instrument TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE reconcile_run (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    reason TEXT NOT NULL,
    started INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    counts TEXT NOT NULL,
    differences TEXT NOT NULL
) STRICT;

-- The latest state of each order: what history pages show.
CREATE TABLE orders (
    client_order_id TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    account TEXT NOT NULL,
    instrument TEXT NOT NULL,
    status TEXT NOT NULL,
    working INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX orders_working ON orders (working) WHERE working = 1;
CREATE INDEX orders_instrument ON orders (instrument, number);

CREATE TABLE equity (
    account TEXT NOT NULL,
    at INTEGER NOT NULL,
    net_liquidation TEXT NOT NULL,
    cash TEXT NOT NULL,
    PRIMARY KEY (account, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE watchlist (
    position INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    instruments TEXT NOT NULL
) STRICT;

CREATE TABLE venue (
    account TEXT PRIMARY KEY,
    state TEXT NOT NULL
) STRICT;

CREATE TABLE state (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    severity TEXT NOT NULL,
    code TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE TABLE migration (
    version INTEGER PRIMARY KEY,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;
