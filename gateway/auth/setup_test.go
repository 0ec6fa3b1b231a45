package auth_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/gateway/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// guarded serves what a guard with the ways lets pass: a page that tells what an upstream is told.
func guarded(t *testing.T, g *auth.Guard, ways ...auth.Config) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	for _, config := range ways {
		way, err := auth.New("way", config, auth.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := way.Close(); err != nil {
				t.Error(err)
			}
		})
		g.Ways, g.Hide = append(g.Ways, way), append(g.Hide, way)
		if path, pages := way.Pages(); path != "" {
			mux.Handle(path+"/", pages)
		}
	}
	g.Refused = func(r *http.Request, reason error) { t.Logf("%s %.60s: %v", r.Method, r.URL, reason) }
	mux.Handle("/", g.Around(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{auth.SubjectHeader, auth.ClaimsHeader, "Authorization", "Cookie", "X-Api-Key"} {
			if v, ok := r.Header[name]; ok {
				w.Header()["Seen-"+name] = v
			}
		}
		w.Header().Set("Seen-Query", r.URL.RawQuery)
		_, _ = io.WriteString(w, "seen: "+r.Method+" "+r.URL.Path)
	})))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// reply is an answer whose body has been read.
type reply struct{ *http.Response }

// ask sends a request with headers given as "Name: value", and follows no redirect.
func ask(t *testing.T, request string, headers ...string) reply {
	t.Helper()
	method, url, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return reply{response}
}
