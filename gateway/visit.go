package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kerf-go/kerf/gateway/auth"
)

// visit is what the gateway knows of one request. It travels in the request's context.
type visit struct {
	context.Context //nolint:containedctx // the request's: the visit is the context of what follows

	began  time.Time
	client client
	told   [3]string // of the client in X-Forwarded-For, -Host and -Proto
	out    recorder
	host   string
	path   path
	route  *route // nil until one was found
	user   string // who it was found to be
	caller *auth.Caller
	err    error // why it was not answered as asked

	reading sync.Mutex            // held while the body is read
	body    atomic.Pointer[error] // why the body could not be read
}

// bodyError is why the body could not be read; nil: it could, as far as anybody has tried.
// net/http ends the context of a request before it tells its reader that the connection has
// failed, so that then the reader is waited for.
func (v *visit) bodyError(ctx context.Context) error {
	if ctx.Err() != nil {
		v.reading.Lock()
		defer v.reading.Unlock()
	}
	if err := v.body.Load(); err != nil {
		return *err
	}
	return nil
}

type visitKey struct{}

// Value gives the visit to those who ask for it.
func (v *visit) Value(key any) any {
	if key == (visitKey{}) {
		return v
	}
	return v.Context.Value(key)
}

// visitOf is nil for requests that did not come through a gateway.
func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// ClientAddr is the address of a request's client: the peer's, or what a trusted proxy says.
// It is not valid for requests that did not come through a gateway.
func ClientAddr(ctx context.Context) netip.Addr {
	if v := visitOf(ctx); v != nil {
		return v.client.address
	}
	return netip.Addr{}
}

func noteError(r *http.Request, err error) {
	if v := visitOf(r.Context()); v != nil {
		v.err = err
	}
}

// recorder notes the status and the size of an answer.
type recorder struct {
	http.ResponseWriter
	code  int
	bytes int64
}

// Unwrap lets http.ResponseController flush and hijack.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush is for those who ask for http.Flusher by themselves.
func (w *recorder) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

func (w *recorder) WriteHeader(code int) {
	if w.code == 0 && (code >= http.StatusOK || code == http.StatusSwitchingProtocols) {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}
