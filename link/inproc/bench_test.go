package inproc_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/inproc"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

type echo struct {
	pb.UnimplementedExerciseServer
}

func (echo) Unary(_ context.Context, m *pb.Message) (*pb.Message, error) { return m, nil }

func dial(b *testing.B, o link.DialOptions) pb.ExerciseClient {
	b.Helper()
	s, err := inproc.Link{}.Listen(b.Context(), &url.URL{Scheme: "inproc"}, link.ListenOptions{})
	if err != nil {
		b.Fatal(err)
	}
	pb.RegisterExerciseServer(s, echo{})
	go s.Serve()
	b.Cleanup(func() { s.Close() })
	u, err := url.Parse(s.URL())
	if err != nil {
		b.Fatal(err)
	}
	conn, err := inproc.Link{}.Dial(u, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return pb.NewExerciseClient(conn)
}

func BenchmarkUnary(b *testing.B) {
	client := dial(b, link.DialOptions{})
	request := &pb.Message{Payload: make([]byte, 100)}
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute) // each its own, as callers have it
		if _, err := client.Unary(ctx, request); err != nil {
			b.Fatal(err)
		}
		cancel()
	}
}

// BenchmarkCopy shows what copying costs beside passing the very message: the
// whole call, by the size of its payload.
func BenchmarkCopy(b *testing.B) {
	for _, size := range []int{100, 10_000, 1_000_000} {
		for _, shared := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d bytes, shared %v", size, shared), func(b *testing.B) {
				client := dial(b, link.DialOptions{Shared: func(string) bool { return shared }})
				request := &pb.Message{Payload: make([]byte, size)}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := client.Unary(b.Context(), request); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
