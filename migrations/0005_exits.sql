-- Exit plans of positions, with where each stands: a JSON document of one version of the program, written with the orders that it asks for.
CREATE TABLE exit_plan (
    account TEXT NOT NULL,
    instrument TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account, instrument)
) STRICT, WITHOUT ROWID;
