package policy_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/policy"
)

// BenchmarkCall is what policies of a caller take for a call that nobody makes.
func BenchmarkCall(b *testing.B) {
	for name, s := range map[string]policy.Settings{
		"without":  {},
		"bulkhead": {Bulkhead: &policy.Bulkhead{}},
		"breaker":  {Breaker: &policy.Breaker{}},
		"retry":    {Retry: &policy.Retry{}},
		"defaults": policy.Defaults(),
	} {
		b.Run(name, func(b *testing.B) {
			call := policy.NewOutbound(nil).Method(s)
			none := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
			b.ReportAllocs()
			for b.Loop() {
				if err := call(b.Context(), "/pkg.Service/Method", nil, nil, nil, none); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGate is what those of a callee take.
func BenchmarkGate(b *testing.B) {
	gate, began := policy.NewInbound(nil).Method(policy.Defaults()), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if err := gate.Enter(b.Context(), "caller", "/pkg.Service/Method", false, began); err != nil {
			b.Fatal(err)
		}
		gate.Leave(began, time.Millisecond, codes.OK)
	}
}
