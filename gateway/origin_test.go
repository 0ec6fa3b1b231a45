package gateway_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/gateway"
	library "github.com/kerf-go/kerf/internal/library/v1"
	exercise "github.com/kerf-go/kerf/link/linktest/v1"
	"github.com/kerf-go/kerf/plan"
)

// claims are what a client says of itself. By honest nobody claims anything.
var claims = map[string]string{
	"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "https", "X-Forwarded-User": "root",
	"X-Forwarded-Port": "1", "X-Forwarded-For-Bin": "Ni42LjYuNg==", "Forwarded": "for=6.6.6.6", "X-Real-IP": "6.6.6.6",
	"True-Client-IP": "6.6.6.6", "X-Client-IP": "6.6.6.6", "CF-Connecting-IP": "6.6.6.6", "X-Original-URL": "/admin",
	"Honest": "yes",
}

// known is what the gateway knows of it, and lets pass. The host is added.
var known = []string{"honest: yes", "x-forwarded-for: 127.0.0.1", "x-forwarded-host: ", "x-forwarded-proto: http"}

// hearsay lists what metadata says of a client.
func hearsay(ctx context.Context) []string {
	md, _ := metadata.FromIncomingContext(ctx)
	var all []string
	for name, values := range md {
		for _, about := range []string{"forwarded", "-ip", "original", "honest"} {
			if strings.Contains(name, about) {
				all = append(all, name+": "+strings.Join(values, ", "))
				break
			}
		}
	}
	slices.Sort(all)
	return all
}

// listener is a service that tells what it hears of its client.
type listener struct {
	exercise.UnimplementedExerciseServer
}

func (listener) Unary(ctx context.Context, _ *exercise.Message) (*exercise.Message, error) {
	return &exercise.Message{Tags: hearsay(ctx)}, nil
}

func (listener) Download(_ *exercise.Message, s grpc.ServerStreamingServer[exercise.Message]) error {
	return s.Send(&exercise.Message{Tags: hearsay(s.Context())})
}

// gossip is a library that does so.
type gossip struct {
	library.UnimplementedLibraryServer
}

func (gossip) GetBook(ctx context.Context, _ *library.GetBookRequest) (*library.Book, error) {
	return &library.Book{Authors: hearsay(ctx)}, nil
}

func TestServicesAreToldOfTheClientByTheGateway(t *testing.T) {
	t.Parallel()
	b := setup(t, `
routes:
  - {match: {path: /kerf.linktest.v1.Exercise/*}, call: [exercise]}
  - {match: {path: /v1/**}, call: [library]}
  - {match: {path: /merged}, merge: {parts: {book: {call: library, get: /v1/books/7}}}}
`, nil, serve(t, exercise.File_link_linktest_v1_linktest_proto, &exercise.Exercise_ServiceDesc, listener{}),
		serve(t, library.File_internal_library_v1_library_proto, &library.Library_ServiceDesc, gossip{}))
	host := strings.TrimPrefix(b.url, "http://")
	want := slices.Clone(known)
	want[2] += host
	conn, err := grpc.NewClient(host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	const method = "/kerf.linktest.v1.Exercise/Unary"
	for name, ask := range map[string]func(*testing.T) []string{
		"JSON": func(t *testing.T) []string {
			t.Helper()
			return book(t, b.claimed(t, http.MethodGet, "/v1/books/7", "", nil))
		},
		"merged JSON": func(t *testing.T) []string {
			t.Helper()
			return book(t, inner(b.claimed(t, http.MethodGet, "/merged", "", nil)))
		},
		"Connect": func(t *testing.T) []string {
			t.Helper()
			return tags(t, b.claimed(t, http.MethodPost, method, "application/proto", nil))
		},
		"gRPC-Web": func(t *testing.T) []string {
			t.Helper()
			body := b.claimed(t, http.MethodPost, method, "application/grpc-web+proto", frameOf(0, nil))
			return tags(t, body[5:5+int(body[4])])
		},
		"gRPC": func(t *testing.T) []string {
			t.Helper()
			m, err := exercise.NewExerciseClient(conn).Unary(claiming(t.Context()), &exercise.Message{})
			if err != nil {
				t.Fatal(err)
			}
			return m.GetTags()
		},
		"a stream of gRPC": func(t *testing.T) []string {
			t.Helper()
			s, err := exercise.NewExerciseClient(conn).Download(claiming(t.Context()), &exercise.Message{})
			if err != nil {
				t.Fatal(err)
			}
			m, err := s.Recv()
			if err != nil {
				t.Fatal(err)
			}
			return m.GetTags()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ask(t); !slices.Equal(got, want) {
				t.Errorf("the service heard\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// claiming is the context of a call whose client claims things.
func claiming(ctx context.Context) context.Context {
	return metadata.NewOutgoingContext(ctx, metadata.New(claims))
}

// claimed is the answer to a request whose client claims things.
func (b *bundle) claimed(t *testing.T, method, path, kind string, body []byte) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range claims {
		r.Header.Set(name, value)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v: %s", response.Status, err, &text)
	}
	return text.Bytes()
}

// inner is the part of a merge that is called book.
func inner(merged []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimPrefix(merged, []byte(`{"book":`)), []byte("}"))
}

func book(t *testing.T, text []byte) []string {
	t.Helper()
	var b library.Book
	if err := protojson.Unmarshal(text, &b); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return b.GetAuthors()
}

func tags(t *testing.T, text []byte) []string {
	t.Helper()
	var m exercise.Message
	if err := proto.Unmarshal(text, &m); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	return m.GetTags()
}

func TestPagesAreToldOfTheClientByTheGateway(t *testing.T) {
	t.Parallel()
	d, err := plan.ReadDocument("g.yaml", []byte("log: off\ntrusted: [127.0.0.0/8]\nroutes: [{pages: true}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	var seen http.Header
	g, err := gateway.New(d, gateway.Options{Pages: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = r.Header
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	server := httptest.NewServer(g)
	defer server.Close()
	b := &bundle{url: server.URL}
	b.do(t, "GET /", "X-Forwarded-For: 192.0.2.1", "X-Real-IP: 6.6.6.6", "X-Forwarded-User: root")
	if got := seen["X-Forwarded-For"]; !slices.Equal(got, []string{"192.0.2.1, 127.0.0.1"}) {
		t.Errorf("X-Forwarded-For: %q", got)
	}
	if seen["X-Real-Ip"] != nil || seen["X-Forwarded-User"] != nil {
		t.Errorf("the page saw %v", seen)
	}
}
