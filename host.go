package kerf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/store"
)

// Engine is what runs a process and stands behind its Hosts. Services never see
// it; package run implements it.
type Engine interface {
	Register(desc *grpc.ServiceDesc, impl any) error
	ServiceInfo() map[string]grpc.ServiceInfo
	Dial(service string) (grpc.ClientConnInterface, error)
	Report(upstream string, states func() []policy.State) policy.Observer
	Upstream(name string, s policy.Settings) policy.Settings
	OpenDB(ctx context.Context, migrations fs.FS) (*store.DB, error)
	Handle(pattern string, page http.Handler) error
	Around(wrap func(pages http.Handler) http.Handler) error
	Instrument(page http.Handler) http.Handler
	Metrics() prometheus.Registerer
	Config(into any) error
	Logger() *slog.Logger
	Ready(name string, check func(context.Context) error)
	Go(name string, run func(context.Context) error)
	OnStop(stop func(context.Context) error)
}

// Host is what one service is handed when it is built: where to register, whom
// to call, its store. Its methods are safe for concurrent use.
//
// Misuse, such as registering what the Service does not declare, is remembered
// and fails the start with every mistake named; it never panics.
type Host struct {
	service Service
	engine  Engine

	mu         sync.Mutex // guards the fields below
	registered map[string]bool
	upstreams  map[string]*policy.Outbound
	mistakes   []error
}

var _ grpc.ServiceRegistrar = (*Host)(nil)

// NewHost makes the Host of one service. Engines call it; services are handed theirs.
func NewHost(s Service, e Engine) *Host {
	return &Host{
		service: s, engine: e, registered: make(map[string]bool), upstreams: make(map[string]*policy.Outbound),
	}
}

// RegisterService makes a gRPC service callable, as grpc.Server does. The
// service must be declared in Service.Serves and be registered once.
func (h *Host) RegisterService(desc *grpc.ServiceDesc, impl any) {
	if desc == nil {
		h.mistakef("registers a nil ServiceDesc: pass the one that was generated")
		return
	}
	declared := slices.ContainsFunc(h.service.Serves, func(d *grpc.ServiceDesc) bool {
		return d != nil && d.ServiceName == desc.ServiceName
	})
	if !declared {
		h.mistakef("registers %s, which its Serves does not list: add it there", desc.ServiceName)
		return
	}
	if !h.first(desc.ServiceName) {
		h.mistakef("registers %s twice: remove one", desc.ServiceName)
		return
	}
	if err := h.engine.Register(desc, impl); err != nil {
		h.mistakef("registers %s: %w", desc.ServiceName, err)
	}
}

// GetServiceInfo describes the gRPC services of the whole process, for reflection.
func (h *Host) GetServiceInfo() map[string]grpc.ServiceInfo { return h.engine.ServiceInfo() }

// Conn reaches another service by its name in the App, wherever the plan put it.
// The service must be listed in Service.Calls. The Host closes the conn at stop.
func (h *Host) Conn(service string) grpc.ClientConnInterface {
	if !slices.Contains(h.service.Calls, service) {
		h.mistakef("calls %q, which its Calls does not list: add it there", service)
		return noConn{service}
	}
	cc, err := h.engine.Dial(service)
	if err != nil {
		h.mistakef("calls %q: %w", service, err)
		return noConn{service}
	}
	return cc
}

// Upstream lets requests to an HTTP server that is no service of the app pass the policies of
// s, as policy.RoundTripper does, and has the process report what they do under the name that
// is given here, as it reports those of services: metrics, events of spans, "status". The name must be
// listed in Service.Upstreams; policies that the plan gives it take the place of those of s. Transports
// of one name share a budget and, for each host, a breaker and a bulkhead. A nil base is
// http.DefaultTransport.
func (h *Host) Upstream(name string, base http.RoundTripper, s policy.Settings) http.RoundTripper {
	switch {
	case name == "" || slices.Contains(h.service.Calls, name):
		h.mistakef("names an upstream %q: write a name that is none of its Calls", name)
	case !slices.Contains(h.service.Upstreams, name):
		h.mistakef("names an upstream %q, which its Upstreams does not list: add it there", name)
	default:
		return policy.RoundTripper(base, h.outbound(name), h.engine.Upstream(name, s))
	}
	return policy.RoundTripper(base, policy.NewOutbound(nil), s) // the start fails anyway
}

func (h *Host) outbound(upstream string) *policy.Outbound {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.upstreams[upstream]
	if out == nil {
		var observe policy.Observer // there is nothing to observe before out is used
		out = policy.NewOutbound(func(ctx context.Context, e policy.Event) { observe(ctx, e) })
		observe = h.engine.Report(upstream, out.States)
		h.upstreams[upstream] = out
	}
	return out
}

