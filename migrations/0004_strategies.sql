-- Strategies of the profile, and why they did or did not do something. What a strategy is and where it stands are JSON of one version.
CREATE TABLE strategy (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('paper', 'live')),
    enabled INTEGER NOT NULL,
    spec TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE decision (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    strategy TEXT NOT NULL,
    instrument TEXT,
    phase TEXT NOT NULL,
    code TEXT NOT NULL,
    text TEXT NOT NULL,
    inputs TEXT NOT NULL,
    proposal TEXT
) STRICT;
CREATE INDEX decision_strategy ON decision (strategy, id);
