package httplink_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	libraryv1 "github.com/kerf-go/kerf/internal/library/v1"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/httplink"
)

// library has the annotations of google.api.http.
type library struct {
	libraryv1.UnimplementedLibraryServer
}

func (library) GetBook(ctx context.Context, r *libraryv1.GetBookRequest) (*libraryv1.Book, error) {
	if r.GetName() == "missing" {
		return nil, status.Error(codes.NotFound, "there is no such book")
	}
	md, _ := metadata.FromIncomingContext(ctx)
	p, _ := peer.FromContext(ctx)
	_ = grpc.SetHeader(ctx, metadata.Pairs("shelf", md.Get("reader")[0]))
	return &libraryv1.Book{Name: r.GetName(), Title: p.Addr.Network(), Authors: md.Get("user-agent")}, nil
}

func (library) WatchBooks(r *libraryv1.ListBooksRequest, s grpc.ServerStreamingServer[libraryv1.Book]) error {
	for range 2 {
		if err := s.Send(&libraryv1.Book{Name: r.GetParent()}); err != nil {
			return err
		}
	}
	<-s.Context().Done()
	return s.Context().Err()
}

func TestAServiceIsAPlainRESTServiceToo(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	server, err := httplink.Link{}.Listen(t.Context(), u, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	libraryv1.RegisterLibraryServer(server, library{})
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	for path, want := range map[string]struct {
		code int
		body string
	}{
		"/v1/books/7":               {http.StatusOK, `{"name":"7","title":"tcp","authors":["tester"]}`},
		"/v1/books/missing":         {http.StatusNotFound, `{"code":5,"message":"there is no such book"}`},
		"/nowhere":                  {http.StatusNotFound, `{"code":5,"message":"nothing is at /nowhere"}`},
		"/v1/shelves/3/books:watch": {http.StatusOK, strings.Repeat(`{"result":{"name":"shelves/3"}}`+"\n", 2)},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Reader", "ann")
		request.Header.Set("User-Agent", "tester")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, len(want.body)) // the stream goes on
		if _, err := io.ReadFull(response.Body, body); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		_ = response.Body.Close()
		text := strings.ReplaceAll(string(body), ", ", ",") // protojson's spaces come and go
		if response.StatusCode != want.code || !strings.HasPrefix(want.body, text) {
			t.Errorf("%s: %s: %s", path, response.Status, body)
		}
		if path == "/v1/books/7" && response.Header.Get("Shelf") != "ann" {
			t.Errorf("%v", response.Header)
		}
	}
}
