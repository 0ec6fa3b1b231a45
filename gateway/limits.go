package gateway

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link/httplink"
	"github.com/kerf-go/kerf/transcode"
)

const defaultBodyTime = time.Minute

// bodyLimits are those of a route.
type bodyLimits struct {
	size  int64
	time  time.Duration // negative: none
	calls bool          // the route answers calls, each message of which has bounds of its own
}

func newBodyLimits(whole limitsConfig, route routeConfig) bodyLimits {
	l := bodyLimits{
		cmp.Or(route.Limits.Body, whole.Body, defaultBody),
		cmp.Or(route.Limits.BodyTime, whole.BodyTime, defaultBodyTime),
		route.Call != nil,
	}
	if l.size < 0 {
		l.size = math.MaxInt64
	}
	return l
}

// apply bounds a request's body, and the time that it takes to arrive. Only calls have neither bound,
// where the gateway reads their messages: elsewhere it is but the client that says it calls.
func (l bodyLimits) apply(w http.ResponseWriter, r *http.Request, v *visit) (*http.Request, error) {
	if r.Body == nil || r.Body == http.NoBody || l.calls && httplink.IsCall(r) {
		return r, nil
	}
	if r.ContentLength > l.size {
		return r, errTooLarge
	}
	if l.time > 0 { // a writer that is no server's has no connection to bound
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(l.time))
	}
	ctx, fail := context.WithCancel(r.Context()) // it ends with the request, at the latest
	r = r.WithContext(ctx)
	c, _ := ctx.Value(connKey{}).(*conn)
	r.Body = &requestBody{ReadCloser: r.Body, left: l.size, conn: c, visit: v, end: fail}
	return r, nil
}

var (
	errTooLarge = transcode.Refusal(
		status.New(codes.ResourceExhausted, "the body is larger than is taken here"), http.StatusRequestEntityTooLarge)
	errTooSlow = transcode.Refusal(
		status.New(codes.DeadlineExceeded, "the body took too long to arrive"), http.StatusRequestTimeout)
)

// requestBody is a body as far as its limits let it be read. Its failure ends the request,
// and the visit tells why: what an upstream then says is not the upstream's fault.
type requestBody struct {
	io.ReadCloser
	left  int64
	conn  *conn // nil: it is not of our listeners
	visit *visit
	end   context.CancelFunc

	whole  atomic.Bool // it has been read to its end
	closed atomic.Bool // nobody wants more of it
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.visit.reading.Lock()
	defer b.visit.reading.Unlock()
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		n, err = int(b.left), errTooLarge
	}
	b.left -= int64(n)
	switch {
	case err == io.EOF: //nolint:errorlint // a reader's end is never wrapped
		b.whole.Store(true)
	case err != nil && !b.closed.Load():
		err = b.why(err)
		b.visit.body.CompareAndSwap(nil, &err)
		b.end()
	}
	return n, err
}

// Close does not wait for what has not come, as that of net/http's body does.
func (b *requestBody) Close() error {
	b.closed.Store(true)
	return nil
}

// answered is called when there is an answer, and what it gives when that has been written. If the
// body has not come whole by then, the client is not waited for: over HTTP/1 its connection ends
// with the answer.
func (b *requestBody) answered(r *http.Request) (over func()) {
	if b.whole.Load() {
		return func() {}
	}
	w := &b.visit.out
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	return func() {
		_ = b.Close()
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Unix(1, 0)) // a Read that waits ends
		b.visit.reading.Lock()
		defer b.visit.reading.Unlock()
		_ = control.SetReadDeadline(time.Now().Add(lingerTime)) // net/http reads on, once the answer has left
	}
}

func (b *requestBody) why(err error) error {
	switch {
	case err == errTooLarge: //nolint:errorlint // it is made here
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errTooSlow
	case b.conn != nil && b.conn.refused.Load():
		return status.Error(codes.InvalidArgument, b.conn.bad.Error())
	case b.conn != nil && !b.conn.opaque.Load() && isMalformed(err): // net/http has seen it before the line's end
		return status.Error(codes.InvalidArgument, errChunk.Error())
	}
	return status.Error(codes.Canceled, "the body has not come whole")
}

// isMalformed tells whether it is what a body of HTTP/1 holds that has made it fail, and not
// its end.
func isMalformed(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return !ok && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, http.ErrBodyReadAfterClose)
}

// writeError answers with an error. What of the body has not been read is not waited for.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	if r.ProtoMajor == 1 && r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(lingerTime))
	}
	transcode.WriteError(w, r, err)
}
