package policy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
)

// statusOf is what policies take an HTTP status for; nil: a success, the caller's fault, or
// load that is shed (429).
func statusOf(code int) error {
	mark := func(c codes.Code, o link.Outcome) error {
		return link.Mark(status.Newf(c, "%d %s", code, http.StatusText(code)), o)
	}
	switch {
	case code == http.StatusBadGateway, code == http.StatusServiceUnavailable, code == http.StatusGatewayTimeout:
		return mark(codes.Unavailable, link.MayHaveRun)
	case code == http.StatusNotImplemented:
		return mark(codes.Unimplemented, link.Answered)
	case code >= http.StatusInternalServerError:
		return mark(codes.Internal, link.Answered)
	}
	return nil
}

// failed is what policies take a failed exchange for; unconnected: TLS has kept it from leaving.
func failed(ctx context.Context, err error, unconnected bool) error {
	if ctx.Err() != nil {
		return link.Mark(status.FromContextError(ctx.Err()), link.MayHaveRun)
	}
	if balance.GivenUp(err) {
		return err
	}
	code, outcome := codes.Unknown, link.MayHaveRun
	op, timeout := new(net.OpError), net.Error(nil)
	switch {
	case errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"), notBegun(err), unconnected:
		code, outcome = codes.Unavailable, link.NeverSent
	case errors.As(err, &timeout) && timeout.Timeout():
		code = codes.DeadlineExceeded
	case unsendable(err):
		code, outcome = codes.InvalidArgument, link.NeverSent
	case op.Op != "", errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), broken(err):
		code = codes.Unavailable // the connection has broken, or HTTP/2's part of it
	}
	return link.Mark(status.New(code, err.Error()), outcome)
}

// What net/http says of ends of a connection over HTTP/2 for which it has no type that others
// could name.
const (
	notTaken = "http2: Transport received GOAWAY from server ErrCode:" // and a last stream before this one
	gone     = "http2: server sent GOAWAY and closed the connection"
	lost     = "http2: client connection lost" // pings are not answered
)

// unsendable tells whether net/http has refused to send a request as it is.
func unsendable(err error) bool {
	for _, says := range []string{
		"net/http: invalid ", "http: nil Request", "http: no Host in", "unsupported protocol scheme",
	} {
		if strings.HasPrefix(err.Error(), says) {
			return true
		}
	}
	return false
}

// notBegun tells whether the server says that it has not begun with a request (RFC 9113, 8.7).
func notBegun(err error) bool {
	e, ok := errors.AsType[http2.StreamError](err) // net/http's own turns itself into it
	return ok && e.Code == http2.ErrCodeRefusedStream || strings.HasPrefix(err.Error(), notTaken)
}

// broken tells whether a request over HTTP/2 was reset, or its connection has ended.
func broken(err error) bool {
	_, ok := errors.AsType[http2.StreamError](err)
	return ok || strings.HasPrefix(err.Error(), gone) || strings.HasPrefix(err.Error(), lost)
}

// retryAfter gives the milliseconds of a Retry-After, in seconds or as a date (RFC 9110,
// 10.2.3); false: it says nothing.
func retryAfter(value string, now time.Time) (ms string, ok bool) {
	if value == "" {
		return "", false
	}
	if seconds, err := strconv.ParseUint(value, 10, 40); err == nil {
		return strconv.FormatUint(1000*seconds, 10), true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return "", false
	}
	return strconv.FormatInt(max(0, at.Sub(now).Milliseconds()), 10), true
}
