package seam_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

func TestAStreamOnWhichNothingGoesEndsAtBothEnds(t *testing.T) {
	t.Parallel()
	onStreams(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		s := policy.Settings{
			Idle:    &policy.Idle{Limit: 100 * time.Millisecond},
			Breaker: &policy.Breaker{Failures: 0.01, Calls: 1, Open: time.Hour}, // opens at once
		}
		served := make(chan error, 2)
		g := guard(t, l, rawURL, s, &handlers{chat: func(s chatServer) error {
			<-s.Context().Done()
			served <- s.Context().Err()
			return s.Context().Err()
		}})
		for range 2 { // the first says nothing of the callee, to which the breaker could object
			finished := make(chan error, 1)
			chat, err := g.client.Chat(t.Context(), grpc.OnFinish(func(err error) { finished <- err }))
			if err != nil {
				t.Fatal(err)
			}
			_, err = chat.Recv()
			for _, err := range []error{err, <-finished, chat.RecvMsg(&message{})} {
				if status.Code(err) != codes.DeadlineExceeded || link.Ran(err) != link.MayHaveRun ||
					!strings.Contains(err.Error(), "no message went either way for 100ms (idle)") {
					t.Errorf("got %v, %v", err, link.Ran(err))
				}
			}
			if err := <-served; !errors.Is(err, context.Canceled) {
				t.Errorf("the callee's context: %v", err)
			}
		}
		g.web.wantEvent(t, "web", "idle", "ended", 2)
	})
}

func TestAStreamThatNobodyReceivesFromEndsToo(t *testing.T) {
	t.Parallel()
	onStreams(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		s := policy.Settings{Idle: &policy.Idle{Limit: 100 * time.Millisecond}}
		served := make(chan struct{})
		g := guard(t, l, rawURL, s, &handlers{chat: func(s chatServer) error {
			defer close(served)
			<-s.Context().Done()
			return s.Context().Err()
		}})
		if _, err := g.client.Chat(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-served
		g.web.wantEvent(t, "web", "idle", "ended", 1)
	})
}

// TestMessagesOfEitherSideKeepAStream lets one side alone say something now and then, for
// longer than the limit.
func TestMessagesOfEitherSideKeepAStream(t *testing.T) {
	t.Parallel()
	const limit, messages = time.Second, 15
	s := policy.Settings{Idle: &policy.Idle{Limit: limit}}
	slowly := func(say func() error) error {
		ticks := time.NewTicker(limit / 10)
		defer ticks.Stop()
		for range messages {
			<-ticks.C
			if err := say(); err != nil {
				return err
			}
		}
		return nil
	}
	onStreams(t, func(t *testing.T, l link.Link, rawURL string) {
		t.Helper()
		g := guard(t, l, rawURL, s, &handlers{
			chat: func(s chatServer) error { return slowly(func() error { return s.Send(&message{}) }) },
			upload: func(s uploadServer) error {
				for {
					if _, err := s.Recv(); err != nil {
						return s.SendAndClose(&message{})
					}
				}
			},
		})
		upload, err := g.client.Upload(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := slowly(func() error { return upload.Send(&message{}) }); err != nil {
			t.Errorf("the caller speaks: %v", err)
		}
		if _, err := upload.CloseAndRecv(); err != nil {
			t.Errorf("the caller speaks: %v", err)
		}
		chat, err := g.client.Chat(t.Context())
		for err == nil {
			_, err = chat.Recv()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("the callee speaks: %v", err)
		}
	})
}
