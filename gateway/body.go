package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/transcode"
)

// defaultHeld is how many bytes of a body are read to look at them.
const defaultHeld = 1 << 20

// readBody gives a request's whole body, and a request that has it again.
func readBody(r *http.Request, most int) (body []byte, again *http.Request, err error) {
	if r.ContentLength <= int64(most) {
		body, err = io.ReadAll(io.LimitReader(r.Body, int64(most)+1))
	}
	var over *http.MaxBytesError
	switch {
	case r.ContentLength > int64(most), len(body) > most, errors.As(err, &over):
		return nil, nil, transcode.Refusal(status.Newf(codes.ResourceExhausted,
			"the body is larger than the %d bytes that are taken here", most), http.StatusRequestEntityTooLarge)
	case err != nil:
		return nil, nil, status.Errorf(codes.Canceled, "read the body: %v", err)
	}
	return body, withBody(r, body), nil
}

// withBody gives a request another body.
func withBody(r *http.Request, body []byte) *http.Request {
	r = r.WithContext(r.Context())
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	if len(body) == 0 {
		r.Body = http.NoBody
	}
	return r
}

// mediaType is that of a body; "": it has none, or more than one.
func mediaType(h http.Header) (kind string, params map[string]string) {
	if lines := h["Content-Type"]; len(lines) == 1 {
		var err error
		if kind, params, err = mime.ParseMediaType(lines[0]); err == nil {
			return kind, params
		}
	}
	return "", nil
}

// isJSON tells of headers of a body that is JSON in UTF-8, and not compressed.
func isJSON(h http.Header) bool {
	kind, params := mediaType(h)
	charset := params["charset"]
	return (kind == "application/json" || strings.HasSuffix(kind, "+json")) &&
		(charset == "" || strings.EqualFold(charset, "utf-8")) && isUncompressed(h)
}

// isLikeJSON tells of headers that say in any way that a body is JSON, be it one that isJSON or not.
func isLikeJSON(h http.Header) bool {
	return slices.ContainsFunc(h["Content-Type"], func(line string) bool {
		kind, _, _ := strings.Cut(line, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
		return strings.HasSuffix(kind, "/json") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "-json")
	})
}

// isUncompressed tells of a body that is not compressed.
func isUncompressed(h http.Header) bool {
	return !slices.ContainsFunc(tokens(h["Content-Encoding"]), func(coding string) bool {
		return coding != "" && coding != "Identity"
	})
}

// wholeOnly gives a request whose answer is neither compressed nor a part, so that it
// can be looked at.
func wholeOnly(r *http.Request) *http.Request {
	r = r.WithContext(r.Context())
	r.Header = r.Header.Clone()
	for _, name := range []string{"Accept-Encoding", "Range", "If-Range"} {
		r.Header.Del(name)
	}
	return r
}

// notTaken refuses a body of another type.
func notTaken(h http.Header, takes string) error {
	what := fmt.Sprintf("a body of type %.100q", h.Get("Content-Type"))
	if !isUncompressed(h) {
		what = "a compressed body"
	}
	return transcode.Refusal(status.Newf(codes.InvalidArgument, "%s is not taken here: send %s", what, takes),
		http.StatusUnsupportedMediaType)
}
