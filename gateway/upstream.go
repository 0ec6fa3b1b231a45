package gateway

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/internal/httpattempt"
	"github.com/kerf-go/kerf/internal/mistake"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

// upstream is a set of servers made ready: policies around a choice of one of them, around
// one tuned transport.
type upstream struct {
	http.RoundTripper
	transport *transport
	balancer  *balance.Balancer
	keepHost  bool
	out       *policy.Outbound
}

func newUpstream(
	c upstreamConfig, observe func(context.Context, balance.Event), out *policy.Outbound,
) (*upstream, error) {
	if len(c.URLs) == 0 {
		return nil, mistake.At(errors.New("it has no urls"), "urls")
	}
	roots, err := readRoots(c.Roots)
	if err != nil {
		return nil, mistake.At(err, "roots")
	}
	u := &upstream{keepHost: c.Host != "url", transport: newTransport(c.timeout(), roots)}
	o := c.Policies.Balance()
	o.Observe, o.HealthEvery = observe, -1
	if c.Health != nil {
		o.HealthEvery = c.Health.Every // 0: the default
	}
	u.balancer = balance.New(func(raw string) (link.Conn, error) {
		return newServer(raw, c.Health, u.transport)
	}, o)
	u.balancer.Update(c.URLs)
	u.out = out
	u.RoundTripper = policy.RoundTripper(balanced{u}, out, c.Policies.Settings())
	return u, nil
}

// timeout is how long a server has for the headers of an answer.
func (c upstreamConfig) timeout() time.Duration { return cmp.Or(c.Timeout, 30*time.Second) }

// isServer tells of URLs that name a server, and no more of a request than the beginning of its path.
func isServer(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || !isScheme(u.Scheme) || u.Hostname() == "" || u.User != nil || strings.ContainsAny(raw, "?#") {
		return false
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	_, err = parsePath("/" + strings.TrimPrefix(u.EscapedPath(), "/"))
	return err == nil
}

// states tells how its policies and servers stand.
func (u *upstream) states() []policy.State {
	return append(u.out.States(), policy.Replicas(u.balancer.Snapshot())...)
}

func (u *upstream) Close() error {
	err := u.balancer.Close()
	u.transport.CloseIdleConnections()
	return err
}

// balanced sends each attempt to the server that is picked for it.
type balanced struct{ *upstream }

// RoundTrip is for none but http.RoundTripper.
func (b balanced) RoundTrip(r *http.Request) (*http.Response, error) { return b.RoundTripWith(r) }

// RoundTripWith is what package policy calls for each attempt.
func (b balanced) RoundTripWith(r *http.Request, opts ...grpc.CallOption) (*http.Response, error) {
	c, err := b.balancer.Pick(r.Context(), opts...)
	if err != nil {
		return nil, err
	}
	s, ok := c.Conn().(*server)
	if !ok {
		return nil, errors.New("gateway: no server was picked")
	}
	a := attempt{request: r, upstream: b.upstream, server: s}
	if err := c.Do(r.Context(), a.make, opts...); balance.GivenUp(err) {
		return nil, err
	}
	return a.response, a.failure
}

// attempt is a request at one server.
type attempt struct {
	request  *http.Request
	upstream *upstream
	server   *server

	response *http.Response
	failure  error
}

// make sends the request.
func (a *attempt) make(ctx context.Context) error {
	out := *a.request // not a deep copy: nobody writes to its headers any more
	u := *out.URL
	u.Scheme, u.Host = a.server.url.Scheme, a.server.url.Host
	if a.server.base != "" {
		setPath(&u, a.server.base+u.EscapedPath())
	}
	out.URL = &u
	if !a.upstream.keepHost {
		out.Host = u.Host
	}
	a.response, a.failure = httpattempt.RoundTrip(ctx, &out, a.upstream.transport.RoundTrip) //nolint:bodyclose // later
	switch {
	case a.failure != nil:
		return link.Mark(status.New(codeOf(ctx, a.failure), a.failure.Error()), link.MayHaveRun)
	case isAway(a.response.StatusCode):
		return link.Mark(status.New(codes.Unavailable, a.response.Status), link.Answered)
	}
	return nil
}

// codeOf tells of a failed attempt whether it says anything of the server.
func codeOf(ctx context.Context, err error) codes.Code {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return codes.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	}
	return codes.Unavailable
}

func isAway(code int) bool {
	return code == http.StatusBadGateway || code == http.StatusServiceUnavailable || code == http.StatusGatewayTimeout
}

// server is one URL of an upstream, as something that package balance can pick and ask
// for its health.
type server struct {
	url    *url.URL
	base   string // its path, which goes before that of requests
	health string // URL; "": it is not asked
	rt     http.RoundTripper
}

var _ link.Conn = (*server)(nil)

func newServer(raw string, h *healthConfig, rt http.RoundTripper) (*server, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	s := &server{url: u, base: strings.TrimSuffix(u.EscapedPath(), "/"), rt: rt}
	if h != nil {
		s.health = strings.TrimSuffix(raw, "/") + "/" + strings.TrimPrefix(h.Path, "/")
	}
	return s, nil
}

// Invoke carries out a health check, which is all that is called here.
func (s *server) Invoke(ctx context.Context, _ string, _, reply any, _ ...grpc.CallOption) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.health, nil)
	if err != nil {
		return err
	}
	response, err := s.rt.RoundTrip(r)
	if err != nil {
		if ctx.Err() != nil {
			return status.FromContextError(ctx.Err()).Err()
		}
		return status.Error(codes.Unavailable, err.Error())
	}
	defer response.Body.Close()                        //nolint:errcheck // it was only read
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) //nolint:mnd // so that the connection is of further use
	if answer, ok := reply.(*healthpb.HealthCheckResponse); ok {
		answer.Status = healthpb.HealthCheckResponse_SERVING
		if response.StatusCode >= http.StatusBadRequest {
			answer.Status = healthpb.HealthCheckResponse_NOT_SERVING
		}
	}
	return nil
}

func (s *server) NewStream(
	context.Context, *grpc.StreamDesc, string, ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "an HTTP server has no streams of gRPC")
}

func (s *server) Close() error { return nil }
