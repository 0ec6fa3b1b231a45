package balance_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
)

func BenchmarkPick(b *testing.B) {
	for name, urls := range map[string][]string{
		"one endpoint": {"a"}, "two endpoints": {"a", "b"}, "eight endpoints": {"a", "b", "c", "d", "e", "f", "g", "h"},
	} {
		b.Run(name, func(b *testing.B) {
			dial := func(string) (link.Conn, error) { return &replica{}, nil }
			balancer := balance.New(dial, balance.Options{HealthEvery: -1})
			defer balancer.Close()
			balancer.Update(urls)
			b.ReportAllocs()
			for b.Loop() {
				c, err := balancer.Pick(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				c.Done(nil)
			}
		})
	}
}

//nolint:paralleltest // AllocsPerRun must be alone
func TestAPickAllocatesNothing(t *testing.T) {
	b := setup(t, balance.Options{HealthEvery: time.Hour}, "a", "b")
	for _, urls := range [][]string{{"a", "b"}, {"a"}} {
		b.Update(urls)
		if n := testing.AllocsPerRun(100, func() { b.pick().Done(nil) }); n != 0 {
			t.Errorf("with %d endpoints %v allocations", len(urls), n)
		}
	}
}

//nolint:paralleltest // AllocsPerRun must be alone
func TestACallThatMayBeGivenUpAllocatesItsContextAlone(t *testing.T) {
	b := setup(t, balance.Options{HealthEvery: time.Hour}, "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	opts := []grpc.CallOption{balance.Repeatable()}
	n := testing.AllocsPerRun(100, func() {
		if err := b.pick().Invoke(ctx, "/pkg.Service/Method", nil, nil, opts...); err != nil {
			t.Fatal(err)
		}
	})
	if n > 2 { // the context, and the function that ends it
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkInvoke(b *testing.B) {
	for name, opts := range map[string][]grpc.CallOption{"once": nil, "repeatable": {balance.Repeatable()}} {
		b.Run(name, func(b *testing.B) {
			dial := func(string) (link.Conn, error) { return &replica{}, nil }
			balancer := balance.New(dial, balance.Options{HealthEvery: -1})
			defer balancer.Close()
			balancer.Update([]string{"a", "b"})
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				c, err := balancer.Pick(ctx)
				if err != nil {
					b.Fatal(err)
				}
				if err := c.Invoke(ctx, "/pkg.Service/Method", nil, nil, opts...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
