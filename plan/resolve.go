package plan

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/kerf-go/kerf/link"
)

// Resolve reads a plan file and checks it against the model. The error is an
// Errors with every mistake in the plan, or tells why the file cannot be read.
func Resolve(file string, m Model) (*Plan, error) {
	text, err := readRegular(file)
	if errors.Is(err, errTooLarge) {
		text, err = make([]byte, maxFile+1), nil // Parse says the rest
	}
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w; name a plan file that is there and may be read", err)
	}
	return Parse(file, text, m)
}

// Parse is Resolve for text that is at hand. file names it in errors; relative
// paths in the plan, also those of ${file:path}, start at file's folder.
func Parse(file string, text []byte, m Model) (*Plan, error) {
	r := &resolver{reader: reader{file: file}, model: m}
	if root := r.parseYAML(text); root != nil {
		r.object(thePlan, Position{File: file, Line: 1, Column: 1}, root, &r.raw)
		r.resolve()
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return r.plan, nil
}

// Monolith is the plan of an app that has none: one process, named as the app,
// with every service and its pages on 127.0.0.1:8080.
func Monolith(m Model) *Plan {
	r := &resolver{model: m}
	r.raw.app.v = m.App
	r.resolve()
	return r.plan
}

// resolver makes a Plan from what a file says. Each step goes on after a
// mistake, so that all are found.
type resolver struct {
	reader
	model Model
	raw   filePlan
	plan  *Plan

	sites    []*site          // the processes
	homes    map[string]*site // by service
	rules    map[string]*rule // by method
	policies []policyEntry    // the most specific first
	misfits  []misfit
	meant    map[string]bool // services that a misspelt name was probably for

	strangers bool // there are services that the model does not know
}

// site is a process on its way to become a Process.
type site struct {
	Process
	raw     *fileProcess
	at      Position // of its name
	linkAt  Position // where its link was named
	address address  // of its listener
	given   bool     // the listener was asked for, or else comes with the first caller
	broken  bool     // a mistake in the listener was reported
}

// rule is what a plan says of one method.
type rule struct {
	deadline placed[time.Duration]
	share    placed[bool]
	link     placed[string]
	wait     placed[link.Wait]
}

func (r *resolver) resolve() {
	r.plan = &Plan{
		File: r.file, App: r.model.App, Admin: defaultAdmin, Insecure: r.raw.insecure.v,
		Drain: defaultDrain, deadline: defaultDeadline,
		methods: map[string]methodPolicy{}, configs: map[string]config{}, balances: map[string]balanced{},
	}
	r.checkApp()
	r.placeServices()
	r.placeListeners()
	r.checkMethods()
	r.placePolicies()
	r.placeUpstreams()
	r.connect()
	r.warnOfVain()
	r.warnOfBalance()
	r.warnOfStoreWaits()
	r.warnOfPages()
	r.warnOfChains()
	r.placeBroker()
	r.checkPorts()
	r.placeStore()
	r.placeConfig()
	for _, s := range r.sites {
		r.plan.Processes = append(r.plan.Processes, s.Process)
	}
}

func (r *resolver) checkApp() {
	if app := r.raw.app; app.set() && app.v != r.model.App {
		r.add(app.at, fmt.Sprintf("the plan is for the app %s, and this is %s", quote(app.v), r.model.App),
			fmt.Sprintf(`write "app: %s", or use the plan of %s`, r.model.App, r.model.App))
	}
	if r.raw.deadline.set() {
		r.plan.deadline = r.raw.deadline.v
	}
	if r.raw.drain.set() {
		r.plan.Drain, r.plan.drainSaid = r.raw.drain.v, Applied{From: drainKey, At: r.raw.drain.at}
	}
	if r.raw.link.set() {
		r.knownLink(r.raw.link)
	}
}

var errTooLarge = errors.New("the file is too large")

// readRegular reads a file of at most 1 MiB. A pipe or a device could keep the
// reader for ever.
func readRegular(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err // it names the file and what was tried
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", file)
	}
	f, err := os.Open(file) //nolint:gosec // reading the files that a plan names is the purpose
	if err != nil {
		return nil, err // it names the file and what was tried
	}
	defer f.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errTooLarge
	}
	return text, err
}