// Report has the process report policies towards an upstream that is no service of the app, as it
// does for Upstream: what the Observer is told that it gives, and how they stand, which states
// tells whenever somebody asks. It must not block. Call it once for each upstream: states is
// kept as long as the process runs. It may be called at any time.
func (h *Host) Report(upstream string, states func() []policy.State) policy.Observer {
	return h.engine.Report(upstream, states)
}

// DB opens the service's own store and brings its tables up to the newest of the
// migrations (goose's SQL format, in the root of the FS). Further calls give the
// same DB. A service that never calls DB has no store.
//
// A store that is away, or that the plan has somebody else migrate, is no error: the
// process starts, and is not ready, and the DB's methods fail with store.ErrAway or
// store.ErrPending until it is there. So New had better not use it yet. Where the
// plan says that the tables are someone else's, nothing is written, and migrations may be nil.
func (h *Host) DB(ctx context.Context, migrations fs.FS) (*store.DB, error) {
	db, err := h.engine.OpenDB(ctx, migrations)
	if err != nil {
		return nil, fmt.Errorf("store of %s: %w", h.service.Name, err)
	}
	return db, nil
}

// Handle serves web pages under a pattern of http.ServeMux, on the address that
// the plan calls web.
func (h *Host) Handle(pattern string, page http.Handler) {
	if page == nil {
		h.mistakef("page %q: its handler is nil", pattern)
		return
	}
	if err := h.engine.Handle(pattern, page); err != nil {
		h.mistakef("page %q: %w", pattern, err)
	}
}

// Around puts a handler before all pages of the process, those of its other services too. It
// answers by itself, or by the pages that it is given. One service of a process may do so.
func (h *Host) Around(wrap func(pages http.Handler) http.Handler) {
	if wrap == nil {
		h.mistakef("passes nil to Around")
		return
	}
	if err := h.engine.Around(wrap); err != nil {
		h.mistakef("puts a handler before all pages: %w", err)
	}
}

// Instrument puts around a handler what pages have: a span, metrics, a barrier for panics
// and the App's Web. It is for services that listen by themselves.
func (h *Host) Instrument(page http.Handler) http.Handler { return h.engine.Instrument(page) }

// Metrics takes further metrics of the service; they show under /metrics of the process's
// admin listener. A name is taken once in a process.
func (h *Host) Metrics() prometheus.Registerer { return h.engine.Metrics() }

// Config decodes the plan's config.<service> into a struct by its yaml tags.
// Nothing configured leaves into as it is, so defaults are set before the call.
// An unknown key is an error that tells its place in the plan.
func (h *Host) Config(into any) error { return h.engine.Config(into) }

// Logger logs with the service's name, and with the trace and correlation id of
// the context given to its methods.
func (h *Host) Logger() *slog.Logger { return h.engine.Logger() }

// Ready adds a check to the process's readiness. It should ask only about the
// service itself, never about those it calls, and return within a second.
func (h *Host) Ready(name string, check func(context.Context) error) {
	if check == nil {
		h.mistakef("readiness check %q is nil", name)
		return
	}
	h.engine.Ready(name, check)
}

// Go runs background work from the start until the drain, when its context ends
// and it is waited for. An error it returns before that stops the process.
func (h *Host) Go(name string, run func(context.Context) error) {
	if run == nil {
		h.mistakef("background work %q is nil", name)
		return
	}
	h.engine.Go(name, run)
}

// OnStop adds a function that runs after the last call was answered, in reverse
// order of adding; its context bounds it.
func (h *Host) OnStop(stop func(context.Context) error) {
	if stop == nil {
		h.mistakef("passes nil to OnStop")
		return
	}
	h.engine.OnStop(stop)
}

// Err tells what the service did wrong with its Host, and what it declared and
// did not register. The engine asks after New has returned.
func (h *Host) Err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	mistakes := slices.Clone(h.mistakes)
	for _, d := range h.service.Serves {
		if d != nil && !h.registered[d.ServiceName] {
			mistakes = append(mistakes, fmt.Errorf("service %s: declares %s in Serves and does not register it",
				h.service.Name, d.ServiceName))
		}
	}
	return errors.Join(mistakes...)
}

func (h *Host) first(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := !h.registered[name]
	h.registered[name] = true
	return first
}

func (h *Host) mistakef(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mistakes = append(h.mistakes, fmt.Errorf("service %s: %w", h.service.Name, fmt.Errorf(format, args...)))
}

// noConn stands for a conn that could not be had; the start fails anyway.
type noConn struct{ service string }

func (c noConn) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return c.err() }

func (c noConn) NewStream(
	context.Context, *grpc.StreamDesc, string, ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return nil, c.err()
}

func (c noConn) err() error {
	return status.Errorf(codes.FailedPrecondition, "no conn to service %q: see the error of the start", c.service)
}
