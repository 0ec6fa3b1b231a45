package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/store"
)

// engine stands behind the Host of one service.
type engine struct {
	process *Process
	service kerf.Service
	logger  *slog.Logger

	mu      sync.Mutex                          // guards the fields below
	conns   map[string]grpc.ClientConnInterface // by the names of the services called
	db      *store.DB
	work    []work
	started bool
	active  map[string]int // how often work of a name runs
	running sync.WaitGroup
	stops   []func(context.Context) error
}

// work is one function given to Host.Go.
type work struct {
	name string
	run  func(context.Context) error
}

var _ kerf.Engine = (*engine)(nil)

func newEngine(p *Process, s kerf.Service) *engine {
	return &engine{
		process: p, service: s, logger: p.tel.Logger().With("service", s.Name),
		conns: make(map[string]grpc.ClientConnInterface), active: make(map[string]int),
	}
}

func (e *engine) Register(desc *grpc.ServiceDesc, impl any) error {
	if impl == nil {
		return errors.New("its implementation is nil")
	}
	if want, ok := interfaceOf(desc); ok && !reflect.TypeOf(impl).Implements(want) {
		return fmt.Errorf("%T does not implement %v", impl, want)
	}
	if _, ok := e.ServiceInfo()[desc.ServiceName]; ok {
		return errors.New("another service of this process serves it already: put the two into two processes")
	}
	e.process.registry.RegisterService(desc, impl)
	return nil
}

// interfaceOf is what a service's implementation must be, if the description says so.
func interfaceOf(desc *grpc.ServiceDesc) (reflect.Type, bool) {
	t := reflect.TypeOf(desc.HandlerType)
	if t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Interface {
		return nil, false
	}
	return t.Elem(), true
}

func (e *engine) ServiceInfo() map[string]grpc.ServiceInfo {
	return e.process.registry.GetServiceInfo()
}

// Dial gives the same conn whenever it is asked for the same service.
func (e *engine) Dial(service string) (grpc.ClientConnInterface, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if conn := e.conns[service]; conn != nil {
		return conn, nil
	}
	conn, err := e.process.dial(e.service.Name, service)
	if err != nil {
		return nil, err
	}
	e.conns[service] = conn
	return conn, nil
}

func (e *engine) Report(upstream string, states func() []policy.State) policy.Observer {
	return e.process.seam.Report(e.service.Name, upstream, states)
}

func (e *engine) Upstream(name string, s policy.Settings) policy.Settings {
	return e.process.options.Plan.Upstream(name, s)
}

func (e *engine) Handle(pattern string, page http.Handler) error {
	return e.process.pages.add(pattern, e.process.wrap(page))
}

func (e *engine) Around(wrap func(http.Handler) http.Handler) error {
	return e.process.pages.around(wrap)
}

func (e *engine) Instrument(page http.Handler) http.Handler {
	return e.process.tel.Web(e.process.wrap(page))
}

func (e *engine) Metrics() prometheus.Registerer { return e.process.tel.Registry() }

func (e *engine) Config(into any) error {
	return e.process.options.Plan.DecodeConfig(e.service.Name, into)
}

func (e *engine) Logger() *slog.Logger { return e.logger }

func (e *engine) Ready(name string, check func(context.Context) error) {
	e.process.checks.add(e.service.Name+" "+name, check)
}

func (e *engine) Go(name string, run func(context.Context) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.add(work{name, run})
}

// add starts work, or keeps it until the start; the caller holds the lock.
func (e *engine) add(w work) {
	if e.process.background.Err() != nil {
		return // the drain has begun, which would end it at once
	}
	if e.started {
		e.launch(w)
		return
	}
	e.work = append(e.work, w)
}

func (e *engine) OnStop(stop func(context.Context) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stops = append(e.stops, stop)
}

// startWork starts what New gave to Go: after the listeners, so that it may call
// services of its own process.
func (e *engine) startWork() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.started = true
	for _, w := range e.work {
		e.launch(w)
	}
}

// launch runs work; the caller holds the lock.
func (e *engine) launch(w work) {
	e.active[w.name]++
	e.running.Go(func() {
		ctx := e.process.background
		err := w.run(ctx)
		if err != nil && ctx.Err() == nil {
			e.process.fail(fmt.Errorf("service %s: background work %q failed: %w", e.service.Name, w.name, err))
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.active[w.name]--; e.active[w.name] == 0 {
			delete(e.active, w.name)
		}
	})
}

// waitForWork waits once the drain has begun, after which no more work starts.
func (e *engine) waitForWork(ctx context.Context) error {
	if len(e.activeWork()) == 0 {
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.running.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("service %s: background work still runs: %s: %w",
			e.service.Name, strings.Join(e.activeWork(), ", "), ctx.Err())
	}
}

// activeWork names the work that runs.
func (e *engine) activeWork() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.active))
}

func (e *engine) runStops(ctx context.Context) error {
	e.mu.Lock()
	stops := slices.Clone(e.stops)
	e.mu.Unlock()
	var errs []error
	for _, stop := range slices.Backward(stops) {
		if err := stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("service %s: stop: %w", e.service.Name, err))
		}
	}
	return errors.Join(errs...)
}
