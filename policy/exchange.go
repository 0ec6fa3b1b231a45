package policy

import (
	"context"
	"io"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/internal/httpattempt"
	"github.com/kerf-go/kerf/link"
)

// exchange is one request on its way, in one or more attempts.
type exchange struct {
	base    http.RoundTripper
	picker  picker // nil: base is none
	request *http.Request

	attempts int
	response *http.Response    // of the last attempt; nil: it had none
	opts     []grpc.CallOption // of the last attempt
	failure  error             // of the last attempt, as base gave it

	handshake *handshake // of the last attempt; nil: it had none
}

// attempt makes the request once. It is what guards take for a call.
func (e *exchange) attempt(
	ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, opts ...grpc.CallOption,
) error {
	e.discard()
	e.attempts++
	r := e.request
	if e.attempts > 1 && r.GetBody != nil {
		r = r.WithContext(r.Context()) // the request itself stays as it is
		if r.Body, e.failure = e.request.GetBody(); e.failure != nil {
			return link.Mark(status.New(codes.Internal, e.failure.Error()), link.NeverSent)
		}
	}
	e.opts = opts
	r, body := watched(r)
	e.response, e.failure = httpattempt.RoundTrip(ctx, r, e.send) //nolint:bodyclose // discard, or the caller
	if e.failure != nil && body.hasFailed() {
		return link.Mark(status.New(codes.Canceled, e.failure.Error()), link.MayHaveRun)
	}
	if e.failure != nil {
		return failed(ctx, e.failure, e.handshake.hasFailed())
	}
	tellRetryAfter(e.response, opts)
	return statusOf(e.response.StatusCode)
}

func (e *exchange) send(r *http.Request) (*http.Response, error) {
	r, e.handshake = watchHandshake(r)
	if e.picker != nil {
		return e.picker.RoundTripWith(r, e.opts...)
	}
	return e.base.RoundTrip(r)
}

// end gives what the caller gets.
func (e *exchange) end(err error) (*http.Response, error) {
	switch {
	case e.attempts == 0:
		if e.request.Body != nil {
			_ = e.request.Body.Close() // as RoundTrippers promise
		}
		return nil, err
	case err != nil && e.request.Context().Err() != nil:
		e.discard()
		return nil, context.Cause(e.request.Context())
	case e.response == nil:
		return nil, e.failure
	}
	return e.response, nil
}

// What is read of a response that nobody gets, so that its connection can be used again.
const (
	drainMost = 64 << 10
	drainTime = 50 * time.Millisecond
)

// discard ends the last attempt's response.
func (e *exchange) discard() {
	if e.response == nil {
		return
	}
	body := e.response.Body
	timer := time.AfterFunc(drainTime, func() { _ = body.Close() }) // which ends a Read
	_, _ = io.CopyN(io.Discard, body, drainMost)
	timer.Stop()
	_ = body.Close()
	e.response = nil
}

// tellRetryAfter tells when to come again as a callee that speaks gRPC would.
func tellRetryAfter(r *http.Response, opts []grpc.CallOption) {
	ms, ok := retryAfter(r.Header.Get("Retry-After"), time.Now())
	if !ok {
		return
	}
	for _, o := range opts {
		if t, ok := o.(grpc.TrailerCallOption); ok {
			*t.TrailerAddr = metadata.Pairs(link.PushbackKey, ms)
		}
	}
}
