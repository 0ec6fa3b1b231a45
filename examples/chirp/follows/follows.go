// Package follows is who reads whom on Chirp. It knows accounts only by id.
//
// In a Kerf app it is one line:
//
//	app := kerf.App{Name: "chirp", Services: []kerf.Service{follows.Service()}}
//
// Without Kerf it needs only a store:
//
//	err := db.Migrate(ctx, follows.Migrations())
//	f, err := follows.New(db, follows.Options{})
//	followsv1.RegisterFollowsServer(grpcServer, f)
package follows

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	"github.com/kerf-go/kerf/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations makes the tables; store.DB.Migrate takes it.
func Migrations() fs.FS {
	sub, _ := fs.Sub(migrations, "migrations") // fails only for a path that is not valid
	return sub
}

// mostFollowing is what AllFollowing promises to fit into one answer.
const mostFollowing = 5000

// Options is how the service behaves; the zero value is valid. The fields with
// yaml tags are what a plan may say under config.follows.
type Options struct {
	// MaxFollowing is how many accounts one may follow, at most 5,000. 0: 5,000.
	MaxFollowing int `yaml:"max_following"`

	Logger *slog.Logger `yaml:"-"` // nil: slog.Default()
}

func (o Options) withDefaults() (Options, error) {
	if o.MaxFollowing < 0 || o.MaxFollowing > mostFollowing {
		return o, fmt.Errorf("max_following is %d: choose 1 to %d, or 0 for the most", o.MaxFollowing, mostFollowing)
	}
	if o.MaxFollowing == 0 {
		o.MaxFollowing = mostFollowing
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}

// Service is follows for an app.
func Service() kerf.Service {
	return kerf.Service{
		Name:   "follows",
		Serves: []*grpc.ServiceDesc{&followsv1.Follows_ServiceDesc},
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
	f, err := New(db, o)
	if err != nil {
		return err
	}
	followsv1.RegisterFollowsServer(h, f)
	return nil
}

// Follows answers the calls. It is safe for concurrent use.
type Follows struct {
	followsv1.UnimplementedFollowsServer

	store        *followStore
	maxFollowing int
	log          *slog.Logger
}

var _ followsv1.FollowsServer = (*Follows)(nil)

// New makes the service upon a migrated store, which stays the caller's to close.
func New(db *store.DB, o Options) (*Follows, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Follows{store: &followStore{db: db}, maxFollowing: o.MaxFollowing, log: o.Logger}, nil
}
