package call_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http/httpguts"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/inproc"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// handler is a service whose unary method is given by the test.
type handler struct {
	linktestv1.UnimplementedExerciseServer
	unary func(context.Context, *linktestv1.Message) (*linktestv1.Message, error)
	chat  func(linktestv1.Exercise_ChatServer) error
}

func (h *handler) Unary(ctx context.Context, m *linktestv1.Message) (*linktestv1.Message, error) {
	return h.unary(ctx, m)
}

func (h *handler) Chat(s linktestv1.Exercise_ChatServer) error { return h.chat(s) }

// connect serves h within the process, and gives a client.
func connect(tb testing.TB, h *handler, o link.DialOptions) linktestv1.ExerciseClient {
	tb.Helper()
	s, err := inproc.Link{}.Listen(tb.Context(), &url.URL{Scheme: "inproc"}, link.ListenOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	linktestv1.RegisterExerciseServer(s, h)
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve() })
	u, err := url.Parse(s.URL())
	if err != nil {
		tb.Fatal(err)
	}
	conn, err := inproc.Link{}.Dial(u, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = conn.Close()
		_ = s.Close()
		serving.Wait()
	})
	return linktestv1.NewExerciseClient(conn)
}

// FuzzMetadata: what Validate accepts arrives as it was sent, and could be sent
// over HTTP; what it refuses never leaves.
func FuzzMetadata(f *testing.F) {
	f.Add("key", "value", "second")
	f.Add("key-bin", "\x00\xff", "")
	f.Add("UPPER", "value", "")
	f.Add("with space", "value", "")
	f.Add("", "value", "")
	f.Add("key", "new\nline", "é")
	f.Add(":path", "/x/Y", "")
	f.Add("grpc-timeout", "1S", "")
	f.Add("a_b.c-9", " ~", "~ ")
	var arrived metadata.MD
	ran := false
	client := connect(f, &handler{unary: func(ctx context.Context, m *linktestv1.Message) (*linktestv1.Message, error) {
		arrived, _ = metadata.FromIncomingContext(ctx)
		ran = true
		return m, nil
	}}, link.DialOptions{})
	f.Fuzz(func(t *testing.T, key, first, second string) {
		ran = false
		sent := metadata.MD{key: {first, second}}
		valid := call.Validate(metadata.Pairs(key, first, key, second)) == nil
		_, err := client.Unary(metadata.NewOutgoingContext(t.Context(), sent), &linktestv1.Message{})
		if !valid {
			if status.Code(err) != codes.Internal || link.Ran(err) != link.NeverSent || ran {
				t.Fatalf("%q is not valid, and gave %v, %v; ran: %v", sent, err, link.Ran(err), ran)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q is valid, and gave %v", sent, err)
		}
		lower := strings.ToLower(key)
		if strings.HasPrefix(key, ":") {
			if slices.Equal(arrived[lower], sent[key]) {
				t.Errorf("the pseudo-header %q was forged", key)
			}
			return
		}
		if !httpguts.ValidHeaderFieldName(lower) {
			t.Errorf("HTTP does not know a key %q", lower)
		}
		if !strings.HasSuffix(lower, "-bin") && !httpguts.ValidHeaderFieldValue(first) {
			t.Errorf("HTTP does not know a value %q", first)
		}
		if got := arrived[lower]; !slices.Equal(got, sent[key]) && !reserved(lower) {
			t.Errorf("%q arrived as %q", sent, got)
		}
	})
}

func reserved(key string) bool {
	return key == "te" || key == "content-type" || key == "user-agent" || strings.HasPrefix(key, "grpc-")
}

func TestReservedKeysCannotBeForged(t *testing.T) {
	t.Parallel()
	var arrived metadata.MD
	client := connect(t, &handler{unary: func(ctx context.Context, m *linktestv1.Message) (*linktestv1.Message, error) {
		arrived, _ = metadata.FromIncomingContext(ctx)
		return m, nil
	}}, link.DialOptions{UserAgent: "real"})
	pairs := []string{
		"grpc-status", "0", "grpc-message", "x", "grpc-timeout", "1S", "grpc-encoding", "x", "te", "x",
		"content-type", "forged", "user-agent", "forged", "kept", "1", "kept", "2",
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), pairs...)
	if _, err := client.Unary(ctx, &linktestv1.Message{}); err != nil {
		t.Fatal(err)
	}
	for key, values := range arrived {
		if strings.HasPrefix(key, "grpc-") || slices.Contains(values, "forged") || key == "te" {
			t.Errorf("%s arrived as %q", key, values)
		}
	}
	if !slices.Equal(arrived["kept"], []string{"1", "2"}) {
		t.Errorf("kept arrived as %q", arrived["kept"])
	}
}
