package kerf

import (
	"context"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/kerf-go/kerf/link"
)

// App is the services of one system. A plan decides which of them share a
// process; the App is the same under every plan.
type App struct {
	Name     string // lower case letters, digits and dashes; names the data folder and the traces
	Services []Service

	// Interceptors run inside Kerf's own chain, next to the handler or the stub,
	// the first one outermost. They see every call, also those in-process.
	UnaryServer  []grpc.UnaryServerInterceptor
	StreamServer []grpc.StreamServerInterceptor
	UnaryClient  []grpc.UnaryClientInterceptor
	StreamClient []grpc.StreamClientInterceptor

	// Stats are told of every call on both sides, as grpc-go tells them.
	Stats []stats.Handler

	// Web wraps the pages of each service that has any, the first one outermost.
	Web []func(http.Handler) http.Handler

	// Links are offered beside those of the batteries.
	Links []link.Link
}

// Service is one autonomous part of an App: what it serves, whom it calls, and
// how it is made. It holds no state; New may be called several times, once for
// each process or test that runs the service.
type Service struct {
	Name string // unique in the App; lower case letters, digits and dashes

	// Serves lists the gRPC services that New registers: exactly these.
	Serves []*grpc.ServiceDesc

	// Calls lists the services, by name, that New may pass to Host.Conn.
	Calls []string

	// Upstreams lists the HTTP servers, by names of its choice, that New may pass to
	// Host.Upstream, so that a plan can say which policies they have.
	Upstreams []string

	// Single forbids replicas in any plan.
	Single bool

	// Optional services run where a plan places them, and nowhere without a plan. All
	// others have to be placed.
	Optional bool

	// New builds the service and registers it on h. It should return soon; work
	// that goes on belongs in h.Go. ctx ends when the start is given up. nil: this
	// program only knows of the service, which another one has. A plan gives its process
	// a command, or leaves it out: then calls to it are Unavailable at once.
	New func(ctx context.Context, h *Host) error
}
