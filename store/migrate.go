package store

import (
	"context"
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
//
// If the store is away or busy, the error wraps ErrAway or ErrBusy, and so does every statement's
// until a later call has succeeded.
func (db *DB) Migrate(ctx context.Context, migrations fs.FS) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.migrated {
		return nil
	}
	err := db.migrate(ctx, migrations)
	db.migrated = err == nil
	return db.hold(err)
}

func (db *DB) migrate(ctx context.Context, migrations fs.FS) error {
	p, err := db.provider(migrations)
	if err != nil {
		return err
	}
	for {
		before, err := db.versions(ctx, p)
		if err != nil || before.Pending == 0 {
			return err
		}
		if err := db.driver.Create(ctx, db.DB, db.service); err != nil {
			return fmt.Errorf("make a place for the tables: %w", db.explain(ctx, err))
		}
		if _, err = p.Up(ctx); err == nil {
			return nil
		}
		// What another process has done in the meantime fails here, and was undone.
		if now, e := db.versions(ctx, p); e != nil || now.Current == before.Current {
			return fmt.Errorf("migrate from version %d to %d: %w",
				before.Current, before.Newest, db.explain(ctx, named(err)))
		}
	}
}

// named gives the migration that failed by its file.
func named(err error) error {
	if partial, ok := errors.AsType[*goose.PartialError](err); ok && partial.Failed != nil {
		return fmt.Errorf("%s: %w", partial.Failed.Source.Path, partial.Err)
	}
	return err
}

const versionTable = "goose_db_version" // goose's own name for it

func (db *DB) provider(migrations fs.FS) (*goose.Provider, error) {
	if migrations == nil {
		return nil, errors.New("there are no migrations: embed the folder of the SQL files and pass it")
	}
	versions, err := database.NewStore(db.driver.Dialect(), versionTable)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	options := []goose.ProviderOption{goose.WithStore(once{versions})}
	if locker := db.driver.Locker(db.service); locker != nil {
		options = append(options, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(goose.DialectCustom, db.DB, migrations, options...)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return p, nil
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
