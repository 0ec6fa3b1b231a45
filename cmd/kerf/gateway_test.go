package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kerf-go/kerf/internal/porttest"
	"github.com/kerf-go/kerf/internal/redistest"
)

// shared is a buffer that two may use.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

var listens = regexp.MustCompile(`urls=\[(\S+)\] admin=(\S+)`)

// started runs "kerf gateway" until the function that it gives is called, and tells its addresses.
func started(t *testing.T, config string) (url, admin string, stop func()) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	config = "listen: [{address: 127.0.0.1:0}]\nadmin: 127.0.0.1:0\n" + config
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log := new(shared)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- execute(ctx, []string{"gateway", "--config", file}, io.Discard, log) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("gateway: %v\n%s", err, log)
		}
	})
	t.Cleanup(stop)
	eventually(t, "the gateway listens", func() bool { return listens.MatchString(log.String()) })
	at := listens.FindStringSubmatch(log.String())
	return at[1], "http://" + at[2], stop
}

func get(t *testing.T, url string) (header http.Header, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.Header, string(text)
}

func TestTheGatewayTellsOperatorsHowItIs(t *testing.T) {
	t.Parallel()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/kept":
			w.Header().Set("Cache-Control", "max-age=3600")
		case "/old":
			w.Header().Set("Cache-Control", "max-age=0, stale-while-revalidate=3600")
		}
	}))
	defer up.Close()
	redis := redistest.New(t)
	away := "http://" + porttest.Free(t)
	url, admin, _ := started(t, fmt.Sprintf(`
log: off
upstreams:
  shop: {urls: [%q], policies: {bulkhead: {calls: 9}}}
  gone: {urls: [%q]}
rates: {all: {requests: 1000, per: 1s, store: %q}, here: {requests: 1000, per: 1s}}
routes:
  - {name: gone, match: {path: /gone}, proxy: gone}
  - {name: rest, rate: [all, here], cache: {}, proxy: shop}
`, up.URL, away, redis.URL))
	metrics := func() string {
		t.Helper()
		_, text := get(t, admin+"/metrics")
		return text
	}
	for path, n := range map[string]int{"/kept": 3, "/old": 2, "/gone": 25} {
		for range n {
			get(t, url+path)
		}
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("%q, %v", answer, err)
	}
	conn.Close()
	text := metrics()
	for _, want := range []string{
		`kerf_web_requests_total{method="GET",pattern="rest",status="2xx"} 5`,
		`kerf_web_requests_total{method="GET",pattern="gone",status="5xx"} 25`,
		`kerf_web_request_duration_seconds_count{method="GET",pattern="gone"} 25`,
		`kerf_gateway_cache_hits_total{service="gateway"} 3`,
		`kerf_gateway_cache_stale_total{service="gateway"} 1`,
		`kerf_gateway_cache_misses_total{service="gateway"} 2`,
		`kerf_gateway_cache_entries{service="gateway"} 2`,
		`kerf_gateway_rate_store_away{rate="all",service="gateway"} 0`,
		`kerf_gateway_malformed_requests_total{service="gateway"} 1`,
		`kerf_breaker_open{callee="gone",caller="gateway",scope=""} 1`,
		`kerf_breaker_open{callee="shop",caller="gateway",scope=""} 0`,
		`kerf_replica_out{callee="shop",caller="gateway",url="` + up.URL + `"} 0`,
		`kerf_info{app="",process="gateway"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, `rate="here"`) {
		t.Error("what is counted here alone cannot be away")
	}
	if t.Failed() {
		t.Log(text)
	}
	_, policies := get(t, admin+"/policies")
	for _, want := range []string{
		`{"caller":"gateway","callee":"gone","policy":"breaker","state":"open"`,
		`{"caller":"gateway","callee":"shop","policy":"bulkhead","limit":9`,
	} {
		if !strings.Contains(policies, want) {
			t.Errorf("policies: %s, and not %s", policies, want)
		}
	}
	redis.Kill(t)
	eventually(t, "Redis is known to be away", func() bool {
		get(t, url+"/kept")
		return strings.Contains(metrics(), `kerf_gateway_rate_store_away{rate="all",service="gateway"} 1`)
	})
	redis.Start(t)
	eventually(t, "Redis is known to be back", func() bool {
		return strings.Contains(metrics(), `kerf_gateway_rate_store_away{rate="all",service="gateway"} 0`)
	})
}

// collector takes what is exported by OTLP. Names are looked for in the bytes: protobuf has them as
// they are.
func collector(t *testing.T) (url string, has func(...string) bool) {
	t.Helper()
	all := new(shared)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/traces" {
			_, _ = io.Copy(all, r.Body)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func(names ...string) bool {
		text := all.String()
		return !slices.ContainsFunc(names, func(name string) bool { return !strings.Contains(text, name) })
	}
}

func TestTheGatewayExportsSpans(t *testing.T) { // not beside others: the environment is everybody's
	at, has := collector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", at)
	t.Setenv("OTEL_SERVICE_NAME", "front-door")
	var seen http.Header
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		w.Header().Set("X-Correlation-ID", "of-the-upstream")
	}))
	defer up.Close()
	file := filepath.Join(t.TempDir(), "access.log")
	url, _, stop := started(t, fmt.Sprintf(`
log: %s
upstreams: {shop: {urls: [%q]}, gone: {urls: [%q]}}
routes: [{name: gone, match: {path: /gone}, proxy: gone}, {name: all-else, proxy: shop}]
`, file, up.URL, "http://"+porttest.Free(t)))
	header, _ := get(t, url+"/")
	get(t, url+"/gone")
	stop()
	if !has("front-door", "GET all-else", "GET gone", "retry again") {
		t.Error("the collector has not got the spans with their events")
	}
	parts := strings.Split(seen.Get("Traceparent"), "-")
	if len(parts) != 4 {
		t.Fatalf("the upstream was told of the trace %q", parts)
	}
	id := header["X-Correlation-Id"]
	if len(id) != 1 || id[0] != seen.Get("X-Correlation-ID") {
		t.Errorf("the client was told %q, the upstream %q", id, seen["X-Correlation-Id"])
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want := `"trace_id":"` + parts[1] + `","correlation_id":"` + id[0] + `"`; !strings.Contains(string(text), want) {
		t.Errorf("no %s in the access log: %s", want, text)
	}
}
