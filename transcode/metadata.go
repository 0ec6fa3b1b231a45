package transcode

import (
	"encoding/base64"
	"net/http"
	"net/textproto"
	"strings"

	"google.golang.org/grpc/metadata"
)

// owned are headers that belong to a connection, to HTTP or to a body: no metadata.
var owned = map[string]bool{
	"accept": true, "accept-charset": true, "accept-encoding": true, "connection": true, "date": true,
	"expect": true, "host": true, "keep-alive": true, "proxy-authenticate": true, "proxy-authorization": true,
	"proxy-connection": true, "te": true, "trailer": true, "transfer-encoding": true, "upgrade": true,
	"user-agent": true,
}

func isOwned(key string) bool {
	return owned[key] || strings.HasPrefix(key, "content-") || strings.HasPrefix(key, "grpc-") ||
		strings.HasPrefix(key, "connect-") || strings.HasPrefix(key, "kerf-")
}

// readMetadata makes a call's metadata of a request's headers. Of keys with -bin the
// values are base64; what gRPC cannot carry is left out.
func readMetadata(h http.Header) metadata.MD {
	md := make(metadata.MD, len(h))
	for name, values := range h {
		key := strings.ToLower(name)
		if isOwned(key) {
			continue
		}
		for _, value := range values {
			if strings.HasSuffix(key, "-bin") {
				b, err := parseBytes(value)
				if err != nil {
					continue
				}
				value = string(b)
			} else if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
				continue
			}
			md[key] = append(md[key], value)
		}
	}
	return md
}

// writeMetadata makes headers of what a handler has sent.
func writeMetadata(h http.Header, md metadata.MD) {
	for key, values := range md {
		if isOwned(key) {
			continue
		}
		name := textproto.CanonicalMIMEHeaderKey(key)
		for _, value := range values {
			if strings.HasSuffix(key, "-bin") {
				value = base64.RawStdEncoding.EncodeToString([]byte(value))
			}
			h[name] = append(h[name], value)
		}
	}
}
