package rate_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kerf-go/kerf/gateway/rate"
)

func TestAnswersTellOfEachLimitAndWhenToComeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		one := func(*http.Request) string { return "one" }
		empty := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		h := rate.Handler(empty,
			rate.NewLimiter("often", rate.NewLocal(rate.Limit{Requests: 100, Per: time.Minute, Burst: 20}, 0), one),
			rate.NewLimiter("daily", rate.NewLocal(rate.Limit{Requests: 1, Per: 24 * time.Hour}, 0), one))
		ask := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			return w
		}
		w := ask()
		policy := strings.Join(w.Header().Values("Ratelimit-Policy"), ", ")
		if policy != `"often";q=20;w=12, "daily";q=1;w=86400` {
			t.Error(policy)
		}
		if now := strings.Join(w.Header().Values("Ratelimit"), ", "); now != `"often";r=19;t=1, "daily";r=0;t=86400` {
			t.Error(now)
		}
		if w.Code != 204 {
			t.Error(w.Code)
		}
		time.Sleep(23*time.Hour + time.Millisecond)
		w = ask()
		if w.Code != 429 || w.Header().Get("Retry-After") != "3600" ||
			!strings.Contains(w.Body.String(), "no more than 1 requests in 24h are taken here") {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	})
}

func TestWhoseARequestIs(t *testing.T) {
	t.Parallel()
	address := "192.0.2.1"
	client := rate.ByClient(func(context.Context) netip.Addr { return netip.MustParseAddr(address) })
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for from, want := range map[string]string{
		"192.0.2.1": "client:192.0.2.1", "2001:db8:1:2:3::4": "client:2001:db8:1:2::", "fe80::1%eth0": "client:fe80::",
	} {
		if address = from; client(r) != want {
			t.Errorf("%s: %s", from, client(r))
		}
	}
	header := rate.ByHeader("X-Key", client)
	if header(r) != client(r) {
		t.Errorf("without the header: %s", header(r))
	}
	r.Header.Set("X-Key", strings.Repeat("secret", 1000))
	if k := header(r); !strings.HasPrefix(k, "header:") || len(k) > 40 || strings.Contains(k, "secret") {
		t.Error(k)
	}
}
