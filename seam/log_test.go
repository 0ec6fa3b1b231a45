package seam_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

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
