package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// sse writes server-sent events, as the HTML standard defines them.
type sse struct {
	w    http.ResponseWriter
	ctl  *http.ResponseController
	wait time.Duration // for a browser to take what is written
}

// beginSSE sends the headers. The server's own time limits no longer hold.
func beginSSE(w http.ResponseWriter, wait time.Duration) (*sse, error) {
	e := &sse{w: w, ctl: http.NewResponseController(w), wait: wait}
	if err := e.ctl.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("lift the read deadline: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // asks proxies in nginx's manner to pass all on at once
	w.WriteHeader(http.StatusOK)
	return e, nil
}

// event sends one; id and name may be empty.
func (e *sse) event(name, id, data string) error {
	var b strings.Builder
	if name != "" {
		b.WriteString("event: " + name + "\n")
	}
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	// A line ends at \r too, which would let a text forge fields.
	for line := range strings.SplitSeq(strings.ReplaceAll(data, "\r", "\n"), "\n") {
		b.WriteString("data: " + line + "\n")
	}
	return e.send(b.String() + "\n")
}

// send writes raw lines of the stream.
func (e *sse) send(lines string) error {
	if err := e.ctl.SetWriteDeadline(time.Now().Add(e.wait)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set write deadline: %w", err)
	}
	if _, err := e.w.Write([]byte(lines)); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	if err := e.ctl.Flush(); err != nil {
		return fmt.Errorf("flush event: %w", err)
	}
	return nil
}
