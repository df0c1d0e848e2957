-- What a trader wrote about an instrument: several notes each, by their numbers.
CREATE TABLE symbol_note (
    id INTEGER PRIMARY KEY,
    instrument TEXT NOT NULL,
    at INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;
