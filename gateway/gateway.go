package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/gateway/auth"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/policy"
	"github.com/kerf-go/kerf/transcode"
)

// Options are what a gateway needs beside its configuration. Their zero value is valid.
type Options struct {
	Services map[string][]transcode.Service // those that routes may call, by name
	Logger   *slog.Logger                   // nil: slog.Default()
	Pages    http.Handler                   // those of the same process; nil: there are none
	Metrics  prometheus.Registerer          // takes the gateway's until Close; nil: nobody does
	Admin    http.Handler                   // what else admin's address shows; nil: nothing

	// Report is asked once for each upstream's name, and gives what is told what the policies towards
	// it do. states tells how they stand, by the configuration in use. nil: the log is told of servers
	// that change.
	Report func(upstream string, states func() []policy.State) policy.Observer
}

// Gateway answers requests as its configuration says. It is safe for concurrent use.
type Gateway struct {
	options Options
	file    string // of Open
	started config // what of it is read once counts
	log     *accessLog

	swap    sync.Mutex                 // held while a configuration is compiled and swapped in
	reports map[string]policy.Observer // of upstreams, guarded by swap
	current atomic.Pointer[running]
	refused atomic.Uint64  // malformed requests that refuse was told of
	retired sync.WaitGroup // sites whose last request has not ended
}

var _ http.Handler = (*Gateway)(nil)

// running is a site with its requests.
type running struct {
	*site
	requests atomic.Int64 // and one more while it is current
	over     func()       // once, when all have ended
}

// New makes a gateway of a configuration. Its error tells every mistake with its place.
func New(d *plan.Document, o Options) (*Gateway, error) {
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Report == nil {
		o.Report = logged(o.Logger)
	}
	g := &Gateway{options: o, reports: make(map[string]policy.Observer)}
	s, err := compile(d, o, g.report, nil)
	if err != nil {
		return nil, err
	}
	g.started = s.config
	if g.log, err = newAccessLog(s.config.Log); err != nil {
		s.close(o.Logger)
		return nil, plan.Error{
			Position: d.Place("log"), What: err.Error(), Hint: "write stdout, off, or a file in a folder that is there",
		}
	}
	g.current.Store(g.newRunning(s))
	if o.Metrics != nil {
		if err = o.Metrics.Register(metrics{g}); err != nil {
			return nil, errors.Join(fmt.Errorf("metrics of the gateway: %w", err), g.Close())
		}
	}
	return g, nil
}

func (g *Gateway) newRunning(s *site) *running {
	r := &running{site: s}
	r.requests.Store(1)
	g.retired.Add(1)
	return r
}

// Reload swaps a configuration in, unless it is wrong: then nothing changes, and the
// error tells every mistake. What is read once, such as the addresses that are listened on, stays; that
// it has changed is logged.
func (g *Gateway) Reload(d *plan.Document) error {
	g.swap.Lock()
	defer g.swap.Unlock()
	before := g.current.Load()
	s, err := compile(d, g.options, g.report, before.site)
	if err != nil {
		return err
	}
	next := g.newRunning(s)
	g.current.Store(next)
	before.over = func() { before.close(g.options.Logger) }
	g.leave(before)
	if keys := s.config.restarts(g.started); len(keys) > 0 {
		g.options.Logger.Warn("restart the gateway for what is read only when it starts", "changed", keys)
	}
	return nil
}

// report gives what is told what the policies towards an upstream do, whatever configuration they
// are of. Its caller holds swap, or is New.
func (g *Gateway) report(upstream string) policy.Observer {
	if g.reports[upstream] == nil {
		g.reports[upstream] = g.options.Report(upstream, func() []policy.State {
			r := g.current.Load()
			if r == nil || r.upstreams[upstream] == nil {
				return nil
			}
			return r.upstreams[upstream].states()
		})
	}
	return g.reports[upstream]
}

