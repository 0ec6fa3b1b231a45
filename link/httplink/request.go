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
// as both sides want. A read deadline from the beginning would cost every call a turn
// of the connection's loop, and outlast the body: so it is set when time is over.
func hurried(next http.Handler, within time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		timer := time.AfterFunc(within, func() {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // net/http's writers can
		})
		defer timer.Stop()
		r.Body = arriving{r.Body, timer}
		next.ServeHTTP(w, r)
	})
}

// arriving is a body whose end ends the hurry.
type arriving struct {
	io.ReadCloser
	hurry *time.Timer
}

func (a arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err != nil {
		a.hurry.Stop()
	}
	return n, err
}
