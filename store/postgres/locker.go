package postgres

import (
	"context"
	"database/sql"
	"hash/fnv"
	"time"

	"github.com/pressly/goose/v3/lock"
)

// Locker takes an advisory lock of the database, one for each service.
func (Driver) Locker(service string) lock.SessionLocker {
	h := fnv.New64a()
	_, _ = h.Write([]byte("kerf migrates " + service))
	return locker(h.Sum64())
}

// locker is the number of an advisory lock.
type locker int64

var _ lock.SessionLocker = locker(0)

// SessionLock asks again and again: a session that waited for the lock inside the server
// would hold up a migration that creates an index concurrently, which waits for it.
func (l locker) SessionLock(ctx context.Context, c *sql.Conn) error {
	const pause = 50 * time.Millisecond
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		var got bool
		err := c.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", int64(l)).Scan(&got)
		if err != nil || got {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// SessionUnlock gives the lock back. The end of the connection does so, too.
func (l locker) SessionUnlock(ctx context.Context, c *sql.Conn) error {
	_, err := c.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", int64(l))
	return err
}