// logged reports no more than servers that change.
func logged(logger *slog.Logger) func(string, func() []policy.State) policy.Observer {
	return func(upstream string, _ func() []policy.State) policy.Observer {
		return func(ctx context.Context, e policy.Event) {
			if e.Policy == "balance" {
				logger.WarnContext(ctx, "an upstream's server has changed",
					"upstream", upstream, "server", e.Scope, "state", e.What, "error", e.Err)
			}
		}
	}
}

// Close ends the gateway. Requests had better have ended before.
func (g *Gateway) Close() error {
	g.swap.Lock()
	defer g.swap.Unlock()
	if g.options.Metrics != nil {
		g.options.Metrics.Unregister(metrics{g})
	}
	last := g.current.Swap(nil)
	if last != nil {
		last.over = func() { last.close(g.options.Logger) }
		g.leave(last)
	}
	g.retired.Wait()
	return g.log.Close()
}

// enter begins a request with the configuration in use; nil after Close.
func (g *Gateway) enter() *running {
	for {
		r := g.current.Load()
		if r == nil {
			return nil
		}
		for n := r.requests.Load(); n > 0; n = r.requests.Load() {
			if r.requests.CompareAndSwap(n, n+1) {
				return r
			}
		}
	}
}

func (g *Gateway) leave(r *running) {
	if r.requests.Add(-1) == 0 {
		r.over()
		g.retired.Done()
	}
}

// ServeHTTP answers a request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := g.enter()
	if s == nil {
		transcode.WriteError(w, r, status.Error(codes.Unavailable, "the gateway stops"))
		return
	}
	defer g.leave(s)
	refused := checkRequest(r)
	v := &visit{
		Context: r.Context(), began: time.Now(), client: s.trusted.clientOf(r), host: hostOf(r),
		out: recorder{ResponseWriter: w},
	}
	out := &v.out
	defer g.log.write(v, out, r)
	watched := r // by who has called: what it is named for
	r = r.WithContext(v)
	if refused == nil {
		refused = s.serve(out, r, v)
	}
	if refused != nil {
		v.err = errors.New(status.Convert(refused).Message())
		writeError(v.refusing(r.Header.Get("Origin")), r, refused)
	}
	if v.route != nil {
		watched.Pattern = v.route.name
	}
}

// refuse notes a request whose head was not read to its end: it has no path and no route. Its
// connection ends, so that a client gets no more lines of the log by it than by others.
func (g *Gateway) refuse(client net.Addr, code int, reason error) {
	if code == http.StatusBadRequest {
		g.refused.Add(1)
	}
	r := &http.Request{RemoteAddr: client.String(), Proto: "HTTP/1.1"}
	v := &visit{began: time.Now(), err: reason}
	v.client.address = peerOf(r)
	g.log.write(v, &recorder{code: code}, r)
}

// serve answers by the first route that matches, or tells why none does.
func (s *site) serve(w http.ResponseWriter, r *http.Request, v *visit) error {
	auth.Clean(r.Header)
	v.replaceClaims(r.Header)
	if r.Method == http.MethodOptions && r.URL.Path == "*" { // it is about the gateway, and no path
		w.WriteHeader(http.StatusOK)
		return nil
	}
	raw := r.URL.EscapedPath()
	if raw == "" && r.URL.Host != "" { // of a URL it may be left out (RFC 9112, 3.2.2)
		raw = "/"
	}
	p, err := parsePath(raw)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	v.path = p
	setPath(r.URL, p.canonical)
	for _, rt := range s.routes {
		if !rt.match.matches(r, v.host, p.canonical) {
			continue
		}
		v.route = rt
		if err := rt.check(p); err != nil {
			return err
		}
		if r, err = rt.limits.apply(w, r, v); err != nil {
			return err
		}
		rt.handler.ServeHTTP(w, r)
		return nil
	}
	return status.Error(codes.NotFound, "no route leads there")
}
