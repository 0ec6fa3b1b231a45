package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

// Values that hold where a plan says nothing.
const (
	defaultWeb      = "127.0.0.1:8080" // of the only process, where the plan names no processes
	defaultAdmin    = "127.0.0.1:0"
	defaultDeadline = 5 * time.Second  // long beside a call on one network, short beside a reader's patience
	defaultDrain    = 20 * time.Second // long beside a deadline; orchestrators give a little more
)

// Plan is a resolved plan: every default filled in, every mistake refused. It is
// never changed after Resolve, Parse or Monolith made it, so it is safe for
// concurrent use.
type Plan struct {
	File      string // where it was read; "" without a file
	App       string
	Processes []Process        // as the file orders them
	Admin     string           // host:port of each process's admin listener; port 0: any free one
	Store     Store            // of every service but those of Stores
	Stores    map[string]Store // of single services; nil: none
	Broker    string           // "embedded", "embedded:FOLDER" or a URL; "": no link needs one
	Drain     time.Duration    // how long calls may go on in what is to stop; negative: they are cut off at once
	Insecure  bool             // listeners may leave loopback without any identity
	Calls     []Call           // who may call what, in the model's order
	Warnings  []Error          // what works and had better be otherwise

	deadline  time.Duration
	drainSaid Applied // where Drain comes from
	methods   map[string]methodPolicy
	others    policy.Settings     // of methods that the app does not have
	balances  map[string]balanced // by service
	configs   map[string]config

	upstreams []upstream // in the model\'s order, and those that only others know
}

// Process is one operating-system process of a plan, or each of its replicas.
type Process struct {
	Name     string
	Services []string

	Listener            // how it is reached; the zero Listener when nobody calls it from outside
	More     []Listener // further ones, for methods that the plan gives a link of their own

	Web      string // host:port of the pages; "": it serves none
	Replicas int    // 1 or more

	// Command is the program that runs the process instead of the app's own, and its first
	// arguments; nil: none. Relative paths in it start at the plan's folder.
	Command   []string
	CommandAt Position // where the plan names the program
}

// Listener is where a process can be called.
type Listener struct {
	Link   string // the scheme of Listen
	Listen string // a URL to listen on; port 0: any free one
	Reach  string // the URL to call; "" until the listener has chosen its port
}

// Call is one method that one service may call.
type Call struct {
	From, To               string // services
	FromProcess, ToProcess string
	Method                 string        // "chirp.notify.v1.Notify/Deliver"
	Kind                   string        // "unary", "client stream", "server stream" or "bidi stream"
	Link                   string        // a scheme; "inproc" within a process
	Wait                   link.Wait     // when the caller goes on
	Deadline               time.Duration // 0: none
	Shared                 bool          // messages are not copied; only within a process
}

type methodPolicy struct {
	deadline time.Duration
	shared   bool
	wait     link.Wait
	settings policy.Settings
	applied  []Applied
	without  []string // policies that the method cannot have
}

// Process finds a process by its name.
func (p *Plan) Process(name string) (Process, bool) {
	if name == BrokerProcess && p.BrokerApart() {
		return Process{Name: BrokerProcess, Replicas: 1}, true
	}
	i := slices.IndexFunc(p.Processes, func(q Process) bool { return q.Name == name })
	if i < 0 {
		return Process{}, false
	}
	return p.Processes[i], true
}

// Home tells which process runs a service; "" for a service that is not in the app.
func (p *Plan) Home(service string) (process string) {
	for _, q := range p.Processes {
		if slices.Contains(q.Services, service) {
			return q.Name
		}
	}
	return ""
}

// Deadline is how long a caller of a method waits when it sets no deadline of
// its own: what the plan says of the method, else of all methods, else 5 s. It is
// 0, for ever, for a stream that the plan says nothing of. The method is given
// with or without a leading slash.
func (p *Plan) Deadline(method string) time.Duration {
	if policy, ok := p.methods[strings.TrimPrefix(method, "/")]; ok {
		return policy.deadline
	}
	return p.deadline
}

// Shared tells whether the plan lets a method's messages pass within a process
// without a copy. The method is given with or without a leading slash.
func (p *Plan) Shared(method string) bool {
	return p.methods[strings.TrimPrefix(method, "/")].shared
}
