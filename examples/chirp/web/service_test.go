package web_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/examples/chirp/web"
)

// engine is what a process gives a service, as far as the site asks for it.
type engine struct {
	kerf.Engine

	dialed []string
	mux    *http.ServeMux
	work   []func(context.Context) error
}

func (e *engine) Dial(service string) (grpc.ClientConnInterface, error) {
	e.dialed = append(e.dialed, service)
	return nobodyHome{}, nil
}

func (e *engine) Handle(pattern string, page http.Handler) error {
	e.mux.Handle(pattern, page)
	return nil
}

func (e *engine) Config(into any) error {
	into.(*web.Options).Title = "Tweeter"
	return nil
}

func (e *engine) Logger() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (e *engine) Go(_ string, run func(context.Context) error) { e.work = append(e.work, run) }

// nobodyHome is a conn to a service that is down.
type nobodyHome struct{}

func (nobodyHome) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	return status.Error(codes.Unavailable, "nobody is home")
}

func (nobodyHome) NewStream(
	context.Context, *grpc.StreamDesc, string, ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unavailable, "nobody is home")
}

func TestTheServiceInAHost(t *testing.T) {
	t.Parallel()
	e := &engine{mux: http.NewServeMux()}
	service := web.Service()
	host := kerf.NewHost(service, e)
	if err := service.New(t.Context(), host); err != nil {
		t.Fatal(err)
	}
	if err := host.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(e.dialed)
	if want := []string{"accounts", "follows", "messages", "notify", "trends"}; !slices.Equal(e.dialed, want) {
		t.Errorf("reaches %v, want %v", e.dialed, want)
	}
	visitAs(t, e.mux, "/", "").is(http.StatusServiceUnavailable).shows("Tweeter", "Posts are not available right now.")
	visitAs(t, e.mux, "/nothing", "").is(http.StatusNotFound)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, work := range e.work {
		if err := work(ctx); err != nil {
			t.Error(err)
		}
	}
}

func TestClientsAreNeeded(t *testing.T) {
	t.Parallel()
	if _, err := web.New(web.Clients{}, web.Options{}); err == nil {
		t.Error("a site without clients was made")
	}
}

func ExampleNew() {
	site, err := web.New(newFakes().clients(), web.Options{Title: "Chirp"})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewUnstartedServer(site)
	server.Config.RegisterOnShutdown(func() { _ = site.Close() })
	server.Start()
	defer server.Close()
	response, err := server.Client().Get(server.URL + "/public")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	fmt.Println(response.Status)
	// Output: 200 OK
}
