package inproc

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

type dialer struct {
	name    string
	options link.DialOptions
}

var _ call.Dialer = (*dialer)(nil)

func (d *dialer) Secure() bool { return true }
func (d *dialer) Close() error { return nil }

func (d *dialer) Ready(context.Context) error {
	if find(d.name) == nil {
		return call.Unavailable(link.NeverSent, "no server is listening on inproc://%s", d.name)
	}
	return nil
}

// Open finds the server, and waits while it listens and does not serve yet.
func (d *dialer) Open(ctx context.Context, r call.Request) (call.Transport, error) {
	s := find(d.name)
	if s == nil {
		return nil, d.Ready(ctx)
	}
	select {
	case <-s.serving:
	default:
		select {
		case <-s.serving:
		case <-s.stopped:
		case <-ctx.Done():
			return nil, call.Ended(ctx, link.NeverSent)
		}
	}
	shared := d.options.Shared != nil && d.options.Shared(r.Method)
	if r.Unary {
		return newUnary(ctx, s, d.incoming(r), shared), nil
	}
	if !s.enter() {
		return nil, stopping(s)
	}
	return startStream(ctx, s, d.incoming(r), shared), nil
}

func stopping(s *server) error {
	return call.Unavailable(link.NeverSent, "the server of inproc://%s is stopping", s.name)
}

// lost is the error of a call that ended without an answer.
func lost(ctx context.Context, s *server) error {
	if ctx.Err() != nil {
		return call.Ended(ctx, link.MayHaveRun)
	}
	return call.Unavailable(link.MayHaveRun, "the server of inproc://%s has closed", s.name)
}

// exited is how a call ends whose handler ended its goroutine.
var exited = call.End{Status: status.New(codes.Internal, "the handler did not return")}

// incoming is the request as the server gets it, with what a transport adds.
func (d *dialer) incoming(r call.Request) call.Incoming {
	if r.Header == nil {
		r.Header = make(metadata.MD, 3)
	}
	agent := "kerf-inproc"
	if d.options.UserAgent != "" {
		agent = d.options.UserAgent + " " + agent
	}
	authority := r.Authority
	if authority == "" {
		authority = d.name
	}
	r.Header[":authority"] = []string{authority}
	r.Header["content-type"] = []string{"application/grpc"}
	r.Header["user-agent"] = []string{agent}
	return call.Incoming{Method: r.Method, Header: r.Header, Codec: r.Codec}
}

// serverContext is the context of a call on the server's side: it has the
// caller's deadline and none of its values.
func serverContext(ctx context.Context, s *server) (context.Context, context.CancelFunc) {
	base := peer.NewContext(s.ctx, peerOf(s.name))
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(base, deadline)
	}
	return context.WithCancel(base)
}

// cancelAfter ends the server's context because the caller's has ended. When it
// was the deadline that ended it, the server's has the same, and tells so itself.
func cancelAfter(ctx context.Context, cancel context.CancelFunc) {
	if _, bounded := ctx.Deadline(); bounded && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return
	}
	cancel()
}

func peerOf(name string) *peer.Peer {
	return &peer.Peer{Addr: address(name), LocalAddr: address(name), AuthInfo: authInfo{
		credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
	}}
}

type address string

func (address) Network() string  { return "inproc" }
func (a address) String() string { return string(a) }

// authInfo says that what stays in the process is private.
type authInfo struct{ credentials.CommonAuthInfo }

func (authInfo) AuthType() string { return "inproc" }
