-- Several plans of one position: those of strategies, and of what was added apart. The plan of all the rest has an empty part.
CREATE TABLE exit_part (
    account TEXT NOT NULL,
    instrument TEXT NOT NULL,
    part TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, instrument, part)
) STRICT, WITHOUT ROWID;
INSERT INTO exit_part (account, instrument, part, document) SELECT account, instrument, '', document FROM exit_plan;
DROP TABLE exit_plan;
