-- +goose Up
CREATE TABLE follows (
	follower_id INTEGER NOT NULL,
	followee_id INTEGER NOT NULL,
	seq         INTEGER NOT NULL, -- later follows have larger ones
	PRIMARY KEY (follower_id, followee_id),
	CHECK (follower_id <> followee_id)
) STRICT, WITHOUT ROWID;

-- Both orders in which lists are read; the follower's and followee's ids come
-- along, since an index holds the primary key.
CREATE INDEX follows_by_followee ON follows (followee_id, seq);
CREATE INDEX follows_by_follower ON follows (follower_id, seq);

-- The last seq given out: one row. A number is never used again, even after an
-- unfollow, so that a cursor stays true.
CREATE TABLE last_seq (seq INTEGER NOT NULL) STRICT;
INSERT INTO last_seq (seq) VALUES (0);

-- +goose Down
DROP TABLE last_seq;
DROP TABLE follows;
