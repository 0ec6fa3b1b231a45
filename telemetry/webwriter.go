package telemetry

import (
	"cmp"
	"net/http"
)

// webWriter remembers the status of an answer. It flushes as the writer beneath
// does, and http.ResponseController reaches what else that one can.
type webWriter struct {
	http.ResponseWriter
	correlation string
	code        int // 0: nothing written yet
}

var (
	_ http.ResponseWriter = (*webWriter)(nil)
	_ http.Flusher        = (*webWriter)(nil)
)

func (w *webWriter) WriteHeader(code int) {
	// 1xx other than 101 are followed by the real one.
	if code >= http.StatusOK || code == http.StatusSwitchingProtocols {
		w.begin(code)
	}
	w.ResponseWriter.WriteHeader(code)
}

// begin notes the status. The correlation id is this request's, whatever an answer says that was
// made for another, or by another server.
func (w *webWriter) begin(code int) {
	if w.code == 0 {
		w.code = code
		w.Header().Set(correlationHeader, w.correlation)
	}
}

func (w *webWriter) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// Flush is for code that asserts http.Flusher; it cannot tell of failure.
func (w *webWriter) Flush() { _ = w.FlushError() }

// FlushError is what http.ResponseController calls.
func (w *webWriter) FlushError() error {
	w.begin(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController find deadlines, full duplex and hijacking.
func (w *webWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *webWriter) status() int { return cmp.Or(w.code, http.StatusOK) }
