package follows

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	"github.com/kerf-go/kerf/store"
)

var errTooMany = errors.New("follows too many")

// followStore is the SQL.
type followStore struct{ db *store.DB }

// entry is one line of a list and its place in it.
type entry struct{ account, seq int64 }

func (s *followStore) add(ctx context.Context, follower, followee int64, most int) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		var already bool
		var count int
		err := tx.QueryRowContext(ctx, `SELECT
			EXISTS (SELECT 1 FROM follows WHERE follower_id = ?1 AND followee_id = ?2),
			(SELECT count(*) FROM follows WHERE follower_id = ?1)`, follower, followee).Scan(&already, &count)
		switch {
		case err != nil || already:
			return err
		case count >= most:
			return errTooMany
		}
		var seq int64
		if err := tx.QueryRowContext(ctx, `UPDATE last_seq SET seq = seq + 1 RETURNING seq`).Scan(&seq); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx,
			`INSERT INTO follows (follower_id, followee_id, seq) VALUES (?, ?, ?)`, follower, followee, seq)
		return err
	})
}

func (s *followStore) remove(ctx context.Context, follower, followee int64) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx,
			`DELETE FROM follows WHERE follower_id = ? AND followee_id = ?`, follower, followee)
		return err
	})
}

func (s *followStore) followers(ctx context.Context, account, before int64, limit int) ([]entry, error) {
	return store.All(ctx, s.db, scanEntry, `SELECT follower_id, seq FROM follows
		WHERE followee_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?`, account, before, limit)
}

func (s *followStore) following(ctx context.Context, account, before int64, limit int) ([]entry, error) {
	return store.All(ctx, s.db, scanEntry, `SELECT followee_id, seq FROM follows
		WHERE follower_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?`, account, before, limit)
}

func (s *followStore) allFollowing(ctx context.Context, account int64) ([]int64, error) {
	return store.All(ctx, s.db, scanID,
		`SELECT followee_id FROM follows WHERE follower_id = ? ORDER BY seq DESC`, account)
}

func (s *followStore) counts(ctx context.Context, ids []int64) ([]*followsv1.Counts, error) {
	return store.All(ctx, s.db, scanCounts, `SELECT asked.value,
			(SELECT count(*) FROM follows WHERE followee_id = asked.value),
			(SELECT count(*) FROM follows WHERE follower_id = asked.value)
		FROM json_each(?) AS asked ORDER BY asked.key`, list(ids))
}

// A candidate given twice is kept once, at its first place.
func (s *followStore) filterFollowers(ctx context.Context, account int64, candidates []int64) ([]int64, error) {
	return store.All(ctx, s.db, scanID, `SELECT asked.value FROM json_each(?) AS asked
		JOIN follows ON follower_id = asked.value AND followee_id = ?
		GROUP BY asked.value ORDER BY min(asked.key)`, list(candidates), account)
}

func (s *followStore) filterFollowing(ctx context.Context, account int64, candidates []int64) ([]int64, error) {
	return store.All(ctx, s.db, scanID, `SELECT asked.value FROM json_each(?) AS asked
		JOIN follows ON followee_id = asked.value AND follower_id = ?
		GROUP BY asked.value ORDER BY min(asked.key)`, list(candidates), account)
}

// list gives ids as one argument, however many there are.
func list(ids []int64) string {
	if len(ids) == 0 {
		return "[]"
	}
	text, _ := json.Marshal(ids) //nolint:errchkjson // integers always marshal
	return string(text)
}

func scanEntry(rows *sql.Rows) (e entry, err error) {
	err = rows.Scan(&e.account, &e.seq)
	return e, err
}

func scanID(rows *sql.Rows) (id int64, err error) {
	err = rows.Scan(&id)
	return id, err
}

func scanCounts(rows *sql.Rows) (*followsv1.Counts, error) {
	c := &followsv1.Counts{}
	return c, rows.Scan(&c.AccountId, &c.Followers, &c.Following)
}
