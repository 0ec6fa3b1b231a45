package run

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAdminPagesAreGivenByAddressOnly(t *testing.T) {
	t.Parallel()
	handler := onlyByAddress(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for host, want := range map[string]int{
		"127.0.0.1:4711": http.StatusOK, "localhost:4711": http.StatusOK, "10.1.2.3": http.StatusOK,
		"evil.example:4711": http.StatusMisdirectedRequest, "evil.example": http.StatusMisdirectedRequest,
		"": http.StatusMisdirectedRequest,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/debug/pprof/", http.NoBody)
		r.Host = host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
}
