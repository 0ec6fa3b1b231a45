package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/store"
)

// FleetOptions say how the processes of a plan are started.
type FleetOptions struct {
	Program   []string // program and first arguments; "run --process ..." is added
	Env       []string // added to each process's environment
	Data, Web string   // as the flags of run
	LogFormat string
	LogLevel  string    // as the flag of run; empty: its default
	Stdout    io.Writer // the merged logs
	Status    string    // file for status; empty: none
	Foreign   bool      // only the processes with a command of their own
}

// NewFleet makes the fleet of a plan's processes, each a run of the program, or of the
// process's own command, which is given the same arguments. Commands whose programs are
// not there are a plan.Errors.
func NewFleet(p *plan.Plan, o FleetOptions) (*fleet.Fleet, error) {
	if missing := missingPrograms(p); len(missing) > 0 {
		return nil, missing
	}
	processes, err := processesOf(p, o)
	if err != nil {
		return nil, err
	}
	order := slices.DeleteFunc(StopOrder(p), func(name string) bool {
		return !slices.ContainsFunc(processes, func(q fleet.Process) bool { return q.Name == name })
	})
	return fleet.New(processes, fleet.Options{
		App: p.App, Plan: p.File, Stdout: o.Stdout, StatusFile: o.Status, Order: order, StopTimeout: p.Drain,
	})
}

func processesOf(p *plan.Plan, o FleetOptions) ([]fleet.Process, error) {
	file, err := filepath.Abs(p.File) // a command runs elsewhere
	if err != nil {
		return nil, fmt.Errorf("where is the plan: %w", err)
	}
	if o.Data, err = filepath.Abs(o.Data); err != nil {
		return nil, fmt.Errorf("where is the data: %w", err)
	}
	var processes []fleet.Process
	if p.BrokerApart() && !o.Foreign {
		processes = append(processes, o.brokerOf(p, file))
	}
	for _, q := range p.Processes {
		if o.Foreign && q.Command == nil {
			continue
		}
		one := fleet.Process{
			Name: q.Name, Services: q.Services, Link: q.Link, Env: o.Env, Single: p.Single(q.Name),
			Command: append(slices.Clone(o.Program), o.arguments(file, q)...),
		}
		if q.Command != nil {
			one.Command = append(slices.Clone(q.Command), o.arguments(file, q)...)
			one.Dir = filepath.Dir(file)
			one.Listen = listening(q)
		}
		for one.Replica = range q.Replicas {
			processes = append(processes, one)
		}
	}
	return processes, nil
}

// brokerOf is the process of the embedded broker. Its folder is the broker's own.
func (o FleetOptions) brokerOf(p *plan.Plan, file string) fleet.Process {
	o.Data = brokerFolder(p, o.Data)
	q := plan.Process{Name: plan.BrokerProcess}
	return fleet.Process{
		Name: q.Name, Link: brokerLink(p), Env: o.Env, Single: p.Single(q.Name),
		Command: append(slices.Clone(o.Program), o.arguments(file, q)...),
	}
}

// arguments make a Kerf program run one process of a plan.
func (o FleetOptions) arguments(file string, q plan.Process) []string {
	arguments := []string{"run", "--plan", file, "--process", q.Name, "--data", o.Data}
	if o.Web != "" && q.Web != "" {
		arguments = append(arguments, "--web", o.Web)
	}
	if o.LogFormat != "" {
		arguments = append(arguments, "--log", o.LogFormat)
	}
	if o.LogLevel != "" {
		arguments = append(arguments, "--log-level", o.LogLevel)
	}
	return arguments
}

// listening has the URLs that the plan lets a process listen on.
func listening(q plan.Process) []string {
	var urls []string
	for _, l := range append([]plan.Listener{q.Listener}, q.More...) {
		if l.Listen != "" && hostOf(l.Listen) != plan.BrokerProcess { // that one's address is not known yet
			urls = append(urls, l.Listen)
		}
	}
	return urls
}

// StopOrder gives a plan's processes, callers before those they call, and the broker
// last. In a ring any order will do.
func StopOrder(p *plan.Plan) []string {
	calls := make(map[string][]string)
	for _, c := range p.Calls {
		calls[c.FromProcess] = append(calls[c.FromProcess], c.ToProcess)
	}
	var order []string // callees first
	seen := make(map[string]bool)
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, callee := range calls[name] {
			visit(callee)
		}
		order = append(order, name)
	}
	for _, q := range p.Processes {
		visit(q.Name)
	}
	slices.Reverse(order)
	if p.BrokerApart() {
		order = append(order, plan.BrokerProcess)
	}
	return order
}

func (c *commands) runFleet(ctx context.Context, p *plan.Plan, f runFlags) error {
	if err := c.awaitBroker(ctx, p); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program to start its processes: %w", err)
	}
	fl, err := NewFleet(p, FleetOptions{
		Program: []string{self}, Data: f.data, Web: f.web, LogFormat: f.log, LogLevel: f.level,
		Stdout: c.stderr, Status: statusFile(f.data),
	})
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	announced := make(chan struct{})
	go func() {
		defer close(announced)
		select {
		case <-fl.Ready():
			c.announce(p, f, webOf(fl))
		case <-ended:
		}
	}()
	err = fl.Run(ctx)
	close(ended)
	<-announced
	return err
}

func webOf(f *fleet.Fleet) string {
	for _, s := range f.Status() {
		if s.Web != "" {
			return s.Web
		}
	}
	return ""
}

// examplePort is where the ports begin that messages suggest, one for each process.
const examplePort = 9001

// reachable refuses to start one process of a plan by itself if others could
// not find it, or it could not find them.
func reachable(p *plan.Plan, name string) error {
	if p.BrokerApart() {
		return errors.New("the plan's broker runs only beside the whole plan: run that without --process, or name a " +
			"broker that runs by itself (broker: nats://host:4222)")
	}
	var errs []error
	for i, q := range p.Processes {
		needed := q.Name == name || slices.ContainsFunc(p.Calls, func(c plan.Call) bool {
			return c.FromProcess == name && c.ToProcess == q.Name
		})
		if needed && q.Listen != "" && q.Reach == "" {
			errs = append(errs, fmt.Errorf("process %s listens on a port that the system chooses, where nobody can "+
				"find it: give it a fixed one (listen: %s://127.0.0.1:%d), or run the whole plan without --process",
				q.Name, q.Link, examplePort+i))
		}
	}
	return errors.Join(errs...)
}

// explain adds what to do to an error of the start.
func explain(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; something else listens there: stop it, or choose another port in the plan "+
			"(or with --web 127.0.0.1:0 for the pages)", err)
	}
	if errors.Is(err, store.ErrAway) {
		return fmt.Errorf("%w; start the database, or say in the plan where it is "+
			"(store: postgres://USER@HOST/DATABASE)", err)
	}
	return err
}

// storeName is the store as people may see it.
func storeName(p *plan.Plan, data string) string {
	if p.Store.URL == "" {
		return data
	}
	return p.Store.String()
}
