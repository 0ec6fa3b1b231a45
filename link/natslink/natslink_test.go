package natslink_test

import (
	"context"
	"net/url"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/linktest"
	"github.com/kerf-go/kerf/link/natslink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

//nolint:paralleltest // some cases count goroutines
func TestCallsOverNATSBehaveAsGRPC(t *testing.T) {
	linktest.Exercise(t, linktest.Subject{Link: natslink.Link{}, URL: startBroker(t, nil).url("test")})
}

// shared is the link whose servers tell no URL of their own, so that calls go to the subject.
type shared struct {
	natslink.Link
	own *sync.Map // URLs by those that are told
}

func (s shared) Listen(ctx context.Context, u *url.URL, o link.ListenOptions) (link.Server, error) {
	if own, known := s.own.Load(u.String()); known {
		u = own.(*url.URL) //nolint:forcetypeassert // the map has nothing else
	}
	server, err := s.Link.Listen(ctx, u, o)
	if err != nil {
		return nil, err
	}
	own, err := url.Parse(server.URL())
	told := *u
	told.RawQuery = ""
	s.own.Store(told.String(), own)
	return subjectServer{server, told.String()}, err
}

type subjectServer struct {
	link.Server
	url string
}

func (s subjectServer) URL() string { return s.url }

// A broker that takes only small messages changes nothing, nor does a subject that any server
// may hear.
//
//nolint:paralleltest // some cases count goroutines
func TestCallsOverAMeanBrokerBehaveAsGRPC(t *testing.T) {
	b := startBroker(t, func(o *server.Options) { o.MaxPayload = 12_000 })
	linktest.Exercise(t, linktest.Subject{Link: shared{own: new(sync.Map)}, URL: b.url("test")})
}
