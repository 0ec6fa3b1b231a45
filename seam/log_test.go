package seam_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func TestACallThatFailsByTheCalleesFaultIsLogged(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	to := p.serve(t, "back", &handlers{unary: func(_ context.Context, m *message) (*message, error) {
		return m, status.Error(codes.Code(m.GetNumber()), "told so")
	}})
	client := linktestv1.NewExerciseClient(p.dial(t, "web", "back", to))
	for _, code := range []codes.Code{codes.OK, codes.NotFound, codes.Internal} {
		_, _ = client.Unary(t.Context(), &message{Number: int64(code)})
	}
	eventually(t, "a line", func() bool { return p.log.String() != "" })
	var line map[string]any
	if err := json.Unmarshal([]byte(p.log.String()), &line); err != nil {
		t.Fatalf("not one JSON line: %v\n%s", err, p.log)
	}
	for key, want := range map[string]string{
		"level": "WARN", "msg": "call answered", "caller": "web", "callee": "back", "link": "grpc",
		"method": unaryMethod[1:], "code": "Internal", "error": "rpc error: code = Internal desc = told so",
	} {
		if line[key] != want {
			t.Errorf("%s is %q, want %q", key, line[key], want)
		}
	}
	for _, key := range []string{"duration_ms", "trace_id", "span_id", "correlation_id"} {
		if line[key] == nil {
			t.Errorf("the line has no %s: %s", key, p.log)
		}
	}
}

func TestAtDebugEveryCallIsLogged(t *testing.T) {
	t.Parallel()
	p := newProcessAt(t, slog.LevelDebug)
	to := p.serve(t, "back", &handlers{unary: func(_ context.Context, m *message) (*message, error) { return m, nil }})
	client := linktestv1.NewExerciseClient(p.dial(t, "web", "back", to))
	if _, err := client.Unary(t.Context(), &message{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a line", func() bool { return strings.Contains(p.log.String(), `"code":"OK"`) })
}

// secretive is an error as those of package store are.
type secretive struct{ error }

func (secretive) GRPCStatus() *status.Status { return status.New(codes.Unavailable, "it is away") }
func (secretive) Discreet()                  {}

func TestOfADiscreetErrorTheLogIsToldAllAndTheCallerTheStatus(t *testing.T) {
	t.Parallel()
	whole := secretive{errors.New("nobody at 192.0.2.7")}
	for name, test := range map[string]struct{ err, want error }{
		"returned": {whole, status.Error(codes.Unavailable, "it is away")},
		"wrapped":  {fmt.Errorf("read: %w", whole), status.Error(codes.Unavailable, "it is away")},
		"joined":   {errors.Join(errors.New("first"), whole), status.Error(codes.Unavailable, "it is away")},
		"not at all": {
			fmt.Errorf("read: %w", status.Error(codes.Internal, "as gRPC")),
			status.Error(codes.Internal, "read: rpc error: code = Internal desc = as gRPC"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t)
			client := linktestv1.NewExerciseClient(p.dial(t, "web", "back", p.serve(t, "back", &handlers{
				unary: func(context.Context, *message) (*message, error) { return nil, test.err },
				chat:  func(grpc.BidiStreamingServer[message, message]) error { return test.err },
			})))
			_, unary := client.Unary(t.Context(), &message{})
			chat, err := client.Chat(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, stream := chat.Recv()
			for _, got := range []error{unary, stream} {
				if status.Code(got) != status.Code(test.want) ||
					status.Convert(got).Message() != status.Convert(test.want).Message() {
					t.Errorf("got %v, want %v", got, test.want)
				}
			}
			eventually(t, "both are logged whole", func() bool {
				logged, _ := json.Marshal(test.err.Error())
				return strings.Count(p.log.String(), `"error":`+string(logged)) == 2
			})
		})
	}
}
