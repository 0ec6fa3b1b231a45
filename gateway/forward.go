package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/kerf-go/kerf/telemetry"
)

// client is where a request comes from.
type client struct {
	peer    netip.Addr // who has connected
	address netip.Addr // the client's, as far as it can be trusted
	proto   string     // http or https, as the client sees it
	host    string     // that the client asked for
	via     string     // X-Forwarded-For of trusted proxies, to be added to
}

// trusted are the networks whose word counts.
type trusted []netip.Prefix

func (t trusted) has(a netip.Addr) bool {
	return slices.ContainsFunc(t, func(p netip.Prefix) bool { return p.Contains(a) })
}

// clientOf finds out where a request comes from: the nearest address that is not a
// trusted proxy's. Of X-Forwarded headers only those of such proxies are read.
func (t trusted) clientOf(r *http.Request) client {
	peer := peerOf(r)
	c := client{peer: peer, address: peer, proto: schemeHTTP, host: r.Host}
	if r.TLS != nil {
		c.proto = schemeHTTPS
	}
	if len(t) == 0 || !t.has(c.address) {
		return c
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		a, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		a = a.Unmap()
		c.via = join(a.String(), c.via)
		if c.address = a; !t.has(a) {
			break
		}
	}
	if proto := r.Header.Get("X-Forwarded-Proto"); isScheme(proto) {
		c.proto = proto
	}
	if host := r.Header.Get("X-Forwarded-Host"); isHost(host) {
		c.host = host
	}
	return c
}

func peerOf(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // not over IP
	}
	return a.Addr().Unmap()
}

const schemeHTTP, schemeHTTPS = "http", "https"

func isScheme(s string) bool { return s == schemeHTTP || s == schemeHTTPS }

// isHost tells of a host, with its port or without, that holds nothing else.
func isHost[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && c != '-' && c != '.' && c != '_' && c != ':' && c != '[' && c != ']' {
			return false
		}
	}
	return len(s) > 0
}

func join(before, after string) string {
	switch {
	case before == "":
		return after
	case after == "":
		return before
	}
	return before + ", " + after
}

// isForwarded tells of headers in which a client could claim to be somebody else, or to ask for
// something else. They are written anew or go.
func isForwarded(name string) bool {
	return forwardedNames[name] || strings.HasPrefix(name, "X-Forwarded-")
}

var forwardedNames = map[string]bool{
	"Forwarded": true, "X-Forwarded": true, "Forwarded-For": true, "X-Original-Forwarded-For": true,
	"X-Real-Ip": true, "True-Client-Ip": true, "X-Client-Ip": true, "X-Cluster-Client-Ip": true,
	"Cf-Connecting-Ip": true, "Fastly-Client-Ip": true, "X-Envoy-External-Address": true,
	"X-Original-Host": true, "X-Original-Url": true, "X-Rewrite-Url": true,
	"X-Http-Method": true, "X-Http-Method-Override": true, "X-Method-Override": true,
}

// forward tells an upstream where a request comes from, and of which trace it is.
func forward(in, out *http.Request) {
	v := visitOf(in.Context())
	v.tellOrigin(out.Header)
	traced(v, out.Header)
}

// forwarding gives a handler of this process the headers that an upstream would get.
func forwarding(next http.Handler, rt *route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visitOf(r.Context()).tellOrigin(r.Header)
		rt.headers.Request.apply(r.Header)
		next.ServeHTTP(w, r)
	})
}

// replaceClaims writes what is known of the client in place of what it says of itself, so that
// neither routes nor layers nor upstreams take its word.
func (v *visit) replaceClaims(h http.Header) {
	for name := range h {
		if isForwarded(name) {
			delete(h, name)
		}
	}
	c := &v.client
	v.told = [3]string{join(c.via, c.peer.String()), c.host, c.proto}
	v.tellOrigin(h)
}

// tellOrigin tells it again where a layer has left it out, as a cache does.
func (v *visit) tellOrigin(h http.Header) {
	h["X-Forwarded-For"] = v.told[0:1:1]
	h["X-Forwarded-Host"] = v.told[1:2:2]
	h["X-Forwarded-Proto"] = v.told[2:3:3]
}

// traced passes the ids of a span on, which the gateway has where Instrument or telemetry's Web is
// around it. Without, those of the client pass.
func traced(ctx context.Context, h http.Header) {
	if trace.SpanContextFromContext(ctx).IsValid() {
		delete(h, "Tracestate")
		propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(h))
	}
	if id := telemetry.Correlation(ctx); id != "" {
		h["X-Correlation-Id"] = []string{id}
	}
}
