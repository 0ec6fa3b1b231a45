package natslink_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call/receipt"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// deposited gives the receipt of an accepted request.
func deposited(t *testing.T, client pb.ExerciseClient, text, key string) string {
	t.Helper()
	ctx := soon(t)
	if key != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "idempotency-key", key)
	}
	var header metadata.MD
	_, err := client.Tell(ctx, &pb.Message{Text: text}, link.WithWait(link.Accepted), grpc.Header(&header))
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Of(header)
}

func progressOf(t *testing.T, client pb.ExerciseClient, text string) (receipt.Progress, error) {
	t.Helper()
	var header metadata.MD
	_, err := client.Tell(soon(t), &pb.Message{Text: "a question"}, link.WithWait(link.Accepted), receipt.Ask(text),
		grpc.Header(&header))
	if err != nil {
		return receipt.Progress{}, err
	}
	return receipt.Read(header)
}

func TestReceiptsTellWhatHasBecomeOfRequests(t *testing.T) {
	t.Parallel()
	b := startBroker(t, nil)
	client := dial(t, b.url("app.test"))
	if _, err := progressOf(t, client, "1.1.eA"); status.Code(err) != codes.NotFound {
		t.Errorf("before there is a queue: %v", err)
	}
	good := deposited(t, client, "good", "")
	large := deposited(t, client, string(make([]byte, 2<<20)), "")
	first, again := deposited(t, client, "twice", "k"), deposited(t, client, "twice", "k")
	for _, text := range []string{good, large, first, again} {
		if p, err := progressOf(t, client, text); err != nil || p.State != receipt.Pending {
			t.Errorf("without a server %s is %v: %v", text, p, err)
		}
	}
	h := &told{answer: func(_ context.Context, n int) error {
		if n == 1 {
			return status.Error(codes.InvalidArgument, "never")
		}
		return nil
	}}
	serve(t, b.url("app.test"), h)
	b.empty(t)
	var failed int
	for _, text := range []string{good, large, first, again} {
		p, err := progressOf(t, client, text)
		if err != nil {
			t.Fatal(err)
		}
		switch p.State {
		case receipt.Dead:
			failed++
			if p.Error.Code() != codes.InvalidArgument || p.Error.Message() != "never" {
				t.Errorf("it failed with %v", p.Error)
			}
		case receipt.Pending:
			t.Errorf("%s is %v", text, p)
		case receipt.Done:
		}
	}
	if failed == 0 || failed > 2 { // the one that came twice may be the one
		t.Errorf("%d are dead", failed)
	}
	if n := len(h.was()); n != 3 {
		t.Errorf("%d requests ran: %.40q", n, h.was())
	}
	for name, c := range map[string]struct {
		text string
		want codes.Code
	}{
		"a number that there is not":     {"99" + good[1:], codes.NotFound},
		"what is no receipt":             {"x", codes.InvalidArgument},
		"one with a number that is none": {"x.1.eA", codes.InvalidArgument},
	} {
		if _, err := progressOf(t, client, c.text); status.Code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
