// Package notify tells connected readers of new posts, as they are written. It
// keeps nothing: who is not connected reads the post where it is kept.
//
// In a Kerf app it is one line, beside the service it calls:
//
//	app := kerf.App{Name: "chirp", Services: []kerf.Service{notify.Service(), follows.Service()}}
//
// Without Kerf it needs a client, and to be stopped before the server drains,
// since subscriptions do not end by themselves:
//
//	n, err := notify.New(followsv1.NewFollowsClient(cc), notify.Options{})
//	notifyv1.RegisterNotifyServer(grpcServer, n)
//	defer n.Stop()
package notify

import (
	"context"
	"fmt"
	"log/slog"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
)

// mostSubscribers is what fits into one call of follows.FilterFollowers.
const mostSubscribers = 10_000

// Options is how the service behaves; the zero value is valid. The fields with
// yaml tags are what a plan may say under config.notify.
type Options struct {
	// MaxSubscribers is how many may be connected, at most 10,000; who comes then
	// is refused with ResourceExhausted. 0: 10,000.
	MaxSubscribers int `yaml:"max_subscribers"`
	// MaxPerAccount is how many of them may be one account's, so that nobody takes
	// all. 0: 100.
	MaxPerAccount int `yaml:"max_per_account"`

	Logger *slog.Logger `yaml:"-"` // nil: slog.Default()
}

func (o Options) withDefaults() (Options, error) {
	if o.MaxSubscribers < 0 || o.MaxSubscribers > mostSubscribers {
		return o, fmt.Errorf("max_subscribers is %d: choose 1 to %d, or 0 for the most",
			o.MaxSubscribers, mostSubscribers)
	}
	if o.MaxPerAccount < 0 {
		return o, fmt.Errorf("max_per_account is %d: choose 1 or more, or 0 for 100", o.MaxPerAccount)
	}
	if o.MaxSubscribers == 0 {
		o.MaxSubscribers = mostSubscribers
	}
	if o.MaxPerAccount == 0 {
		o.MaxPerAccount = 100
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}

// Service is notify for an app. It must not have replicas: a post delivered to
// one would not reach who is connected to another.
func Service() kerf.Service {
	return kerf.Service{
		Name:   "notify",
		Serves: []*grpc.ServiceDesc{&notifyv1.Notify_ServiceDesc},
		Calls:  []string{"follows"},
		Single: true,
		New:    start,
	}
}

func start(_ context.Context, h *kerf.Host) error {
	o := Options{Logger: h.Logger()}
	if err := h.Config(&o); err != nil {
		return err
	}
	n, err := New(followsv1.NewFollowsClient(h.Conn("follows")), o)
	if err != nil {
		return err
	}
	notifyv1.RegisterNotifyServer(h, n)
	h.Go("end subscriptions at the drain", func(ctx context.Context) error {
		<-ctx.Done()
		n.Stop()
		return nil
	})
	return nil
}

// Notify answers the calls. It is safe for concurrent use.
type Notify struct {
	notifyv1.UnimplementedNotifyServer

	follows followsv1.FollowsClient
	hub     *hub
	log     *slog.Logger
}

var _ notifyv1.NotifyServer = (*Notify)(nil)

// New makes the service.
func New(follows followsv1.FollowsClient, o Options) (*Notify, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Notify{follows: follows, hub: newHub(o.MaxSubscribers, o.MaxPerAccount), log: o.Logger}, nil
}

// Stop ends every subscription with Unavailable and takes no more. Further calls
// do nothing.
func (n *Notify) Stop() { n.hub.stop() }
