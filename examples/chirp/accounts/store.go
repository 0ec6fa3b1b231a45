package accounts

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/store"
)

var (
	errTaken        = errors.New("name is taken")
	errTooManyNames = errors.New("account has had too many names")
)

// accountStore is the SQL. What is not there is sql.ErrNoRows.
type accountStore struct{ db *store.DB }

// querier is a DB or a transaction of it.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

const profileColumns = `accounts.id, accounts.name, accounts.display_name, accounts.bio, accounts.joined_at`

// scanProfile reads profileColumns and whatever columns follow them.
func scanProfile(row interface{ Scan(dest ...any) error }, more ...any) (*accountsv1.Profile, error) {
	p := &accountsv1.Profile{}
	var joined int64
	if err := row.Scan(append([]any{&p.Id, &p.Name, &p.DisplayName, &p.Bio, &joined}, more...)...); err != nil {
		return nil, err
	}
	p.JoinedAt = timestamppb.New(time.UnixMicro(joined))
	return p, nil
}

func (s *accountStore) checkFree(ctx context.Context, name string) error {
	_, err := ownerOf(ctx, s.db, name)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return errTaken
}

// ownerOf finds who has, or had, a name that looks like this one.
func ownerOf(ctx context.Context, q querier, name string) (id int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT account_id FROM names WHERE skeleton = ?`, skeleton(name)).Scan(&id)
	return id, err
}

func (s *accountStore) addAccount(
	ctx context.Context, name, encoded string, now time.Time, first session,
) (p *accountsv1.Profile, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		if _, err := ownerOf(ctx, tx, name); err == nil {
			return errTaken
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		p, err = scanProfile(tx.QueryRowContext(ctx,
			`INSERT INTO accounts (name, password_hash, joined_at) VALUES (?, ?, ?) RETURNING `+profileColumns,
			name, encoded, now.UnixMicro()))
		if err != nil {
			return err
		}
		if err := claim(ctx, tx, name, p.GetId()); err != nil {
			return err
		}
		return insertSession(ctx, tx, p.GetId(), first)
	})
	return p, err
}

func claim(ctx context.Context, tx *sql.Tx, name string, id int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO names (skeleton, account_id) VALUES (?, ?)`, skeleton(name), id)
	return err
}

func (s *accountStore) rename(ctx context.Context, id int64, name string) (p *accountsv1.Profile, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		owner, err := ownerOf(ctx, tx, name)
		isNew := errors.Is(err, sql.ErrNoRows)
		switch {
		case err != nil && !isNew:
			return err
		case !isNew && owner != id:
			return errTaken
		}
		p, err = scanProfile(tx.QueryRowContext(ctx,
			`UPDATE accounts SET name = ? WHERE id = ? RETURNING `+profileColumns, name, id))
		if err != nil || !isNew {
			return err
		}
		var had int
		if err := tx.QueryRowContext(ctx,
			`SELECT count(*) FROM names WHERE account_id = ?`, id).Scan(&had); err != nil {
			return err
		}
		if had >= maxNames {
			return errTooManyNames
		}
		return claim(ctx, tx, name, id)
	})
	return p, err
}

func (s *accountStore) update(
	ctx context.Context, id int64, displayName, bio string,
) (p *accountsv1.Profile, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		p, err = scanProfile(tx.QueryRowContext(ctx,
			`UPDATE accounts SET display_name = ?, bio = ? WHERE id = ? RETURNING `+profileColumns,
			displayName, bio, id))
		return err
	})
	return p, err
}

func (s *accountStore) byName(ctx context.Context, name string) (*accountsv1.Profile, error) {
	return scanProfile(s.db.QueryRowContext(ctx, `SELECT `+profileColumns+` FROM accounts WHERE name = ?`, name))
}

func (s *accountStore) credentials(ctx context.Context, name string) (*accountsv1.Profile, string, error) {
	var encoded string
	p, err := scanProfile(s.db.QueryRowContext(ctx,
		`SELECT `+profileColumns+`, password_hash FROM accounts WHERE name = ?`, name), &encoded)
	return p, encoded, err
}

func (s *accountStore) byIDs(ctx context.Context, ids []int64) ([]*accountsv1.Profile, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("list ids: %w", err)
	}
	return store.All(ctx, s.db, readProfile, `SELECT `+profileColumns+`
		FROM accounts WHERE id IN (SELECT value FROM json_each(?))`, string(list))
}

func readProfile(r *sql.Rows) (*accountsv1.Profile, error) { return scanProfile(r) }

func (s *accountStore) setHash(ctx context.Context, id int64, encoded string) error {
	return s.write(ctx, `UPDATE accounts SET password_hash = ? WHERE id = ?`, encoded, id)
}

func (s *accountStore) write(ctx context.Context, query string, args ...any) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}
