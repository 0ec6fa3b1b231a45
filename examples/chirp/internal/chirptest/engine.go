package chirptest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/store"
)

// Engine starts one service alone. Set the exported fields before Start.
type Engine struct {
	Conns map[string]grpc.ClientConnInterface // by the names of the services called
	Plan  string                              // YAML of the service's config

	t       testing.TB
	server  *grpc.Server
	running sync.WaitGroup
	drain   context.Context //nolint:containedctx // ends when Stop is called
	stop    context.CancelFunc
}

var _ kerf.Engine = (*Engine)(nil)

// Start builds the service and serves it. The conn it gives reaches the service;
// the error is that of New or of misusing the Host. The test stops it at its end.
func (e *Engine) Start(tb testing.TB, s kerf.Service) (*grpc.ClientConn, error) {
	tb.Helper()
	e.t, e.server = tb, grpc.NewServer()
	e.drain, e.stop = context.WithCancel(context.Background())
	tb.Cleanup(e.Stop)
	h := kerf.NewHost(s, e)
	if err := s.New(tb.Context(), h); err != nil {
		return nil, err
	}
	if err := h.Err(); err != nil {
		return nil, err
	}
	return connect(tb, e.server), nil
}

// Stop begins the drain and waits for the background work.
func (e *Engine) Stop() {
	e.stop()
	e.running.Wait()
}

// Register implements kerf.Engine, as do the methods below.
func (e *Engine) Register(desc *grpc.ServiceDesc, impl any) error {
	e.server.RegisterService(desc, impl)
	return nil
}

// ServiceInfo is of the one service.
func (e *Engine) ServiceInfo() map[string]grpc.ServiceInfo { return e.server.GetServiceInfo() }

// Dial finds one of Conns.
func (e *Engine) Dial(service string) (grpc.ClientConnInterface, error) {
	if cc, ok := e.Conns[service]; ok {
		return cc, nil
	}
	return nil, fmt.Errorf("the test has no conn to %s", service)
}

// Report reports to nobody.
func (*Engine) Report(string, func() []policy.State) policy.Observer {
	return func(context.Context, policy.Event) {}
}

// Upstream leaves policies as they are.
func (*Engine) Upstream(_ string, s policy.Settings) policy.Settings { return s }

// OpenDB opens a store in a folder of the test.
func (e *Engine) OpenDB(_ context.Context, migrations fs.FS) (*store.DB, error) {
	return Store(e.t, e.t.TempDir(), migrations), nil
}

// Handle refuses: no back service has pages.
func (e *Engine) Handle(pattern string, _ http.Handler) error {
	return fmt.Errorf("no pages here: %s", pattern)
}

// Around refuses, too.
func (*Engine) Around(func(http.Handler) http.Handler) error { return errors.New("no pages here") }

// Instrument adds nothing.
func (*Engine) Instrument(page http.Handler) http.Handler { return page }

// Metrics are forgotten.
func (*Engine) Metrics() prometheus.Registerer { return prometheus.NewRegistry() }

// Config decodes Plan; an unknown key is an error.
func (e *Engine) Config(into any) error {
	if e.Plan == "" {
		return nil
	}
	return yaml.UnmarshalWithOptions([]byte(e.Plan), into, yaml.Strict())
}

// Logger drops everything.
func (e *Engine) Logger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Ready forgets the check.
func (*Engine) Ready(string, func(context.Context) error) {}

// Go runs until Stop; an error fails the test.
func (e *Engine) Go(name string, run func(context.Context) error) {
	e.running.Go(func() {
		if err := run(e.drain); err != nil {
			e.t.Errorf("%s: %v", name, err)
		}
	})
}

// OnStop runs when the test ends.
func (e *Engine) OnStop(stop func(context.Context) error) {
	e.t.Cleanup(func() {
		if err := stop(context.Background()); err != nil {
			e.t.Errorf("stop: %v", err)
		}
	})
}
