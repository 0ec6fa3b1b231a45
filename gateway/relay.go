package gateway

import (
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"sync"
)

// relay passes an upstream's answer on. An answer that breaks off is broken off for the client.
func relay(w http.ResponseWriter, response *http.Response) {
	h := w.Header()
	addHeaders(h, response.Header)
	announced := len(response.Trailer)
	if announced > 0 {
		h["Trailer"] = []string{strings.Join(slices.Sorted(maps.Keys(response.Trailer)), ", ")}
	}
	w.WriteHeader(response.StatusCode)
	if response.Body != http.NoBody && relayBody(w, response) != nil {
		panic(http.ErrAbortHandler) //nolint:forbidigo // how a handler cuts an answer short
	}
	if len(response.Trailer) == 0 {
		return
	}
	_ = http.NewResponseController(w).Flush() // so that over HTTP/1.1 there are chunks, and trailers behind them
	for name, values := range response.Trailer {
		if len(response.Trailer) != announced {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// addHeaders adds what is not of the upstream's connection to what the answer has already.
func addHeaders(to, from http.Header) {
	for _, name := range tokens(from["Connection"]) {
		delete(from, name)
	}
	for _, name := range hopByHop {
		delete(from, name)
	}
	for name, values := range from {
		if before := to[name]; before != nil {
			values = append(slices.Clip(before), values...)
		}
		to[name] = values
	}
}

func relayBody(w http.ResponseWriter, response *http.Response) error {
	buffer := buffers.Get()
	defer buffers.Put(buffer)
	if response.ContentLength >= 0 && !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		_, err := io.CopyBuffer(onlyWriter{w}, response.Body, buffer)
		return err
	}
	out := http.NewResponseController(w)
	err := out.Flush() // nobody knows when there will be something of the body
	for err == nil {
		var n int
		if n, err = response.Body.Read(buffer); n > 0 {
			if _, failure := w.Write(buffer[:n]); failure != nil {
				return failure
			}
			if failure := out.Flush(); failure != nil {
				return failure
			}
		}
	}
	if err == io.EOF { //nolint:errorlint // a reader's end is never wrapped
		return nil
	}
	return err
}

// onlyWriter hides a ReadFrom, which would have memory of its own.
type onlyWriter struct{ io.Writer }

// interim passes on what an upstream says before its answer (RFC 9110, 15.2), until that comes.
type interim struct {
	to http.ResponseWriter

	mu   sync.Mutex
	over bool // guarded by mu
}

func (i *interim) pass(code int, header textproto.MIMEHeader) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over {
		return nil
	}
	h := i.to.Header()
	before := maps.Clone(h) // which are of the answer
	addHeaders(h, http.Header(header))
	i.to.WriteHeader(code)
	clear(h)
	maps.Copy(h, before)
	return nil
}

func (i *interim) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.over = true
}

// buffers are those that answers are copied through.
var buffers bufferPool

type bufferPool struct{ pool sync.Pool }

const bufferSize = 32 << 10

func (b *bufferPool) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, bufferSize)
}

func (b *bufferPool) Put(p []byte) { b.pool.Put(&p) }
