-- Pages of one account's fills and the fills of one order, found without sorting everything.
CREATE INDEX execution_account_at ON execution (account, at);
CREATE INDEX execution_intent_at ON execution (intent_id, at);
