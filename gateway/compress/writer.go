package compress

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// writer compresses one answer, if its header and size allow it. Until that is known it holds
// the header and the body's beginning back.
type writer struct {
	http.ResponseWriter
	handler *Handler
	request *http.Request
	coding  coding // that the client prefers; identity: none

	code    int // 0: no header yet
	decided bool
	held    []byte
	length  int     // that the handler tells; -1: none
	encoder encoder // nil: it passes as it is
	flushes bool    // an answer whose end is not known is sent as it comes
}

var _ http.Flusher = (*writer)(nil)

// Unwrap lets http.ResponseController hijack and set deadlines.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(code int) {
	if w.code != 0 {
		return
	}
	if code < http.StatusOK {
		w.ResponseWriter.WriteHeader(code)
		return
	}
	w.code, w.length = code, -1
	h := w.Header()
	if n, err := strconv.Atoi(first(h, "Content-Length")); err == nil {
		w.length = n
	}
	w.flushes = w.length < 0
	switch {
	case code == http.StatusNotModified:
		w.weakenAsked(h)
		w.decide(false)
	case !w.mayBe(h), w.length >= 0 && w.length < w.handler.least:
		w.decide(false)
	default:
		addVary(h)
		if w.coding == identity || w.length < 0 && w.request.Method == http.MethodHead {
			w.decide(false)
		} else if w.length >= 0 {
			w.decide(true)
		}
	}
}

// mayBe tells of answers that some clients get compressed.
func (w *writer) mayBe(h http.Header) bool {
	switch w.code {
	case http.StatusNoContent, http.StatusResetContent, http.StatusPartialContent:
		return false
	}
	return len(h["Content-Encoding"]) == 0 && len(h["Content-Range"]) == 0 && len(w.request.Header["Range"]) == 0 &&
		!saysNoTransform(h["Cache-Control"]) && w.handler.takes(first(h, "Content-Type"))
}

func saysNoTransform(lines []string) bool {
	return slices.ContainsFunc(lines, func(l string) bool {
		return strings.Contains(strings.ToLower(l), "no-transform")
	})
}

// ofPlain are headers that are not true any more of what is compressed.
var ofPlain = []string{"Content-Length", "Accept-Ranges", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"}

// decide writes the header that was held back.
func (w *writer) decide(compress bool) {
	w.decided = true
	if compress {
		h := w.Header()
		h["Content-Encoding"] = []string{names[w.coding]}
		for _, name := range ofPlain {
			delete(h, name)
		}
		weaken(h)
	}
	w.ResponseWriter.WriteHeader(w.code)
	if compress && w.request.Method != http.MethodHead {
		w.encoder = newEncoder(w.coding, w.ResponseWriter)
	}
}

func (w *writer) Write(p []byte) (int, error) {
	if w.code == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.decided {
		if len(w.held)+len(p) < w.handler.least {
			w.held = append(w.held, p...)
			return len(p), nil
		}
		if err := w.letGo(true); err != nil {
			return 0, err
		}
	}
	if w.encoder != nil {
		return w.encoder.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// letGo decides, and writes what was held back. A handler that flushes does not have all of it.
func (w *writer) letGo(compress bool) error {
	w.decide(compress)
	held := w.held
	w.held = nil
	if len(held) == 0 {
		return nil
	}
	_, err := w.Write(held)
	return err
}

// Flush sends what has been written, if the handler does not know how much will come.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is what http.ResponseController calls.
func (w *writer) FlushError() error {
	if w.code == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.decided {
		if len(w.held) == 0 && !w.isStream() {
			return nil // a header alone waits for what follows it, so that small answers stay small
		}
		if err := w.letGo(true); err != nil {
			return err
		}
	}
	if w.encoder != nil {
		if !w.flushes {
			return nil
		}
		if err := w.encoder.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// isStream tells of answers of many small parts.
func (w *writer) isStream() bool {
	kind, _, _ := strings.Cut(first(w.Header(), "Content-Type"), ";")
	return kind == "text/event-stream" || kind == "application/x-ndjson"
}

// finish ends the answer.
func (w *writer) finish() {
	if w.code != 0 && !w.decided {
		_ = w.letGo(false) // the client is gone if this fails
	}
	if w.encoder != nil {
		_ = w.encoder.Close() // the same
	}
	w.release()
}

func (w *writer) release() {
	if w.encoder != nil {
		giveBack(w.coding, w.encoder)
		w.encoder = nil
	}
}

// addVary says that the answer depends on what is accepted.
func addVary(h http.Header) {
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.Trim(name, " \t"); name == "*" || strings.EqualFold(name, "Accept-Encoding") {
				return
			}
		}
	}
	h["Vary"] = append(slices.Clip(h["Vary"]), "Accept-Encoding")
}

// weaken makes a tag one that only says that the content means the same.
func weaken(h http.Header) {
	if tag := first(h, "Etag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		h["Etag"] = []string{"W/" + tag}
	}
}

// weakenAsked weakens the tag of an answer that is not repeated, if the client has it so.
func (w *writer) weakenAsked(h http.Header) {
	tag := first(h, "Etag")
	if strings.HasPrefix(tag, `"`) && slices.ContainsFunc(w.request.Header["If-None-Match"], func(l string) bool {
		return strings.Contains(l, "W/"+tag)
	}) {
		weaken(h)
		addVary(h)
	}
}

func first(h http.Header, name string) string {
	if lines := h[name]; len(lines) > 0 {
		return lines[0]
	}
	return ""
}
