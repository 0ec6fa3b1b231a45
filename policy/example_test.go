package policy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/kerf-go/kerf/policy"
)

func ExampleRoundTripper() {
	var n atomic.Int64
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "hello, at attempt %d", n.Load())
	}))
	defer upstream.Close()
	base := &http.Transport{}
	defer base.CloseIdleConnections()

	s := policy.Defaults()
	s.Retry.Backoff = time.Millisecond
	client := &http.Client{Transport: policy.RoundTripper(base, policy.NewOutbound(nil), s)}
	response, err := client.Get(upstream.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	fmt.Println(string(body))
	// Output: hello, at attempt 3
}
