package balance_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// replica is a conn to nowhere, which answers health checks as the test wants.
type replica struct {
	link.Conn

	mu     sync.Mutex // guards the fields below
	health func(context.Context) (healthpb.HealthCheckResponse_ServingStatus, error)
	call   func(context.Context) error // nil: it is answered
	asked  []time.Time
	closes int
}

func (r *replica) Invoke(ctx context.Context, method string, _, reply any, _ ...grpc.CallOption) error {
	r.mu.Lock()
	if method != healthpb.Health_Check_FullMethodName {
		call := r.call
		r.mu.Unlock()
		if call == nil {
			return nil
		}
		return call(ctx)
	}
	health := r.health
	r.asked = append(r.asked, time.Now())
	r.mu.Unlock()
	if health == nil {
		return status.Error(codes.Unimplemented, "no health here")
	}
	s, err := health(ctx)
	proto.Merge(reply.(proto.Message), &healthpb.HealthCheckResponse{Status: s})
	return err
}

func (r *replica) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closes++
	return nil
}

func (r *replica) closed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closes
}

func (r *replica) checks() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// answers sets what the health checks give from now on.
func (r *replica) answers(s healthpb.HealthCheckResponse_ServingStatus, err error) {
	r.checked(func(context.Context) (healthpb.HealthCheckResponse_ServingStatus, error) { return s, err })
}

// checked sets what health checks do from now on.
func (r *replica) checked(health func(context.Context) (healthpb.HealthCheckResponse_ServingStatus, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.health = health
}

// calls sets what other calls give from now on; nil: they are answered.
func (r *replica) calls(call func(context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.call = call
}

// fallsSilent lets nothing be answered from now on.
func (r *replica) fallsSilent() {
	r.calls(nothing)
	r.checked(func(ctx context.Context) (healthpb.HealthCheckResponse_ServingStatus, error) { return 0, nothing(ctx) })
}

// nothing is what a call gets that is not answered.
func nothing(ctx context.Context) error {
	<-ctx.Done()
	return link.Mark(status.FromContextError(ctx.Err()), link.MayHaveRun)
}

// bed is a balancer with replicas to try it on.
type bed struct {
	*balance.Balancer

	t        *testing.T
	replicas map[string]*replica

	mu     sync.Mutex // guards events
	events []balance.Event
}

// setup makes a balancer over endpoints. Without options there are no health checks, which
// most tests leave out.
func setup(t *testing.T, o balance.Options, urls ...string) *bed {
	t.Helper()
	b := &bed{t: t, replicas: make(map[string]*replica)}
	for _, u := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		b.replicas[u] = &replica{}
	}
	if o.HealthEvery == 0 {
		o.HealthEvery = -1
	}
	o.Observe = func(_ context.Context, e balance.Event) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, e)
	}
	b.Balancer = balance.New(func(url string) (link.Conn, error) {
		if r := b.replicas[url]; r != nil {
			return r, nil
		}
		return nil, errors.New("no such thing")
	}, o)
	b.Update(urls)
	t.Cleanup(func() { b.Close() })
	return b
}

func (b *bed) pick() balance.Call {
	b.t.Helper()
	c, err := b.Pick(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// on picks until a call is on an endpoint, and ends the others.
func (b *bed) on(url string) balance.Call {
	b.t.Helper()
	for range 1000 {
		c := b.pick()
		if c.URL() == url {
			return c
		}
		defer silent(c)
	}
	b.t.Fatalf("%s is never picked: %+v", url, b.Snapshot())
	return balance.Call{}
}

// silent ends a call so that it says nothing of its endpoint.
func silent(c balance.Call) { c.Done(fault(codes.Canceled, link.MayHaveRun)) }

// fail lets calls on an endpoint fail, which were picked before the first does.
func (b *bed) fail(url string, times int, err error) {
	b.t.Helper()
	calls := make([]balance.Call, times)
	for i := range calls {
		calls[i] = b.on(url)
	}
	for _, c := range calls {
		c.Done(err)
	}
}

// counts tells who gets so many calls, one after the other.
func (b *bed) counts(calls int) map[string]int {
	b.t.Helper()
	got := make(map[string]int)
	for range calls {
		c := b.pick()
		got[c.URL()]++
		silent(c)
	}
	return got
}

func (b *bed) status(url string) balance.Status {
	b.t.Helper()
	for _, s := range b.Snapshot() {
		if s.URL == url {
			return s
		}
	}
	b.t.Fatalf("there is no %s in %+v", url, b.Snapshot())
	return balance.Status{}
}

func (b *bed) want(url string, s balance.State) {
	b.t.Helper()
	if got := b.status(url); got.State != s {
		b.t.Errorf("%s is %+v, want it %s", url, got, s)
	}
}

func (b *bed) told() []balance.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.events
}

func fault(c codes.Code, o link.Outcome) error { return link.Mark(status.New(c, "it went wrong"), o) }

var (
	refused = fault(codes.Unavailable, link.NeverSent)
	sick    = fault(codes.Internal, link.Answered)
)
