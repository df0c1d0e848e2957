-- Bots that a person approved: each version with its manifest and the hashes of its files, and what was in them, each content once.
CREATE TABLE bot_version (
    bot TEXT NOT NULL,
    version INTEGER NOT NULL,
    approved_at INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    manifest TEXT NOT NULL,
    files TEXT NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (bot, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE bot_file (
    hash TEXT PRIMARY KEY,
    content BLOB NOT NULL
) STRICT;
