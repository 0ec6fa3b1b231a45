package seam

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/policy"
)

// PolicyState is what one policy is about now between a caller and a callee, and what it did
// so far. Those of the callee's side have no caller.
type PolicyState struct {
	Caller string `json:"caller,omitempty"`
	Callee string `json:"callee"`
	policy.State
	Events map[string]int64 `json:"events,omitempty"` // how often, since the process began
}

// policies keeps those of all chains, and tells what they do: by metrics, events of spans,
// and, where a breaker or a replica changes, lines of the log. As a collector it tells how
// these stand.
type policies struct {
	seam   *Seam
	events *prometheus.CounterVec
	tally  tally

	mu       sync.Mutex // guards the fields below
	states   map[[2]string][]func() []policy.State
	services map[string]*policy.Inbound
}

func newPolicies(s *Seam) *policies {
	return &policies{
		seam: s,
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kerf_policy_events_total",
			Help: "What policies did: calls refused, repeated, answered in place of the callee.",
		}, []string{callerLabel, calleeLabel, "policy", "event"}),
		states: map[[2]string][]func() []policy.State{}, services: map[string]*policy.Inbound{},
	}
}

func (p *policies) register(r prometheus.Registerer) error {
	return errors.Join(r.Register(p.events), r.Register(p))
}

var (
	breakerOpen = prometheus.NewDesc("kerf_breaker_open",
		"1 while the breaker refuses calls, 0.5 while it lets probes pass.",
		[]string{callerLabel, calleeLabel, "scope"}, nil)
	replicaOut = prometheus.NewDesc("kerf_replica_out",
		"1 while the replica takes no calls: it is ejected, passed over or unhealthy.",
		[]string{callerLabel, calleeLabel, "url"}, nil)
)

// Describe implements prometheus.Collector.
func (p *policies) Describe(to chan<- *prometheus.Desc) {
	to <- breakerOpen
	to <- replicaOut
}

// Collect implements prometheus.Collector. Of several that have the same labels, such as those of
// a caller's conns to one callee, the worst is told.
func (p *policies) Collect(to chan<- prometheus.Metric) {
	type series struct {
		of     *prometheus.Desc
		labels [3]string
	}
	worst := map[series]float64{}
	for _, s := range p.now() {
		of, value := breakerOpen, breakerStates[s.State.State]
		switch s.Policy {
		case "breaker":
		case balancing:
			of, value = replicaOut, 1
			if s.State.State == string(balance.OK) {
				value = 0
			}
		default:
			continue
		}
		key := series{of, [3]string{s.Caller, s.Callee, s.Scope}}
		worst[key] = max(worst[key], value)
	}
	for s, value := range worst {
		to <- prometheus.MustNewConstMetric(s.of, prometheus.GaugeValue, value, s.labels[:]...)
	}
}

// inbound gives the policies of a service that is called, the same for every link.
func (p *policies) inbound(callee string) *policy.Inbound {
	p.mu.Lock()
	defer p.mu.Unlock()
	in := p.services[callee]
	if in == nil {
		in = policy.NewInbound(p.observer("", callee))
		p.services[callee] = in
		p.states[[2]string{"", callee}] = append(p.states[[2]string{"", callee}], in.States)
	}
	return in
}

// Report takes what lies between a caller and an upstream among the policies, and gives what is
// to be told what they do. states tells how they stand. It is called whenever somebody asks, must
// not block, and is kept as long as the Seam.
func (s *Seam) Report(caller, upstream string, states func() []policy.State) policy.Observer {
	s.policies.add(caller, upstream, states)
	return s.policies.observer(caller, upstream)
}

func (p *policies) add(caller, callee string, states func() []policy.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pair := [2]string{caller, callee}
	p.states[pair] = append(p.states[pair], states)
}

// Policies tells what the policies of the process are about now, and what they did.
func (s *Seam) Policies() []PolicyState {
	all := s.policies.tally.states(s.policies.now())
	slices.SortStableFunc(all, func(a, b PolicyState) int {
		return cmp.Or(cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Callee, b.Callee),
			cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Scope, b.Scope))
	})
	return all
}

// Page answers with Policies, in JSON.
func (s *Seam) Page() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Policies()) // who has left needs no answer
	})
}

func (p *policies) now() []PolicyState {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := []PolicyState{}
	for pair, states := range p.states {
		for _, f := range states {
			for _, state := range f() {
				all = append(all, PolicyState{Caller: pair[0], Callee: pair[1], State: state})
			}
		}
	}
	return all
}

// Draining counts that the process takes no more calls for services of its own.
func (s *Seam) Draining(callees []string) {
	for _, callee := range callees {
		s.policies.observer("", callee)(context.Background(), policy.Event{Policy: "drain", What: "begun"})
	}
}

// Balanced takes the endpoints of a caller's conn to a callee among the policies, and gives
// what their balancer is to tell its events to.
func (s *Seam) Balanced(caller, callee string, endpoints func() []balance.Status) func(context.Context, balance.Event) {
	return s.Report(caller, callee, func() []policy.State { return policy.Replicas(endpoints()) }).Replica
}

// balancing is the policy of which replicas are the scopes.
const balancing = "balance"

// breakerStates are the values of kerf_breaker_open.
var breakerStates = map[string]float64{"open": 1, "half-open": 0.5, "closed": 0}

// replicaLevels are how much the log is told of replicas.
var replicaLevels = map[string]slog.Level{
	string(balance.OK): slog.LevelInfo, string(balance.PassedOver): slog.LevelDebug,
	string(balance.Ejected): slog.LevelWarn, string(balance.Unhealthy): slog.LevelWarn,
}

func (p *policies) observer(caller, callee string) policy.Observer {
	return func(ctx context.Context, e policy.Event) {
		p.events.WithLabelValues(cmp.Or(caller, e.Caller), callee, e.Policy, e.What).Inc()
		of := scoped{caller, callee, e.Policy, e.Scope}
		if e.Policy == balancing {
			of.scope = "" // replicas come and go
		}
		p.tally.add(of, e.What)
		p.log(ctx, caller, callee, e)
		addEvent(ctx, e.Policy, e.What, e.Scope, e.Err)
	}
}

// log tells of breakers and replicas that have changed.
func (p *policies) log(ctx context.Context, caller, callee string, e policy.Event) {
	attrs := []slog.Attr{slog.String(callerLabel, caller), slog.String(calleeLabel, callee)}
	_, breaker := breakerStates[e.What]
	switch {
	case e.Policy == balancing:
		attrs = append(attrs, slog.String("url", e.Scope), slog.String("state", e.What))
		if e.Err != nil {
			attrs = append(attrs, slog.String("error", e.Err.Error()))
		}
		p.seam.logger.LogAttrs(ctx, replicaLevels[e.What], "replica changed", attrs...)
	case breaker:
		level := slog.LevelInfo
		if e.What == "open" {
			level = slog.LevelWarn
		}
		p.seam.logger.LogAttrs(ctx, level, "breaker "+e.What, append(attrs, slog.String("scope", e.Scope))...)
	}
}

// addEvent tells the span of a call, if there is one, what a policy did.
func addEvent(ctx context.Context, policy, what, scope string, err error) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	attrs := []attribute.KeyValue{attribute.String("kerf.policy", policy)}
	if scope != "" {
		attrs = append(attrs, attribute.String("kerf.scope", scope))
	}
	if err != nil {
		attrs = append(attrs, attribute.String("error.message", err.Error()))
	}
	span.AddEvent(policy+" "+what, trace.WithAttributes(attrs...))
}
