package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/store"
)

// engine stands behind the Host of one service.
type engine struct {
	process *Process
	service kerf.Service
	logger  *slog.Logger

	mu      sync.Mutex // guards the fields below
	db      *store.DB
	work    []work
	started bool
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
	return &engine{process: p, service: s, logger: p.tel.Logger().With("service", s.Name)}
}

func (e *engine) Register(desc *grpc.ServiceDesc, impl any) error {
	if desc == nil || impl == nil {
		return errors.New("nothing to register")
	}
	e.process.everyServer().RegisterService(desc, impl)
	return nil
}

func (e *engine) ServiceInfo() map[string]grpc.ServiceInfo {
	return e.process.everyServer().GetServiceInfo()
}

func (p *Process) everyServer() link.Tee {
	return append(link.Tee{p.local}, p.servers...)
}

func (e *engine) Dial(service string) (grpc.ClientConnInterface, error) {
	return e.process.dial(e.service.Name, service)
}

func (e *engine) OpenDB(ctx context.Context, migrations fs.FS) (*store.DB, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.db != nil {
		return e.db, nil
	}
	o := e.process.options
	url := o.Plan.Store
	if url == "" {
		url = "sqlite:" + o.Data
	}
	db, err := store.Open(ctx, url, e.service.Name, o.Batteries.Stores, store.Options{
		Tracer: e.process.tel.TracerProvider(),
	})
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx, migrations); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	e.process.closers.add(func(context.Context) error { return db.Close() })
	e.Ready("store", db.PingContext)
	e.db = db
	return db, nil
}

func (e *engine) Handle(pattern string, page http.Handler) error {
	return e.process.pages.add(pattern, e.process.wrap(page))
}

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
	w := work{name, run}
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

func (e *engine) launch(w work) {
	e.running.Go(func() {
		ctx := e.process.background
		err := w.run(ctx)
		if err != nil && ctx.Err() == nil {
			e.process.fail(fmt.Errorf("service %s: background work %q failed: %w", e.service.Name, w.name, err))
		}
	})
}

func (e *engine) waitForWork(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.running.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("service %s: background work still runs: %w", e.service.Name, ctx.Err())
	}
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
