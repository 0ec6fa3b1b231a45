package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/broker"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/seam"
	"github.com/kerf-go/kerf/telemetry"
)

// Options say which process of which plan to start.
type Options struct {
	App       kerf.App
	Batteries Batteries
	Plan      *plan.Plan
	Process   string     // its name in the plan
	Directory *Directory // of the other processes; nil: only what the plan fixes
	Data      string     // the folder of stores when the plan names none; of the broker's process, its own

	// Addresses to take instead of the plan's, each optional: what a restarted
	// process had before. One that is taken gives way to the plan's.
	Listen     []string
	Web, Admin string

	LogOutput io.Writer  // nil: os.Stderr
	LogFormat string     // "json" (default) or "text"
	LogLevel  slog.Level // the least that is logged; the zero value is info
}

// Process is a running process of a plan: its services, listeners and telemetry.
// Its methods are safe for concurrent use.
type Process struct {
	options   Options
	spec      plan.Process
	tel       *telemetry.Telemetry
	seam      *seam.Seam
	checks    checks
	broker    broker.Server // nil: it runs none
	local     link.Server   // in-process calls
	servers   []link.Server // calls from other processes
	registry  registry      // of local and servers
	pages     *pages
	admin     *listener
	web       *listener // nil: no pages
	engines   []*engine
	brokerURL string  // of broker
	closers   closers // telemetry and all that New opened, in order
	serving   sync.WaitGroup
	failures  chan error // what ends the process early; only the first counts

	background context.Context //nolint:containedctx // of every Host.Go
	endWork    context.CancelFunc
	stopping   sync.Once
	stopErr    error
}

// Start builds the process and returns once it serves; Ready tells when its own
// checks pass. ctx bounds the start. Nothing is left behind by a failed start.
func Start(ctx context.Context, o Options) (*Process, error) {
	if err := checkApp(o.App); err != nil {
		return nil, err
	}
	spec, ok := o.Plan.Process(o.Process)
	if !ok {
		return nil, fmt.Errorf("process %q is not in the plan: it has %s", o.Process, processNames(o.Plan))
	}
	o.Batteries = o.Batteries.with(o.App)
	if o.Directory == nil {
		o.Directory = NewDirectory(o.Plan)
	}
	p := &Process{
		options: o, spec: spec, checks: checks{drained: make(chan struct{})}, pages: newPages(),
		failures: make(chan error, 1),
	}
	p.background, p.endWork = context.WithCancel(context.Background())
	if err := p.start(ctx); err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return nil, errors.Join(err, p.Stop(stopCtx))
	}
	return p, nil
}

