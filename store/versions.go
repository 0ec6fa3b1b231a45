package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Versions tells how far a store is migrated.
type Versions struct {
	Current, Newest int64 // of the store, of the migrations; 0: none
	Pending         int   // migrations that the store lacks
}

// Versions compares the store with the migrations, without writing anything. A store
// with a migration that is not among them is an error.
func (db *DB) Versions(ctx context.Context, migrations fs.FS) (Versions, error) {
	p, err := db.provider(migrations)
	if err != nil {
		return Versions{}, err
	}
	return db.versions(ctx, p)
}

func (db *DB) versions(ctx context.Context, p *goose.Provider) (Versions, error) {
	applied, err := db.applied(ctx)
	if err != nil {
		return Versions{}, fmt.Errorf("migrations: %w", db.explain(ctx, err))
	}
	var v Versions
	for version := range applied {
		v.Current = max(v.Current, version)
	}
	for _, source := range p.ListSources() {
		v.Newest = max(v.Newest, source.Version)
		if !applied[source.Version] {
			v.Pending++
		}
	}
	if v.Current > v.Newest {
		return v, fmt.Errorf("the store is at version %d and this binary knows only %d: run a newer binary",
			v.Current, v.Newest)
	}
	return v, nil
}

// applied are the versions that the store has.
func (db *DB) applied(ctx context.Context) (map[int64]bool, error) {
	all := make(map[int64]bool)
	versions, err := database.NewStore(db.driver.Dialect(), versionTable)
	if err != nil {
		return nil, err
	}
	if there, err := db.driver.Exists(ctx, db.DB, versionTable); err != nil || !there {
		return all, err
	}
	list, err := versions.ListMigrations(ctx, db.DB)
	for _, m := range list {
		all[m.Version] = m.IsApplied
	}
	return all, err
}

// AwaitMigrations tells whether somebody has run the migrations, and refuses every
// statement with an error that wraps ErrPending until they are found to be done by a
// later call. It writes nothing.
func (db *DB) AwaitMigrations(ctx context.Context, migrations fs.FS) error {
	v, err := db.Versions(ctx, migrations)
	if err == nil && v.Pending > 0 {
		err = fmt.Errorf("%w: %d, from version %d to %d", ErrPending, v.Pending, v.Current, v.Newest)
		if db.options.MigrateCommand != "" {
			err = fmt.Errorf(`%w; run "%s"`, err, db.options.MigrateCommand)
		}
	}
	return db.hold(err)
}

// hold refuses statements for as long as a store is not what the service needs.
func (db *DB) hold(err error) error {
	if NotYet(err) {
		db.unready.Store(&err)
	} else {
		db.unready.Store(nil)
	}
	return err
}

// NotYet tells of an error of Migrate or AwaitMigrations that passes by itself, or once
// somebody has done what it says: the call is to be made again after a while.
func NotYet(err error) bool {
	return errors.Is(err, ErrAway) || errors.Is(err, ErrLost) || errors.Is(err, ErrPending) || errors.Is(err, ErrBusy)
}
