package link

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/url"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// Link is one way to carry calls. A Link is safe for concurrent use.
type Link interface {
	// Scheme names the link in URLs: lower case, without "://".
	Scheme() string
	Capabilities() Capabilities
	// Dial makes a conn without any I/O: it connects when first used, and again
	// whenever the connection is lost.
	Dial(u *url.URL, o DialOptions) (Conn, error)
	// Listen takes the address, but answers no call before Serve. ctx bounds only
	// the listening itself.
	Listen(ctx context.Context, u *url.URL, o ListenOptions) (Server, error)
}

// Capabilities are what a link can carry. Using what a link lacks fails at once
// with Unimplemented, or ResourceExhausted for a message too large.
type Capabilities struct {
	Streams    bool // client, server and bidirectional streams
	Durable    bool // has a queue that keeps requests: Accepted
	Broker     bool // calls go through a broker: URLs are scheme://broker/subject
	MaxMessage int  // bytes of one message; 0: only the options' limits hold
}

// Conn is a client's end of a link, safe for concurrent use. Its errors are gRPC
// statuses; Ran tells of each whether the call may have run.
type Conn interface {
	grpc.ClientConnInterface
	io.Closer // pending calls end with Canceled
}

// Server is the other end. Services are registered before Serve.
type Server interface {
	grpc.ServiceRegistrar
	GetServiceInfo() map[string]grpc.ServiceInfo
	URL() string                        // what to Dial, with the real port
	Serve() error                       // until Shutdown or Close
	Shutdown(ctx context.Context) error // refuse new calls, drain until ctx ends, then cancel
	Close() error
}

// Message size limits where the options say 0, in bytes: those of grpc-go.
const (
	DefaultMaxRecv = 4 << 20
	DefaultMaxSend = 1<<31 - 1
)

// DialOptions is how a conn behaves; the zero value behaves as grpc-go does.
type DialOptions struct {
	TLS *tls.Config // for schemes with TLS; nil: the system's roots

	MaxRecv int // bytes of one message received; 0: DefaultMaxRecv
	MaxSend int // bytes of one message sent; 0: DefaultMaxSend

	UserAgent string // put before the link's own; empty: only that

	// Shared names methods, as "/package.Service/Method", whose messages an
	// in-process link may pass without copying. Neither side may change such a
	// message, ever again. nil: every message is copied. Other links ignore it.
	Shared func(method string) bool

	// Interceptors and stats handlers, the first one outermost. On links that are
	// not grpc-go the *grpc.ClientConn they are given is idle; its Target is the URL.
	Unary  []grpc.UnaryClientInterceptor
	Stream []grpc.StreamClientInterceptor
	Stats  []stats.Handler
}

// ListenOptions is how a server behaves; the zero value behaves as grpc-go does.
type ListenOptions struct {
	TLS *tls.Config // for schemes with TLS, where it is required

	MaxRecv int // bytes of one message received; 0: DefaultMaxRecv
	MaxSend int // bytes of one message sent; 0: DefaultMaxSend

	Logger *slog.Logger // for panics of handlers; nil: slog.Default()

	Unary  []grpc.UnaryServerInterceptor // the first one outermost
	Stream []grpc.StreamServerInterceptor
	Stats  []stats.Handler
}
