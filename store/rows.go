package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Querier is a *DB or a *sql.Tx.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// All runs a query and gives what scan makes of each row: nil when there is none.
func All[T any](
	ctx context.Context, from Querier, scan func(*sql.Rows) (T, error), query string, args ...any,
) (all []T, err error) {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, rows.Close())
		if db, ok := from.(*DB); ok {
			err = db.explain(ctx, err)
		}
	}()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read row: %w", err)
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
