package httplink_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	libraryv1 "github.com/kerf-go/kerf/internal/library/v1"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/httplink"
)

const pushback = "grpc-retry-pushback-ms"

// crowded says how long callers are to wait.
type crowded struct {
	libraryv1.UnimplementedLibraryServer
}

func (crowded) GetBook(ctx context.Context, _ *libraryv1.GetBookRequest) (*libraryv1.Book, error) {
	_ = grpc.SetTrailer(ctx, metadata.Pairs(pushback, "1001"))
	return nil, status.Error(codes.ResourceExhausted, "too many readers")
}

func (crowded) WatchBooks(_ *libraryv1.ListBooksRequest, s grpc.ServerStreamingServer[libraryv1.Book]) error {
	s.SetTrailer(metadata.Pairs(pushback, "1001"))
	return status.Error(codes.ResourceExhausted, "too many readers")
}

func TestEveryCallerIsToldHowLongToWait(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	server, err := httplink.Link{}.Listen(t.Context(), u, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	libraryv1.RegisterLibraryServer(server, crowded{})
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	call := server.URL() + libraryv1.Library_GetBook_FullMethodName
	for name, c := range map[string]struct{ method, url, kind, header, want string }{
		"plain REST":  {http.MethodGet, server.URL() + "/v1/books/7", "", "Retry-After", "2"},
		"REST stream": {http.MethodGet, server.URL() + "/v1/shelves/1/books:watch", "", "Retry-After", "2"},
		"plain JSON":  {http.MethodPost, call, "application/json", "Retry-After", "2"},
		"Connect":     {http.MethodPost, call, "application/proto", "Trailer-" + pushback, "1001"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := ""
			if c.kind == "application/json" {
				body = "{}"
			}
			request, err := http.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", c.kind)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusTooManyRequests || response.Header.Get(c.header) != c.want {
				t.Errorf("%s, %v", response.Status, response.Header)
			}
		})
	}
	var trailer metadata.MD
	client := libraryv1.NewLibraryClient(dialURL(t, server.URL()))
	_, err = client.GetBook(t.Context(), &libraryv1.GetBookRequest{}, grpc.Trailer(&trailer))
	if status.Code(err) != codes.ResourceExhausted || strings.Join(trailer[pushback], " ") != "1001" {
		t.Errorf("a Kerf caller: %v, %v", err, trailer)
	}
}

// A server that is not Kerf writes the trailer as the Connect protocol does.
func TestPushbackOfOtherServersArrives(t *testing.T) {
	t.Parallel()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	other := startPlain(t, &protocols, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Trailer-Grpc-Retry-Pushback-Ms", "40")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"code":"unavailable"}`))
	})
	var trailer metadata.MD
	client := libraryv1.NewLibraryClient(dialURL(t, other))
	_, err := client.GetBook(t.Context(), &libraryv1.GetBookRequest{}, grpc.Trailer(&trailer))
	if status.Code(err) != codes.Unavailable || strings.Join(trailer[pushback], " ") != "40" {
		t.Errorf("%v, %v", err, trailer)
	}
}

func startPlain(t *testing.T, protocols *http.Protocols, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(answer)
	s.Config.Protocols = protocols
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}
