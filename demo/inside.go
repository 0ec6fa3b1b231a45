package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/run"
)

// Inside is the processes of a plan within the lesson's own process. They call each other by
// their links, and the lesson can put its faults between them as interceptors of the app.
type Inside struct {
	plan      *plan.Plan
	processes map[string][]*run.Process // each with its replicas
}

// Inside starts an app by the text of a plan. It runs until Stop, or else until the end of
// the lesson.
func (s *Stage) Inside(ctx context.Context, text string, app kerf.App) (*Inside, error) {
	p, data, err := s.resolve(text, app)
	if err != nil {
		return nil, err
	}
	i := &Inside{p, map[string][]*run.Process{}}
	s.OnClose(i.Stop)
	directory := run.NewDirectory(p)
	names := slices.Clone(run.StopOrder(p))
	slices.Reverse(names) // the broker first
	s.Sayf("starts %d processes by a plan, all within this one", len(names))
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for _, name := range names {
		o := run.Options{
			App: app, Batteries: s.Batteries, Plan: p, Process: name, Directory: directory, Data: data,
			Web: freePort, LogOutput: io.Discard,
		}
		if name == plan.BrokerProcess {
			o.Data = filepath.Join(data, name)
		}
		if err := i.start(ctx, o); err != nil {
			return nil, err
		}
	}
	return i, i.ready(ctx)
}

// start starts a process with all its replicas.
func (i *Inside) start(ctx context.Context, o run.Options) error {
	spec, _ := i.plan.Process(o.Process)
	var urls []string
	for range spec.Replicas {
		p, err := run.Start(ctx, o)
		if err != nil {
			return fmt.Errorf("start process %s: %w", o.Process, err)
		}
		i.processes[o.Process] = append(i.processes[o.Process], p)
		urls = append(urls, p.URLs()...)
	}
	o.Directory.Merge(map[string][]string{o.Process: urls})
	return nil
}

func (i *Inside) ready(ctx context.Context) error {
	for name, replicas := range i.processes {
		for _, p := range replicas {
			if err := p.Ready(ctx); err != nil {
				return fmt.Errorf("process %s: %w", name, err)
			}
		}
	}
	return nil
}

// home gives the first replica of the process of a service.
func (i *Inside) home(service string) (*run.Process, error) {
	replicas := i.processes[i.plan.Home(service)]
	if len(replicas) == 0 {
		return nil, fmt.Errorf("the plan has no service %q", service)
	}
	return replicas[0], nil
}

// Conn is the way from one service to another, with the policies of the plan.
func (i *Inside) Conn(caller, callee string) (grpc.ClientConnInterface, error) {
	p, err := i.home(caller)
	if err != nil {
		return nil, err
	}
	return p.Conn(callee, caller)
}

// Ready asks the process of a service, as an orchestrator does, whether it is to be called.
func (i *Inside) Ready(ctx context.Context, service string) (bool, error) {
	const most = 5 * time.Second
	p, err := i.home(service)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Admin()+"/readyz", http.NoBody)
	if err != nil {
		return false, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	return response.StatusCode == http.StatusOK, response.Body.Close()
}

// Stop ends all processes, callers before those they call.
func (i *Inside) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var errs []error
	for _, name := range run.StopOrder(i.plan) {
		for _, p := range i.processes[name] {
			errs = append(errs, p.Stop(ctx))
		}
		delete(i.processes, name)
	}
	return errors.Join(errs...)
}
