-- +goose Up
CREATE TABLE posts (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	author_id  INTEGER NOT NULL,
	client_id  TEXT    NOT NULL,
	text       TEXT    NOT NULL,
	created_at INTEGER NOT NULL, -- microseconds since 1970
	UNIQUE (author_id, client_id)
) STRICT;
CREATE INDEX posts_by_author ON posts (author_id, id);

-- The search index holds no text of its own: posts do.
CREATE VIRTUAL TABLE search USING fts5 (
	text, content = 'posts', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);

-- +goose StatementBegin
CREATE TRIGGER posts_insert AFTER INSERT ON posts BEGIN
	INSERT INTO search (rowid, text) VALUES (new.id, new.text);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER posts_delete AFTER DELETE ON posts BEGIN
	INSERT INTO search (search, rowid, text) VALUES ('delete', old.id, old.text);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER posts_update AFTER UPDATE OF text ON posts BEGIN
	INSERT INTO search (search, rowid, text) VALUES ('delete', old.id, old.text);
	INSERT INTO search (rowid, text) VALUES (new.id, new.text);
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE posts;
DROP TABLE search;