func (p *Process) start(ctx context.Context) error {
	steps := []func(context.Context) error{
		p.openTelemetry, p.openBroker, p.listen, p.build, p.addStandardServices, p.joinSubjects, p.openAdmin, p.openWeb,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	p.serve()
	return nil
}

func (p *Process) openTelemetry(ctx context.Context) error {
	tel, err := telemetry.New(ctx, telemetry.Options{
		App: p.options.App.Name, Process: p.spec.Name, Version: version(),
		LogOutput: p.options.LogOutput, LogFormat: p.options.LogFormat, Level: p.options.LogLevel,
	})
	if err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	p.tel = tel
	p.closers.add(tel.Shutdown)
	if p.seam, err = seam.New(tel); err != nil {
		return fmt.Errorf("metrics of calls: %w", err)
	}
	p.closers.add(p.seam.Drain) // for what the closed conns have cut off
	return nil
}

// listen binds the in-process server and those listeners that are the process's own.
func (p *Process) listen(ctx context.Context) error {
	local, err := p.listenOn(ctx, inProcess+"://")
	if err != nil {
		return err
	}
	p.local = local
	p.registry.join(local)
	return p.listenOnAll(false, func(url string) (link.Server, error) { return p.listenAgain(ctx, url) })
}

// joinSubjects listens on brokers. These give calls to each server of a subject, so that one
// must not be there while its services are still built.
func (p *Process) joinSubjects(ctx context.Context) error {
	return p.listenOnAll(true, func(url string) (link.Server, error) { return p.listenThrough(ctx, url) })
}

// listenOnAll binds the process's listeners, those of links with a broker or the others.
func (p *Process) listenOnAll(brokered bool, listen func(url string) (link.Server, error)) error {
	for _, l := range append([]plan.Listener{p.spec.Listener}, p.spec.More...) {
		if l.Listen == "" || p.brokered(l.Listen) != brokered {
			continue
		}
		s, err := listen(l.Listen)
		if err != nil {
			return fmt.Errorf("process %s: %w", p.spec.Name, err)
		}
		p.servers = append(p.servers, s)
		p.registry.join(s)
	}
	return nil
}

func (p *Process) brokered(rawURL string) bool {
	l, err := p.options.Batteries.link(schemeOf(rawURL))
	return err == nil && l.Capabilities().Broker
}

// listenAgain takes the address that the process had before, if it can.
func (p *Process) listenAgain(ctx context.Context, rawURL string) (link.Server, error) {
	for _, before := range p.options.Listen {
		if schemeOf(before) != schemeOf(rawURL) {
			continue
		}
		s, err := retake(ctx, func() (link.Server, error) { return p.listenOn(ctx, before) })
		if err == nil {
			return s, nil
		}
	}
	return p.listenOn(ctx, rawURL)
}

func (p *Process) listenOn(ctx context.Context, rawURL string) (link.Server, error) {
	return p.options.Batteries.Listen(ctx, withPassword(p.options.Plan, rawURL), p.inbound(schemeOf(rawURL)))
}

// build makes every service of the process. All mistakes are told, not only the first.
func (p *Process) build(ctx context.Context) error {
	var errs []error
	for _, s := range p.options.App.Services {
		if !slices.Contains(p.spec.Services, s.Name) {
			continue
		}
		e := newEngine(p, s)
		p.engines = append(p.engines, e)
		host := kerf.NewHost(s, e)
		if err := s.New(ctx, host); err != nil {
			errs = append(errs, fmt.Errorf("service %s: %w", s.Name, err))
		} else if err := host.Err(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (p *Process) openAdmin(ctx context.Context) error {
	var err error
	handler := onlyByAddress(p.tel.Admin(p.checks.run, telemetry.AdminPage{
		Path: policiesPath, Doc: "what policies are about, and what they did", Handler: p.seam.Page(),
	}))
	p.admin, err = listenHTTP(ctx, p.tel.Logger(), handler, p.options.Admin, p.options.Plan.Admin)
	if err != nil {
		return fmt.Errorf("admin listener of process %s: %w", p.spec.Name, err)
	}
	return nil
}

func (p *Process) openWeb(ctx context.Context) error {
	if p.spec.Web == "" && !p.pages.empty() {
		p.tel.Logger().WarnContext(ctx, "the process has web pages and the plan no address for them: "+
			"give the process web: 127.0.0.1:8080")
	}
	if p.spec.Web == "" || p.pages.empty() {
		return nil
	}
	var err error
	p.web, err = listenHTTP(ctx, p.tel.Logger(), p.tel.Web(p.pages.entry()), p.options.Web, p.spec.Web)
	if err != nil {
		return fmt.Errorf("web pages of process %s: %w", p.spec.Name, err)
	}
	return nil
}

// serve lets calls in everywhere, and starts the background work.
func (p *Process) serve() {
	for _, s := range append([]link.Server{p.local}, p.servers...) {
		p.serving.Go(func() { p.fail(s.Serve()) })
	}
	for _, l := range []*listener{p.admin, p.web} {
		if l != nil {
			p.serving.Go(func() { p.fail(l.serve()) })
		}
	}
	for _, e := range p.engines {
		e.startWork()
	}
}

// fail ends the process with its first error.
func (p *Process) fail(err error) {
	if err == nil {
		return
	}
	select {
	case p.failures <- err:
	default:
	}
}

// Failed gives the error that makes the process unable to go on, when there is one.
func (p *Process) Failed() <-chan error { return p.failures }

// Ready waits until every check of the process passes. Its error tells which
// did not when ctx ended, or why the process failed before.
func (p *Process) Ready(ctx context.Context) error {
	const pause = 20 * time.Millisecond
	for {
		err := p.checks.run(ctx)
		if err == nil {
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("process %s is not ready: %w", p.spec.Name, err)
		case failure := <-p.failures:
			timer.Stop()
			p.fail(failure) // Failed tells it too
			return failure
		case <-timer.C:
		}
	}
}

// URLs are where other processes reach this one; for none, the list is empty.
func (p *Process) URLs() []string {
	urls := make([]string, 0, len(p.servers)+1)
	if p.spec.Name == plan.BrokerProcess && p.brokerURL != "" {
		urls = append(urls, p.brokerURL)
	}
	for _, s := range p.servers {
		urls = append(urls, s.URL())
	}
	return urls
}

// Web is the URL of the pages; empty if the process serves none.
func (p *Process) Web() string {
	if p.web == nil {
		return ""
	}
	return p.web.url()
}

// Admin is the URL of the admin listener.
func (p *Process) Admin() string { return p.admin.url() }

// Logger is the process's own.
func (p *Process) Logger() *slog.Logger { return p.tel.Logger() }

// Conn reaches a service as another one of this process would, under a caller's
// name that no service has.
func (p *Process) Conn(service, caller string) (grpc.ClientConnInterface, error) {
	return p.dial(caller, service)
}

// wrap puts around a page of a service what the App says.
func (p *Process) wrap(page http.Handler) http.Handler {
	for _, w := range slices.Backward(p.options.App.Web) {
		page = w(page)
	}
	return page
}

func processNames(p *plan.Plan) string {
	names := make([]string, 0, len(p.Processes))
	for _, q := range p.Processes {
		names = append(names, q.Name)
	}
	return strings.Join(names, ", ")
}

func schemeOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return u.Scheme
}
