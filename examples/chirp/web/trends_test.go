package web_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	trendsv1 "github.com/kerf-go/kerf/examples/chirp/trends/v1"
	"github.com/kerf-go/kerf/examples/chirp/web"
)

// fakeTrends answers Top; Count would crash the test.
type fakeTrends struct {
	trendsv1.TrendsClient

	tags []*trendsv1.Tag
	err  error
}

func (f *fakeTrends) Top(
	context.Context, *trendsv1.TopRequest, ...grpc.CallOption,
) (*trendsv1.TopResponse, error) {
	return &trendsv1.TopResponse{Tags: f.tags}, f.err
}

func TestTrendsAreShownIfThereAreAny(t *testing.T) {
	t.Parallel()
	some := []*trendsv1.Tag{{Name: "kerf", Posts: 2}, {Name: `<b>&"`, Posts: 1}}
	down := status.Error(codes.Unavailable, "dial tcp: refused")
	for name, c := range map[string]struct {
		trends trendsv1.TrendsClient
		shown  bool
	}{
		"some":        {&fakeTrends{tags: some}, true},
		"none":        {&fakeTrends{}, false},
		"unavailable": {&fakeTrends{err: down}, false},
		"no service":  {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fakes.write(b.ada, "about #kerf", true)
			clients := b.fakes.clients()
			clients.Trends = c.trends
			site, err := web.New(clients, web.Options{})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(site)
			t.Cleanup(server.Close)
			b.url = server.URL
			for _, path := range []string{"/", "/public"} {
				page := b.get(path).is(200).shows("about #kerf").lacks("refused", "right now")
				if !c.shown {
					page.lacks("Trending")
					continue
				}
				page.holds("Trending", `<a href="/search?q=%23kerf">#kerf</a>`, "#&lt;b&gt;&amp;")
			}
		})
	}
}
