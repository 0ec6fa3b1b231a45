package seam_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/grpclink"
	"github.com/kerf-go/kerf/link/httplink"
	"github.com/kerf-go/kerf/link/inproc"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/link/natslink"
	"github.com/kerf-go/kerf/link/tcplink"
	"github.com/kerf-go/kerf/link/udplink"
	"github.com/kerf-go/kerf/seam"
)

// TestTelemetryIsTheSameOnEveryLink makes the same calls on each. What spans, metrics
// and logs say of them differs by the link's name alone.
func TestTelemetryIsTheSameOnEveryLink(t *testing.T) {
	t.Parallel()
	want := observe(t, inproc.Link{}, "inproc://telemetry")
	if !strings.Contains(want, "NotFound") || !strings.Contains(want, "Exercise/Chat") {
		t.Fatalf("nothing is to be seen:\n%s", want)
	}
	for rawURL, l := range links(t) {
		t.Run(l.Scheme(), func(t *testing.T) {
			t.Parallel()
			want := want
			if !l.Capabilities().Streams {
				want = without(want, "Exercise/Chat")
			}
			if got := observe(t, l, rawURL); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// links are all that there are, by a URL to listen on.
func links(t *testing.T) map[string]link.Link {
	t.Helper()
	return map[string]link.Link{
		"inproc://" + strings.ToLower(t.Name()): inproc.Link{},
		"http://127.0.0.1:0":                    httplink.Link{},
		"grpc://127.0.0.1:0":                    grpclink.Link{},
		"tcp://127.0.0.1:0":                     tcplink.Link{},
		startBroker(t) + "/subject":             natslink.Link{},
		"udp://127.0.0.1:0":                     udplink.Link{},
	}
}

// without leaves out the lines that hold a word.
func without(lines, word string) string {
	return strings.Join(slices.DeleteFunc(strings.SplitAfter(lines, "\n"), func(line string) bool {
		return strings.Contains(line, word)
	}), "")
}

func startBroker(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the broker is not ready")
	}
	return s.ClientURL()
}

// observe makes some calls, and gives what is to be seen of them.
func observe(t *testing.T, l link.Link, rawURL string) string {
	t.Helper()
	front, back := newProcessAt(t, slog.LevelDebug), newProcessAt(t, slog.LevelDebug)
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	in := link.ListenOptions{Logger: slog.New(slog.DiscardHandler)}
	in.Unary, in.Stream = back.seam.Inbound(seam.InboundOptions{
		Link: l.Scheme(), Serves: map[string][]*grpc.ServiceDesc{"back": exercise}, Callers: []string{"front"},
	})
	s, err := l.Listen(t.Context(), u, in)
	if err != nil {
		t.Fatal(err)
	}
	linktestv1.RegisterExerciseServer(s, &handlers{
		unary: func(_ context.Context, m *message) (*message, error) {
			switch m.GetText() {
			case "missing":
				return nil, status.Error(codes.NotFound, "missing")
			case "panic":
				panic("for the test") //nolint:forbidigo // this is what is looked at
			}
			return m, nil
		},
		chat: func(s grpc.BidiStreamingServer[message, message]) error {
			m, err := s.Recv()
			if err == nil {
				err = s.Send(m)
			}
			return err
		},
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	if u, err = url.Parse(s.URL()); err != nil {
		t.Fatal(err)
	}
	var out link.DialOptions
	out.Unary, out.Stream = front.seam.Outbound(seam.OutboundOptions{
		Caller: "front", Callee: "back", Link: l.Scheme(), Serves: exercise,
	})
	conn, err := l.Dial(u, out)
	if err != nil {
		t.Fatal(err)
	}
	client := linktestv1.NewExerciseClient(conn)
	for _, text := range []string{"x", "missing", "panic"} {
		_, _ = client.Unary(t.Context(), &message{Text: text})
	}
	if l.Capabilities().Streams {
		chat(t, client)
	}
	_ = conn.Close()
	_ = s.Close()
	<-served
	return front.seen(t, l.Scheme()) + back.seen(t, l.Scheme())
}

func chat(t *testing.T, client linktestv1.ExerciseClient) {
	t.Helper()
	stream, err := client.Chat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stream.Send(&message{Text: "x"}), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = stream.Recv()
	}
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

var passing = regexp.MustCompile(`"(time|trace_id|span_id|correlation_id|duration_ms)":("[^"]*"|[0-9.e-]+),?`)

// seen is what telemetry holds, but for the link and what changes with the time.
func (p *process) seen(t *testing.T, scheme string) string {
	t.Helper()
	var lines []string
	for _, span := range p.spans.GetSpans() {
		line := fmt.Appendf(nil, "span %s %v %v", span.Name, span.SpanKind, span.Status)
		all := attributes(span)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			line = fmt.Appendf(line, " %s=%s", key, all[key])
		}
		lines = append(lines, string(line))
	}
	metrics, err := io.ReadAll(p.metrics(t, "text/plain"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(metrics)) {
		if strings.HasPrefix(line, "kerf_") && !strings.Contains(line, "seconds") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	for line := range strings.Lines(p.log.String()) {
		lines = append(lines, strings.TrimSpace(passing.ReplaceAllString(line, "")))
	}
	slices.Sort(lines)
	text := strings.Join(lines, "\n") + "\n"
	for _, form := range []string{`link="%s"`, `"link":"%s"`, `kerf.link=%s`} {
		text = strings.ReplaceAll(text, fmt.Sprintf(form, scheme), fmt.Sprintf(form, "LINK"))
	}
	return text
}
