package httplink

import (
	"net/http"
	"net/textproto"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/link"
)

// escape is put before metadata keys that HTTP or the Connect protocol would take
// for their own, and taken off on the other side.
const escape = "kerf-md-"

var owned = map[string]bool{
	"accept-encoding": true, "connection": true, "content-encoding": true, "content-length": true,
	"date": true, "expect": true, "host": true, "keep-alive": true, "proxy-connection": true,
	"te": true, "trailer": true, "transfer-encoding": true, "upgrade": true, "content-type": true,
	"user-agent": true,
}

func isOwned(key string) bool {
	return owned[key] || strings.HasPrefix(key, "trailer-") || strings.HasPrefix(key, "connect-") ||
		strings.HasPrefix(key, "grpc-") || strings.HasPrefix(key, "kerf-")
}

// endHeader tells that an answer is no more than the end of its call: HTTP has
// headers even then, and a call has none.
const endHeader = "Kerf-End"

// addMetadata writes metadata as HTTP headers; binary values in base64.
func addMetadata(h http.Header, md metadata.MD) {
	for key, values := range md {
		name := key
		if isOwned(key) && !passes[key] {
			name = escape + key
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		for _, value := range values {
			if strings.HasSuffix(key, "-bin") {
				value = connect.EncodeBinaryHeader([]byte(value))
			}
			h[name] = append(h[name], value)
		}
	}
}

// passes are keys that begin like a protocol's own and are metadata, which others read too:
// pushback tells callers of any kind how long to wait.
var passes = map[string]bool{"kerf-caller": true, link.PushbackKey: true}

// readMetadata makes metadata of what the other side's addMetadata wrote; a
// header that is the protocol's own is left out.
func readMetadata(h http.Header) metadata.MD {
	md := make(metadata.MD, len(h))
	for name, values := range h {
		key := strings.ToLower(name)
		if escaped, ok := strings.CutPrefix(key, escape); ok {
			key = escaped
		} else if isOwned(key) && !passes[key] {
			continue
		}
		for _, value := range values {
			if strings.HasSuffix(key, "-bin") {
				b, err := connect.DecodeBinaryHeader(value)
				if err != nil {
					continue // what nobody can read is not worth failing the call
				}
				value = string(b)
			}
			md[key] = append(md[key], value)
		}
	}
	return md
}

const trailerPrefix = "Trailer-"

// splitTrailer parts the headers of a unary answer, where the Connect protocol
// sends trailers with a prefix.
func splitTrailer(h http.Header) (header, trailer metadata.MD) {
	headers, trailers := make(http.Header, len(h)), make(http.Header)
	for name, values := range h {
		if bare, ok := strings.CutPrefix(name, trailerPrefix); ok {
			trailers[bare] = values
		} else {
			headers[name] = values
		}
	}
	return readMetadata(headers), readMetadata(trailers)
}
