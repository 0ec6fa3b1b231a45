package run_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/kerf-go/kerf"
)

func get(t *testing.T, url string) string {
	t.Helper()
	_, body := fetch(t, url)
	return body
}

func getCode(t *testing.T, url string) int {
	t.Helper()
	code, _ := fetch(t, url)
	return code
}

// fetch gets a page on a connection of its own.
func fetch(t *testing.T, url string) (code int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestAHandlerBeforeAllPagesAnswersFirst(t *testing.T) {
	t.Parallel()
	s := newSystem(t, site(func(h *kerf.Host) {
		hello(h)
		h.Around(func(pages http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/gate" {
					w.WriteHeader(http.StatusTeapot)
					return
				}
				pages.ServeHTTP(w, r)
			})
		})
	}), "version: 1\napp: site\nprocesses: {edge: {services: [site], web: 127.0.0.1:0}}\n")
	url := s.start("edge").Web()
	if got := get(t, url+"/"); got != "hello" {
		t.Errorf("the page says %q", got)
	}
	if code := getCode(t, url+"/gate"); code != http.StatusTeapot {
		t.Errorf("the gate: %d", code)
	}
}
