package accounts

import (
	"context"
	"database/sql"
	"time"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
)

func insertSession(ctx context.Context, tx *sql.Tx, id int64, n session) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO sessions (token_hash, account_id, expires_at) VALUES (?, ?, ?)`,
		tokenHash(n.token), id, n.expires.UnixMicro())
	return err
}

func (s *accountStore) addSession(ctx context.Context, id int64, n session) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error { return insertSession(ctx, tx, id, n) })
}

func (s *accountStore) bySession(ctx context.Context, token string, now time.Time) (*accountsv1.Profile, error) {
	return scanProfile(s.db.QueryRowContext(ctx, `SELECT `+profileColumns+`
		FROM sessions JOIN accounts ON accounts.id = sessions.account_id
		WHERE sessions.token_hash = ? AND sessions.expires_at > ?`, tokenHash(token), now.UnixMicro()))
}

func (s *accountStore) removeSession(ctx context.Context, token string) error {
	return s.write(ctx, `DELETE FROM sessions WHERE token_hash = ?`, tokenHash(token))
}

func (s *accountStore) removeExpired(ctx context.Context, now time.Time) error {
	return s.write(ctx, `DELETE FROM sessions WHERE expires_at <= ?`, now.UnixMicro())
}
