package policy

import (
	"net/http"
	"strings"
	"sync"

	"google.golang.org/grpc"
)

// RoundTripper lets the requests to an HTTP upstream pass the policies of s: bulkhead,
// breaker and retry. A nil base is http.DefaultTransport. It is safe for concurrent use.
//
//	client := &http.Client{Transport: policy.RoundTripper(nil, policy.NewOutbound(nil), policy.Defaults())}
//
// A service of an app rather asks its Host for an Upstream, which is reported.
//
// The statuses 502, 503 and 504, and connections and HTTP/2's streams that are refused or
// break, count as Unavailable. A request that could not connect, or with which the server has
// not begun, was never sent and is repeated; one that may have run is repeated if it is
// idempotent: by its method (RFC 9110, 9.2.2) or an Idempotency-Key, whatever s.Idempotent
// says. Only requests whose body can be had again (none, or GetBody) are repeated; no body is
// buffered. Retry-After is obeyed as pushback is. The caller gets the last response, or the
// last error of base, as it is; a call that a policy refused ends with a gRPC status.
//
// Each host has a breaker and a bulkhead of its own, whose scopes are the host's name and port, up to
// 100 hosts for each Outbound; all further ones share one of each. The budget of retries is one for all.
//
// A base may have a method RoundTripWith(*http.Request, ...grpc.CallOption) with the results of RoundTrip.
// It is called instead, with the options that package balance takes to pick a server for each attempt.
// Its servers are one upstream, whatever host a request names.
//
// A request is under way until the header of its response has come, which is all that
// Retry.Timeout is about. Hedge, Fallback, Admission and Rate do nothing here.
func RoundTripper(base http.RoundTripper, out *Outbound, s Settings) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	t := &transport{base: base, out: out, settings: s}
	if t.picker, _ = base.(picker); t.picker != nil {
		_ = t.guardsOf("") // there are no others, and States tells of them from the beginning
	}
	return t
}

// picker is a base that picks a server for each attempt.
type picker interface {
	RoundTripWith(r *http.Request, opts ...grpc.CallOption) (*http.Response, error)
}

type transport struct {
	base     http.RoundTripper
	picker   picker // nil: base is none
	out      *Outbound
	settings Settings
	hosts    sync.Map // guards, by the scope of their host
}

// guards are the policies of the requests to one host.
type guards struct {
	idempotent, other *guard
	once              *guard // for bodies that cannot be had again
}

func newGuards(out *Outbound, s Settings, scope string) *guards {
	s.Hedge, s.Fallback, s.Idempotent = nil, nil, true
	if s.Breaker != nil {
		b := *s.Breaker
		b.Scope = strings.TrimSpace(b.Scope + " " + scope)
		s.Breaker = &b
	}
	if s.Bulkhead != nil {
		b := *s.Bulkhead
		b.Scope = strings.TrimSpace(b.Scope + " " + scope)
		s.Bulkhead = &b
	}
	idempotent := out.guard(s)
	other, once := *idempotent, *idempotent
	other.settings.Idempotent, once.settings.Idempotent = false, false
	once.retry.Attempts = 0
	return &guards{idempotent, &other, &once}
}

var _ http.RoundTripper = (*transport)(nil)

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL == nil {
		return t.base.RoundTrip(r) // which says so
	}
	e := &exchange{base: t.base, picker: t.picker, request: r}
	return e.end(t.guardOf(r).unary(r.Context(), r.Method+" "+r.URL.Host, nil, nil, nil, e.attempt))
}

func (t *transport) guardOf(r *http.Request) *guard {
	g := t.guardsOf(r.URL.Host)
	switch {
	case r.Body != nil && r.Body != http.NoBody && r.GetBody == nil:
		return g.once
	case repeats[r.Method] || r.Header.Get("Idempotency-Key") != "":
		return g.idempotent
	}
	return g.other
}

func (t *transport) guardsOf(host string) *guards {
	scope := ""
	if t.picker == nil {
		scope = t.out.scopeOf(strings.ToLower(host))
	}
	known, ok := t.hosts.Load(scope)
	if !ok {
		known, _ = t.hosts.LoadOrStore(scope, newGuards(t.out, t.settings, scope))
	}
	return known.(*guards) //nolint:forcetypeassert // nothing else is stored
}

// repeats are the idempotent methods of RFC 9110, 9.2.2; none is GET.
var repeats = map[string]bool{
	"": true, http.MethodGet: true, http.MethodHead: true, http.MethodOptions: true, http.MethodTrace: true,
	http.MethodPut: true, http.MethodDelete: true,
}
