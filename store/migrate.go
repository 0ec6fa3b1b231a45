package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Migrate brings the tables up to the newest migration: goose's SQL files in the
// root of the FS. A store that holds migrations this binary does not know is
// refused and left alone. A second call does nothing. Several processes may migrate
// the same store at once: each migration that runs in a transaction, which is
// goose's default, takes effect once.
func (db *DB) Migrate(ctx context.Context, migrations fs.FS) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.migrated {
		return nil
	}
	p, err := provider(db.driver.Dialect(), db.DB, migrations)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	for !db.migrated {
		current, newest, err := p.GetVersions(ctx)
		if err != nil {
			return fmt.Errorf("migrations: %w", db.busy(err))
		}
		if current > newest {
			return fmt.Errorf("the store is at version %d and this binary knows only %d: run a newer binary",
				current, newest)
		}
		_, err = p.Up(ctx)
		db.migrated = err == nil
		// What another process has done in the meantime fails here, and was undone.
		if now, _, e := p.GetVersions(ctx); err != nil && (e != nil || now == current) {
			return fmt.Errorf("migrate from version %d to %d: %w", current, newest, db.busy(named(err)))
		}
	}
	return nil
}

// named gives the migration that failed by its file.
func named(err error) error {
	if partial, ok := errors.AsType[*goose.PartialError](err); ok && partial.Failed != nil {
		return fmt.Errorf("%s: %w", partial.Failed.Source.Path, partial.Err)
	}
	return err
}

const versionTable = "goose_db_version" // goose's own name for it

func provider(dialect goose.Dialect, db *sql.DB, migrations fs.FS) (*goose.Provider, error) {
	if migrations == nil {
		return nil, errors.New("there are none: embed the folder of the SQL files and pass it")
	}
	versions, err := database.NewStore(dialect, versionTable)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectCustom, db, migrations, goose.WithStore(once{versions}))
}

// once undoes a migration that was done already: its transaction is rolled back.
type once struct{ database.Store }

var (
	_ database.StoreExtender = once{}

	errDone = errors.New("another process has done this migration")
)

func (s once) Insert(ctx context.Context, db database.DBTxConn, r database.InsertRequest) error {
	_, err := s.GetMigration(ctx, db, r.Version)
	if err == nil {
		return errDone
	}
	if !errors.Is(err, database.ErrVersionNotFound) {
		return err
	}
	return s.Store.Insert(ctx, db, r)
}

// TableExists is a part of goose's stores that their interface leaves out.
func (s once) TableExists(ctx context.Context, db database.DBTxConn) (bool, error) {
	if extended, ok := s.Store.(database.StoreExtender); ok {
		return extended.TableExists(ctx, db)
	}
	return false, errors.ErrUnsupported
}
