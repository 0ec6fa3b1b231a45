package httplink

import (
	"io"
	"net/http"
	"time"
)

// takeForm lets "curl -d '{...}' URL/package.Service/Method" be a call: curl says of
// such a body that it is a form, and no method takes forms. A browser could be made
// to send one from any page, but not without saying so in one of these headers.
func takeForm(r *http.Request) {
	if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" ||
		r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		return
	}
	r.Header.Set("Content-Type", "application/json")
}

// maxReading is how long the request of a unary call may take to arrive: enough for
// the largest that is taken by default on a line of a megabit per second.
const maxReading = time.Minute

// hurried bounds the arrival of requests that are one message. Streams last as long
// as both sides want.
func hurried(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Now().Add(maxReading)) // net/http's writers can
		r.Body = &arriving{r.Body, func() { _ = control.SetReadDeadline(time.Time{}) }}
		next.ServeHTTP(w, r)
	})
}

// arriving lifts the deadline at the end of the body: on HTTP/1.1 it would end the
// context of a handler that runs longer.
type arriving struct {
	io.ReadCloser
	arrived func()
}

func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err != nil {
		a.arrived()
	}
	return n, err
}
