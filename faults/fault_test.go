//go:build unix

package faults_test

import (
	"syscall"
	"time"

	"github.com/kerf-go/kerf/fleet"
)

// fault is something that goes wrong.
type fault struct {
	name      string
	what      string            // is done, for readers
	senseless map[string]string // why it makes no sense, by link
	needs     func() error      // tells why it cannot be done here; nil: it always can
	proxies   proxies
	behaviour behaviour

	// It strikes while each replica runs calls, lasts while others come, and is healed.
	strike func(f *field)
	lasts  func(f *field, held []*call)
	heal   func(f *field)

	// calls makes all of them instead.
	calls func(f *field) []*call

	away   time.Duration                     // in which calls made while it lasts are Unavailable; 0: they need not be
	within map[kind]time.Duration            // what calls may take
	more   map[string]map[kind]time.Duration // the same by link, where it is more
	back   time.Duration                     // what it may take until all works again
}

const (
	noOther   = "the callee is a part of the caller's own process"
	noBroker  = "the link has no broker"
	noStreams = "the link carries none"
	noNetwork = "no network is between them"
)

func allTake(d time.Duration) map[kind]time.Duration {
	return map[kind]time.Duration{look: d, hurried: d, add: d, watch: d}
}

func faults() []fault {
	return []fault{
		{
			name:      "Killed",
			what:      "A replica is killed with `kill -9`. Its fleet starts it again.",
			senseless: map[string]string{inproc: noOther},
			strike:    func(f *field) { f.signal(syscall.SIGKILL) },
			lasts: func(f *field, _ []*call) {
				pause(f.t.Context(), time.Second)
				f.ready()
			},
			within: allTake(3 * time.Second), back: 10 * time.Second,
		},
		{
			name:      "Stopped for 3 s",
			what:      "A replica gets SIGSTOP, and 3 s later SIGCONT.",
			senseless: map[string]string{inproc: noOther},
			strike: func(f *field) {
				f.signal(syscall.SIGSTOP)
				f.t.Cleanup(func() { f.signal(syscall.SIGCONT) })
			},
			lasts:  lasting(3 * time.Second),
			heal:   func(f *field) { f.signal(syscall.SIGCONT) },
			within: map[kind]time.Duration{look: 4 * time.Second, hurried: 4 * time.Second, add: 5 * time.Second},
			back:   10 * time.Second,
		},
		{
			name: "Connection reset",
			what: "Each connection to a replica is reset. On `nats` it is those to the broker, of the callers and " +
				"of a replica. On `udp`, which has no connections, datagrams to it come from another port from " +
				"then on, as behind a router that has lost its memory.",
			senseless: map[string]string{inproc: noNetwork},
			proxies:   proxies{replica: true, callers: true},
			strike:    (*field).cut,
			lasts:     lasting(time.Second),
			within:    allTake(3 * time.Second), back: 10 * time.Second,
		},
		{
			name: "Black hole",
			what: "Packets from and to a replica are dropped, as if its machine had lost its power, until its " +
				"stream has ended; then they pass again. On `nats` these are the packets between it and the " +
				"broker. A call that must not be repeated waits there until its deadline. One that may be is given " +
				"up when nothing has come from the replica for a second, and made again at the other.",
			senseless: map[string]string{inproc: noNetwork},
			needs:     func() error { return errNetwork },
			proxies:   proxies{replica: true},
			strike: func(f *field) {
				f.port(dropPackets)
				f.t.Cleanup(func() { _ = passPackets(f.suffering()) })
			},
			lasts: func(f *field, held []*call) {
				pause(f.t.Context(), 7*time.Second) // beyond the deadline
				for _, c := range held {
					c.wait()
				}
			},
			heal: func(f *field) { f.port(passPackets) },
			within: map[kind]time.Duration{
				look: 4 * time.Second, hurried: 4 * time.Second, add: 6 * time.Second, watch: 5 * time.Second,
			},
			more: map[string]map[kind]time.Duration{
				"http": {watch: 25 * time.Second}, "grpc": {watch: 25 * time.Second}, "tcp": {watch: 35 * time.Second},
			},
			back: 30 * time.Second,
		},
		{
			name: "2 s of latency",
			what: "What goes to a replica and what comes from there is 1 s late, for 4 s. On `nats` that is between " +
				"it and the broker; within a process, where there is no other replica, an interceptor holds each " +
				"call up for 2 s.",
			proxies: proxies{replica: true},
			strike:  func(f *field) { f.late(time.Second) },
			lasts:   lasting(4 * time.Second),
			heal:    func(f *field) { f.late(0) },
			within:  map[kind]time.Duration{look: 5 * time.Second, hurried: 4 * time.Second, add: 5 * time.Second},
			back:    10 * time.Second,
		},
		{
			name: "Broker restarted",
			what: "The broker is killed, and started again 1 s later.",
			senseless: map[string]string{
				inproc: noBroker, "http": noBroker, "grpc": noBroker, "tcp": noBroker, udp: noBroker,
			},
			strike: func(f *field) { f.tellBroker((*fleet.Fleet).Kill) },
			lasts:  lasting(time.Second),
			heal:   func(f *field) { f.tellBroker((*fleet.Fleet).Restart) },
			away:   time.Second,
			within: allTake(5 * time.Second), back: 20 * time.Second,
		},
		{
			name: "20 % errors",
			what: "An interceptor of the app answers every fifth call of a replica with Unavailable after the " +
				"handler has run, so that the caller cannot know; and every fifth stream. After 30 calls of each " +
				"sort it ends: so few that the retries in hand at first suffice even where there is no other " +
				"replica. " +
				"In the long run the default budget of retries, a tenth of the calls, suffices while one replica " +
				"of two " +
				"fails so and they get half of the calls each, but for fewer than one call in 500; " +
				"where all fail so, " +
				"more than one call in ten ends with Unavailable (`go test ./policy -run LongRun`).",
			behaviour: behaviour{FailsIn: 5},
			calls:     (*field).many,
			within:    allTake(3 * time.Second), back: 5 * time.Second,
		},
		{
			name: "Deadline too short",
			what: "The caller gives calls 200 ms whose handler takes 10 s. Its context ends then " +
				"too, and what may be repeated is not, since no time is left.",
			calls:  (*field).short,
			within: allTake(2 * time.Second), back: 5 * time.Second,
		},
	}
}

// most is what a call may take.
func (x fault) most(scheme string, k kind) time.Duration {
	return max(x.within[k], x.more[scheme][k])
}
