package fleet

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Parent is a process's end of the connection to its fleet. Its methods are safe
// for concurrent use and never block for long. It lasts as long as the process,
// so there is nothing to close.
type Parent struct {
	previous Addresses
	reach    chan Directory // holds one, the newest
	done     chan struct{}

	mu     sync.Mutex // guards the fields below; an event is written whole
	stdout io.Writer
	bound  time.Duration
}

// Addresses are the places where a process was reached before its restart.
type Addresses struct {
	Listening  []string // a URL for each link
	Web, Admin string   // URLs; empty if it had none
}

// Attach connects this process to the fleet that started it; false means that it
// was started by something else. From then on stdin belongs to the Parent, and a
// closed stdout no longer ends the process, so that it can drain when its fleet has
// vanished. Programs that this process starts do not find the fleet. A second
// Attach finds none either.
func Attach() (*Parent, bool) {
	attached := os.Getenv(envFleet) == protocolVersion
	if !attached {
		return nil, false
	}
	bound, err := time.ParseDuration(os.Getenv(envStopTimeout))
	if err != nil {
		bound = Options{}.withDefaults().StopTimeout
	}
	p := &Parent{
		previous: Addresses{
			Listening: strings.Fields(os.Getenv(envListen)), Web: os.Getenv(envWeb), Admin: os.Getenv(envAdmin),
		},
		reach: make(chan Directory, 1), done: make(chan struct{}), stdout: os.Stdout, bound: bound,
	}
	for _, key := range []string{envFleet, envStopTimeout, envListen, envWeb, envAdmin} {
		_ = os.Unsetenv(key) // these keys are valid
	}
	// Somebody must ask for SIGPIPE, else a write to the stdout of a vanished fleet
	// ends a Go program (package os/signal, "SIGPIPE").
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go p.listen(os.Stdin) // until the process ends
	return p, true
}

// Previous has the addresses to take again after a restart, so that others find
// the process where it was. If one is taken, another will do.
func (p *Parent) Previous() Addresses { return p.previous }

// Listening reports a URL where others reach this process. One with the scheme of
// an earlier one takes its place.
func (p *Parent) Listening(url string) { p.report(event{Listening: url}) }

// Web reports the URL where people reach this process.
func (p *Parent) Web(url string) { p.report(event{Web: url}) }

// Admin reports the URL where operators reach this process.
func (p *Parent) Admin(url string) { p.report(event{Admin: url}) }

// Ready reports that this process can do its work.
func (p *Parent) Ready() { p.report(event{Ready: true}) }

// Failed reports why this process cannot do its work and will not when it is
// started again; the fleet gives up with that message. The process should end.
func (p *Parent) Failed(err error) { p.report(event{Failed: err.Error()}) }

// Reach gives the Directory whenever it has changed; the first may come after the
// start. Only the newest is kept, for one receiver. The channel is never closed.
func (p *Parent) Reach() <-chan Directory { return p.reach }

// Done is closed when this process is to drain and end, because the fleet says so
// or is gone. If the fleet is gone and the process still runs after Bound, it is ended
// with exit status 1.
func (p *Parent) Done() <-chan struct{} { return p.done }

// Bound is how long this process may take from Done to its end.
func (p *Parent) Bound() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bound
}

func (p *Parent) report(e event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// One write: whatever else writes to stdout does not part it.
	_, _ = p.stdout.Write(append([]byte(eventPrefix), encode(e)...)) // a fleet that is gone shows on stdin
}

func (p *Parent) listen(stdin io.Reader) {
	asked := sync.OnceFunc(func() { close(p.done) })
	reader := bufio.NewReader(stdin)
	for {
		line, err := reader.ReadBytes('\n')
		if err != nil {
			break
		}
		var o order
		if json.Unmarshal(line, &o) != nil {
			continue // of a newer fleet
		}
		if o.Reach != nil {
			p.put(o.Reach)
		}
		if o.Stop {
			p.mu.Lock()
			p.bound = time.Duration(o.WithinMS) * time.Millisecond
			p.mu.Unlock()
			asked()
		}
	}
	asked()
	time.Sleep(p.Bound())
	os.Exit(1) // nobody is left to kill it
}

// put replaces a Directory that was not taken yet.
func (p *Parent) put(d Directory) {
	select {
	case <-p.reach:
	default:
	}
	p.reach <- d
}
