// Package messages keeps Chirp's posts: writing them, timelines, and search.
//
// In a Kerf app it is one line, beside the services it calls:
//
//	app := kerf.App{Name: "chirp", Services: []kerf.Service{
//		messages.Service(), follows.Service(), notify.Service(), trends.Service(),
//	}}
//
// Without Kerf it needs a store and two clients:
//
//	err := db.Migrate(ctx, messages.Migrations())
//	m, err := messages.New(db, followsv1.NewFollowsClient(cc), notifyv1.NewNotifyClient(cc), messages.Options{})
//	messagesv1.RegisterMessagesServer(grpcServer, m)
package messages

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"time"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
	trendsv1 "github.com/kerf-go/kerf/examples/chirp/trends/v1"
	"github.com/kerf-go/kerf/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations makes the tables; store.DB.Migrate takes it.
func Migrations() fs.FS {
	sub, _ := fs.Sub(migrations, "migrations") // fails only for a path that is not valid
	return sub
}

// Options is how the service behaves; the zero value is valid.
type Options struct {
	Logger *slog.Logger          // nil: slog.Default()
	Trends trendsv1.TrendsClient // nil: nobody counts hashtags
}

// Service is messages for an app.
func Service() kerf.Service {
	return kerf.Service{
		Name:   "messages",
		Serves: []*grpc.ServiceDesc{&messagesv1.Messages_ServiceDesc},
		Calls:  []string{"follows", "notify", "trends"},
		New:    start,
	}
}

func start(ctx context.Context, h *kerf.Host) error {
	db, err := h.DB(ctx, Migrations())
	if err != nil {
		return err
	}
	m := New(db, followsv1.NewFollowsClient(h.Conn("follows")), notifyv1.NewNotifyClient(h.Conn("notify")),
		Options{Logger: h.Logger(), Trends: trendsv1.NewTrendsClient(h.Conn("trends"))})
	messagesv1.RegisterMessagesServer(h, m)
	return nil
}

// Messages answers the calls. It is safe for concurrent use.
type Messages struct {
	messagesv1.UnimplementedMessagesServer

	store   *postStore
	follows followsv1.FollowsClient
	notify  notifyv1.NotifyClient
	trends  trendsv1.TrendsClient // nil: nobody counts hashtags
	log     *slog.Logger
}

var _ messagesv1.MessagesServer = (*Messages)(nil)

// New makes the service upon a migrated store, which stays the caller's to close.
func New(db *store.DB, follows followsv1.FollowsClient, notify notifyv1.NotifyClient, o Options) *Messages {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Messages{store: &postStore{db: db}, follows: follows, notify: notify, trends: o.Trends, log: o.Logger}
}

// patience bounds the wait for another service without which an answer is still
// worth having.
const patience = time.Second

// brief is how long to wait in such a call: patience, but at most half of what is
// left of the caller's time, so that the answer still reaches it.
func brief(ctx context.Context) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		return min(patience, time.Until(end)/2)
	}
	return patience
}
