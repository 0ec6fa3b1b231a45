package gateway

import (
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"reflect"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/http/httpguts"
)

// relay passes an upstream's answer on. An answer that breaks off is broken off for the client.
func relay(w http.ResponseWriter, response *http.Response) {
	h := w.Header()
	addHeaders(h, response.Header)
	checkTrailer(response.Trailer)
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
	checkTrailer(response.Trailer)
	_ = http.NewResponseController(w).Flush() // so that over HTTP/1.1 there are chunks, and trailers behind them
	for name, values := range response.Trailer {
		if len(response.Trailer) != announced {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// checkTrailer leaves out what must not come behind a body (RFC 9110, 6.5.1).
func checkTrailer(h http.Header) {
	maps.DeleteFunc(h, func(name string, _ []string) bool {
		return !httpguts.ValidTrailerHeader(name) || name == "Set-Cookie" || slices.Contains(hopByHop, name)
	})
}

// addHeaders adds what is neither of the upstream's connection nor ours alone to what the answer has already.
func addHeaders(to, from http.Header) {
	for _, name := range tokens(from["Connection"]) {
		delete(from, name)
	}
	for _, name := range hopByHop {
		delete(from, name)
	}
	delete(from, failedMark)
	delete(from, changedMark)
	for name, values := range from {
		if before := to[name]; before != nil {
			values = append(slices.Clip(before), values...)
		}
		to[name] = values
	}
}

// relayBody passes the body on as it comes; one whose length is known is only sent on when there is
// enough of it.
func relayBody(w http.ResponseWriter, response *http.Response) error {
	buffer := buffers.take()
	defer buffers.pool.Put(buffer)
	flush := func() error { return nil }
	if response.ContentLength < 0 || strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		flush = http.NewResponseController(w).Flush
	}
	err := flush() // nobody knows when there will be something of the body
	for err == nil {
		var n int
		if n, err = response.Body.Read(*buffer); n > 0 {
			if _, failure := w.Write((*buffer)[:n]); failure != nil {
				return failure
			}
			if failure := flush(); failure != nil {
				return failure
			}
		}
	}
	if err == io.EOF { //nolint:errorlint // a reader's end is never wrapped
		return nil
	}
	return err
}

// interim passes on what an upstream says before its answer (RFC 9110, 15.2), until that comes. What
// one attempt has said another need not say again.
type interim struct {
	to http.ResponseWriter

	mu   sync.Mutex
	over bool         // guarded by mu
	told []interimSay // guarded by mu
}

// interimSay is one answer of those.
type interimSay struct {
	code   int
	header http.Header
}

func (i *interim) pass(code int, header textproto.MIMEHeader) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	say := interimSay{code, maps.Clone(http.Header(header))}
	if i.over || slices.ContainsFunc(i.told, func(before interimSay) bool { return reflect.DeepEqual(before, say) }) {
		return nil
	}
	i.told = append(i.told, say)
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

func (b *bufferPool) take() *[]byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return p
	}
	p := make([]byte, bufferSize)
	return &p
}

// Get is for httputil.ReverseProxy, as Put is.
func (b *bufferPool) Get() []byte { return *b.take() }

func (b *bufferPool) Put(p []byte) { b.pool.Put(&p) }
