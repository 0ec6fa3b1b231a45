package natslink_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// replica counts its calls, and tells its name ahead of a stream.
type replica struct {
	exercised
	name  string
	calls atomic.Int64
}

func (r *replica) Unary(_ context.Context, m *pb.Message) (*pb.Message, error) {
	r.calls.Add(1)
	return m, nil
}

func (r *replica) Chat(s pb.Exercise_ChatServer) error {
	if err := s.SetHeader(metadata.Pairs("replica", r.name)); err != nil {
		return err
	}
	for {
		m, err := s.Recv()
		if err != nil {
			return nil //nolint:nilerr // the end
		}
		if err := s.Send(&pb.Message{Number: m.GetNumber(), Text: r.name}); err != nil {
			return err
		}
	}
}

func TestReplicasShareTheCalls(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	replicas := []*replica{{name: "a"}, {name: "b"}, {name: "c"}}
	for _, r := range replicas {
		serve(t, b.url("test"), r)
	}
	client := dial(t, b.url("test"))
	const calls = 600
	for range calls {
		if _, err := client.Unary(soon(t), &pb.Message{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range replicas {
		if share := float64(r.calls.Load()) * float64(len(replicas)) / calls; share < 0.65 || share > 1.35 {
			t.Errorf("%s has %d of %d", r.name, r.calls.Load(), calls)
		}
	}
}

func TestAllOfAStreamGoesToOneReplica(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	for _, name := range []string{"a", "b", "c"} {
		serve(t, b.url("test"), &replica{name: name})
	}
	client := dial(t, b.url("test"))
	met := make(map[string]bool)
	for range 30 {
		stream, err := client.Chat(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		var who string
		for i := range int64(20) {
			if err := stream.Send(&pb.Message{Number: i}); err != nil {
				t.Fatal(err)
			}
			m, err := stream.Recv()
			if err != nil || m.GetNumber() != i || i > 0 && m.GetText() != who {
				t.Fatalf("message %d of %s came back as %v, %v", i, who, m, err)
			}
			who = m.GetText()
		}
		met[who] = true
		if err := stream.CloseSend(); err != nil {
			t.Error(err)
		}
	}
	if len(met) < 2 {
		t.Errorf("only %v were met", met)
	}
}

// Replicas come and go under load, and no call fails.
func TestAReplicaThatStopsLosesNoCall(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	client := dial(t, b.url("test"))
	serve(t, b.url("test"), exercised{})
	const callers, rounds = 8, 20
	ctx, stop := context.WithCancel(soon(t))
	var work sync.WaitGroup
	for range callers {
		work.Go(func() {
			for ctx.Err() == nil {
				if _, err := client.Unary(t.Context(), &pb.Message{}); err != nil {
					t.Errorf("%v, %v", err, link.Ran(err))
				}
			}
		})
	}
	for range rounds {
		r := &replica{}
		s := serve(t, b.url("test"), r)
		eventually(t, "the new one is called", func() bool { return r.calls.Load() > 10 })
		if err := s.Shutdown(soon(t)); err != nil {
			t.Error(err)
		}
	}
	stop()
	work.Wait()
}

// A caller that gives up before it knows who has its call ends it all the same.
func TestACancelReachesWhoeverHasTheCall(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	running, ended := make(chan struct{}), make(chan struct{})
	for range 3 {
		serve(t, b.url("test"), exercised{unary: func(ctx context.Context, m *pb.Message) (*pb.Message, error) {
			running <- struct{}{}
			<-ctx.Done()
			ended <- struct{}{}
			return m, nil
		}})
	}
	client := dial(t, b.url("test"))
	for range 10 {
		ctx, cancel := context.WithCancel(soon(t))
		done := make(chan error)
		go func() {
			_, err := client.Unary(ctx, &pb.Message{})
			done <- err
		}()
		<-running
		cancel()
		<-done
		select {
		case <-ended:
		case <-soon(t).Done():
			t.Fatal("the handler runs on")
		}
	}
}

// One request that takes its time holds nobody up, nor do many.
func TestSlowRequestsRunBesideOthers(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	release := make(chan struct{})
	serve(t, b.url("test"), exercised{unary: func(_ context.Context, m *pb.Message) (*pb.Message, error) {
		if m.GetText() == "slow" {
			<-release
		}
		return m, nil
	}})
	client := dial(t, b.url("test"))
	var slow sync.WaitGroup
	for i := range 1000 {
		slow.Go(func() {
			m, err := client.Unary(soon(t), &pb.Message{Text: "slow", Number: int64(i)}, grpc.WaitForReady(true))
			if err != nil || m.GetNumber() != int64(i) {
				t.Error(fmt.Errorf("%v: %w", m, err))
			}
		})
	}
	for range 100 {
		if _, err := client.Unary(soon(t), &pb.Message{}); err != nil {
			t.Error(err)
		}
	}
	close(release)
	slow.Wait()
}
