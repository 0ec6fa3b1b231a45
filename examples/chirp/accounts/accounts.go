// Package accounts is who somebody is on Chirp, and whether they are who they
// say: names, passwords, sessions and profiles.
//
// In a Kerf app it is one line:
//
//	app := kerf.App{Name: "chirp", Services: []kerf.Service{accounts.Service()}}
//
// Without Kerf it needs a store and somebody to run its housekeeping:
//
//	err := db.Migrate(ctx, accounts.Migrations())
//	a, err := accounts.New(db, accounts.Options{})
//	accountsv1.RegisterAccountsServer(grpcServer, a)
//	go a.Run(ctx)
package accounts

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime"
	"time"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations makes the tables; store.DB.Migrate takes it.
func Migrations() fs.FS {
	sub, _ := fs.Sub(migrations, "migrations") // fails only for a path that is not valid
	return sub
}

// Options is how the service behaves; the zero value is valid. The fields with
// yaml tags are what a plan may say under config.accounts.
type Options struct {
	// HashWorkers is how many passwords are hashed at once, 19 MiB each. 0: half
	// of GOMAXPROCS, at least 1, which leaves the other half to everybody else.
	HashWorkers int `yaml:"hash_workers"`
	// HashQueue is how many more may wait; who comes then is refused. 0: 64.
	HashQueue int `yaml:"hash_queue"`

	Logger *slog.Logger `yaml:"-"` // nil: slog.Default()
}

func (o Options) withDefaults() (Options, error) {
	if o.HashWorkers < 0 || o.HashWorkers > 1024 {
		return o, fmt.Errorf("hash_workers is %d: choose 1 to 1024, or 0 for half of the processors", o.HashWorkers)
	}
	if o.HashQueue < 0 || o.HashQueue > 1<<20 {
		return o, fmt.Errorf("hash_queue is %d: choose 1 to %d, or 0 for 64", o.HashQueue, 1<<20)
	}
	if o.HashWorkers == 0 {
		o.HashWorkers = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if o.HashQueue == 0 {
		o.HashQueue = 64
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}

// Service is accounts for an app.
func Service() kerf.Service {
	return kerf.Service{
		Name:   "accounts",
		Serves: []*grpc.ServiceDesc{&accountsv1.Accounts_ServiceDesc},
		New:    start,
	}
}

func start(ctx context.Context, h *kerf.Host) error {
	o := Options{Logger: h.Logger()}
	if err := h.Config(&o); err != nil {
		return err
	}
	db, err := h.DB(ctx, Migrations())
	if err != nil {
		return err
	}
	a, err := New(db, o)
	if err != nil {
		return err
	}
	accountsv1.RegisterAccountsServer(h, a)
	h.Go("remove expired sessions", a.Run)
	return nil
}

// Accounts answers the calls. It is safe for concurrent use.
type Accounts struct {
	accountsv1.UnimplementedAccountsServer

	store  *accountStore
	hasher *hasher
	nobody string // what an unknown account's password is compared with
	log    *slog.Logger
	now    func() time.Time
}

var _ accountsv1.AccountsServer = (*Accounts)(nil)

// New makes the service upon a migrated store, which stays the caller's to close.
func New(db *store.DB, o Options) (*Accounts, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Accounts{
		store:  &accountStore{db: db},
		hasher: newHasher(o.HashWorkers, o.HashQueue),
		nobody: nobodysHash(owasp),
		log:    o.Logger,
		now:    time.Now,
	}, nil
}

// cleanEvery is how often expired sessions are removed. They are refused anyway.
const cleanEvery = time.Hour

// Run removes expired sessions, at once and every hour, until ctx ends; then it
// returns nil.
func (a *Accounts) Run(ctx context.Context) error {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for {
		if err := a.store.removeExpired(ctx, a.now()); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "could not remove expired sessions; trying again in an hour", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
