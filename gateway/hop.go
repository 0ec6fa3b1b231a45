package gateway

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// checkRequest refuses what servers take in different ways, whatever version of HTTP it
// comes by, and takes off what is of the connection and not of the request. Nothing
// reads a request before.
func checkRequest(r *http.Request) error {
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		return status.Errorf(codes.Unimplemented, "%s is not taken here", r.Method)
	}
	if wrong := ambiguity(r); wrong != "" {
		return status.Error(codes.InvalidArgument, wrong.Error())
	}
	delete(r.Header, "Host") // it is that of r
	own := false
	for name := range r.Header {
		if strings.IndexByte(name, '_') >= 0 { // with CGI, X_User is X-User
			return status.Errorf(codes.InvalidArgument, "the header %q has an underscore", name)
		}
		own = own || slices.Contains(hopByHop, name)
	}
	if own {
		dropHopByHop(r)
	}
	r.Trailer = nil // some servers take them for headers
	return nil
}

// ambiguity is what of a request has more than one meaning; "": nothing has. Most of it framing has
// refused, but not where a request comes by HTTP/2.
func ambiguity(r *http.Request) violation {
	h := r.Header
	lengths := h["Content-Length"]
	switch {
	case r.RequestURI != "" && !isTarget(r.RequestURI),
		r.ProtoMajor > 1 && r.RequestURI != "*" && !strings.HasPrefix(r.RequestURI, "/"):
		return errTarget
	case r.Host != "" && !isHost(r.Host):
		return errHost
	case slices.ContainsFunc(h["Host"], func(host string) bool { return !strings.EqualFold(host, r.Host) }):
		return errAuthority
	case len(lengths) > 1:
		return errLength
	case len(h["Content-Type"]) > 1:
		return errType
	}
	if len(lengths) == 1 {
		if _, ok := number([]byte(lengths[0]), 10); !ok {
			return errLength
		}
	}
	return ""
}

// hopByHop are the headers of a connection (RFC 9110, 7.6.1), with those that were so once.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Http2-Settings",
}

// dropHopByHop takes off those headers and the ones that Connection names, so that no
// client makes us believe a header that the upstream then does not see, or takes off
// one that we have set. Of protocols to upgrade to only WebSocket is left: with h2c a
// client would talk to the upstream past all routes.
func dropHopByHop(r *http.Request) {
	h := r.Header
	named := tokens(h["Connection"])
	upgrades := slices.Contains(named, "Upgrade") && r.Method == http.MethodGet && r.ProtoAtLeast(1, 1) &&
		len(h["Upgrade"]) == 1 && strings.EqualFold(h["Upgrade"][0], "websocket")
	trailers := slices.Contains(tokens(h["Te"]), "Trailers")
	for _, name := range named {
		delete(h, name)
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
	if upgrades {
		h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	}
	if trailers {
		h["Te"] = []string{"trailers"}
	}
}

// tokens are those of a header that lists them, written as the names of headers.
func tokens(lines []string) []string {
	var all []string
	for _, line := range lines {
		for t := range strings.SplitSeq(line, ",") {
			all = append(all, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(t)))
		}
	}
	return all
}
