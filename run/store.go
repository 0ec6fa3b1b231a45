package run

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"go.opentelemetry.io/otel/trace"

	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/store"
)

// OpenDB opens the service's store, and sees to its tables as the plan says. A store
// that is away, or that somebody else is to migrate, does not keep the process from
// starting, only from being ready.
func (e *engine) OpenDB(ctx context.Context, migrations fs.FS) (*store.DB, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.db != nil {
		return e.db, nil
	}
	db, err := openStore(ctx, e.process.options, e.service.Name, e.process.tel.TracerProvider())
	if err != nil {
		return nil, err
	}
	if err := e.process.tel.Registry().Register(storeMetrics{e.service.Name, db}); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	prepare := preparation(db, e.process.options.Plan.StoreOf(e.service.Name), migrations)
	if err := prepare(ctx); store.NotYet(err) {
		e.logger.WarnContext(ctx, "the process will not be ready before its store is", "error", err)
		e.add(work{"wait for the store", func(ctx context.Context) error { return e.awaitStore(ctx, prepare) }})
	} else if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	e.process.closers.add(func(context.Context) error { return db.Close() })
	e.Ready("store", db.Health)
	e.db = db
	return db, nil
}

// preparation is what makes a store what its service needs.
func preparation(db *store.DB, s plan.Store, migrations fs.FS) func(context.Context) error {
	return func(ctx context.Context) error {
		switch {
		case s.Foreign:
			return nil
		case s.ByCommand:
			return db.AwaitMigrations(ctx, migrations)
		}
		return db.Migrate(ctx, migrations)
	}
}

// awaitStore tries again until the store is what the service needs. What cannot become
// so by waiting ends the process.
func (e *engine) awaitStore(ctx context.Context, prepare func(context.Context) error) error {
	for {
		const pause = 500 * time.Millisecond // and as much again at random, since others wait too
		timer := time.NewTimer(pause + rand.N(pause))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		if err := prepare(ctx); err == nil {
			e.logger.InfoContext(ctx, "the store is ready")
			return nil
		} else if !store.NotYet(err) {
			return err
		}
	}
}

// openStore opens the store of one service where the plan has it. tracer may be nil.
func openStore(ctx context.Context, o Options, service string, tracer trace.TracerProvider) (*store.DB, error) {
	s := o.Plan.StoreOf(service)
	usual := url.URL{Scheme: "sqlite", OmitHost: true, Path: filepath.ToSlash(o.Data)}
	return store.Open(ctx, cmp.Or(s.URL, usual.String()), service, o.Batteries.Stores, store.Options{
		Tracer: tracer, MaxConns: s.Connections, ConnWait: s.Wait, Foreign: s.Foreign,
		MigrateCommand: migrateCommandLine(o, service),
	})
}

// migrateCommandLine is what somebody is to run who migrates a service's store.
func migrateCommandLine(o Options, service string) string {
	line := o.App.Name + " migrate " + service
	if o.Plan.File != "" {
		line += " --plan " + shellWord(o.Plan.File)
	}
	if o.Plan.StoreOf(service).URL == "" {
		line += " --data " + shellWord(o.Data)
	}
	return line
}

// shellWord quotes a word as a POSIX shell needs it, if it does.
func shellWord(word string) string {
	special := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+:@,%", r)
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
