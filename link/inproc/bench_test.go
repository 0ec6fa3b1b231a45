package inproc_test

import (
	"context"
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

func BenchmarkUnary(b *testing.B) {
	s, err := inproc.Link{}.Listen(b.Context(), &url.URL{Scheme: "inproc"}, link.ListenOptions{})
	if err != nil {
		b.Fatal(err)
	}
	pb.RegisterExerciseServer(s, echo{})
	go s.Serve()
	defer s.Close()
	u, _ := url.Parse(s.URL())
	conn, err := inproc.Link{}.Dial(u, link.DialOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	client := pb.NewExerciseClient(conn)
	request := &pb.Message{Payload: make([]byte, 100)}
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Unary(ctx, request); err != nil {
			b.Fatal(err)
		}
	}
}
