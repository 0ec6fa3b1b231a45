package gateway

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/gateway/http1"
	"github.com/kerf-go/kerf/transcode"
)

// share is an upstream, and how much of a route it gets.
type share struct {
	to     *upstream
	weight int
}

// proxy hands requests on to upstreams. Answers without a length, events and upgraded
// connections pass as they come.
type proxy struct {
	shares []share
	total  int
	route  *route
}

func newProxy(shares []share, rt *route) *proxy {
	p := &proxy{shares: shares, route: rt}
	for _, s := range shares {
		p.total += s.weight
	}
	return p
}

// ServeHTTP hands a request on. It does what httputil.ReverseProxy does, and less: what belongs
// to the client's connection is gone already (see checkRequest).
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header["Upgrade"] != nil {
		p.upgrade(w, r)
		return
	}
	hints := &interim{to: w, over: !r.ProtoAtLeast(1, 1)} // before, it would be taken for the answer
	defer hints.end()
	out := r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{Got1xxResponse: hints.pass}))
	u := *r.URL
	out.URL, out.Header, out.Close = &u, maps.Clone(r.Header), false
	if r.ContentLength == 0 {
		out.Body = nil // net/http gives one that is empty, with which a request could not be made again
	}
	if out.Body != nil {
		defer out.Body.Close() //nolint:errcheck // nothing is read of it once this has returned
	}
	p.rewrite(r, out)
	response, err := p.RoundTrip(out)
	hints.end()
	if body, ok := r.Body.(*requestBody); ok {
		defer body.answered(r)()
	}
	if err != nil {
		failed(w, r, err)
		return
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	relay(w, response)
}

// rewrite makes the request for the upstream of what the client says, except for where it
// comes from.
func (p *proxy) rewrite(in, out *http.Request) {
	setPath(out.URL, p.route.upstreamPath(in))
	out.URL.RawQuery = in.URL.RawQuery
	out.URL.Host = "upstream" // balanced names the server
	out.URL.Scheme = schemeHTTP
	out.Host = in.Host
	forward(in, out)
	delete(out.Header, "Expect") // whose body is read is told so already
	if out.Header["User-Agent"] == nil {
		out.Header["User-Agent"] = noAgent
	}
	p.route.headers.Request.apply(out.Header)
}

var noAgent = []string{""} // of our own

// RoundTrip sends a request to one of the upstreams.
func (p *proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	return p.choose().RoundTrip(r)
}

func (p *proxy) choose() *upstream {
	if len(p.shares) == 1 {
		return p.shares[0].to
	}
	n := rand.IntN(p.total)
	for _, s := range p.shares {
		if n -= s.weight; n < 0 {
			return s.to
		}
	}
	return p.shares[0].to
}

// setPath sets an encoded path.
func setPath(u *url.URL, encoded string) {
	u.Path, u.RawPath = encoded, ""
	if strings.IndexByte(encoded, '%') < 0 {
		return
	}
	if plain, err := url.PathUnescape(encoded); err == nil {
		u.Path, u.RawPath = plain, encoded
	}
}

// failed answers for an upstream that did not.
func failed(w http.ResponseWriter, r *http.Request, err error) {
	w.Header()[failedMark] = nil
	if own := visitOf(r.Context()).bodyError(r.Context()); own != nil {
		writeError(w, r, own)
		return
	}
	switch {
	case errors.Is(r.Context().Err(), context.Canceled):
		err = status.Error(codes.Canceled, "the client is gone")
	case errors.Is(err, context.DeadlineExceeded):
		err = status.Error(codes.DeadlineExceeded, "the upstream took too long")
	case status.Code(err) == codes.ResourceExhausted:
		err = errBusy
	default:
		noteError(r, err)
		err = noAnswer(err)
	}
	transcode.WriteError(w, r, err)
}

// errBusy tells of a limit that is not this client's doing.
var errBusy = transcode.Refusal(
	status.New(codes.ResourceExhausted, "too many requests are under way: try again later"),
	http.StatusServiceUnavailable)

// noAnswer is what a client is told of an upstream that gave none, without what the log has of it.
func noAnswer(err error) error {
	reset, ok := errors.AsType[http2.StreamError](err) // by us, too
	if errors.Is(err, http1.ErrMalformed) || ok && reset.Code == http2.ErrCodeProtocol {
		return transcode.Refusal(
			status.New(codes.Internal, "the upstream's answer cannot be read"), http.StatusBadGateway)
	}
	return status.Error(codes.Unavailable, "the upstream cannot be reached")
}
