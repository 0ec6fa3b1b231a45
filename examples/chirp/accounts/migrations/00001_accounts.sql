-- +goose Up
CREATE TABLE accounts (
	id            INTEGER PRIMARY KEY AUTOINCREMENT,
	name          TEXT    NOT NULL UNIQUE,
	display_name  TEXT    NOT NULL DEFAULT '',
	bio           TEXT    NOT NULL DEFAULT '',
	password_hash TEXT    NOT NULL,
	joined_at     INTEGER NOT NULL -- microseconds since 1970
) STRICT;

-- Every name an account has or had, so that nobody else can take it.
CREATE TABLE names (
	skeleton   TEXT    PRIMARY KEY, -- the same for all names that look alike
	account_id INTEGER NOT NULL REFERENCES accounts (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX names_by_account ON names (account_id);

CREATE TABLE sessions (
	token_hash BLOB    PRIMARY KEY, -- SHA-256: a stolen store opens no session
	account_id INTEGER NOT NULL REFERENCES accounts (id),
	expires_at INTEGER NOT NULL -- microseconds since 1970
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- +goose Down
DROP TABLE sessions;
DROP TABLE names;
DROP TABLE accounts;
