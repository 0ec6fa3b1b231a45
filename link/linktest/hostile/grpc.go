package hostile

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// Envelope is a message as gRPC and Connect have it.
func Envelope(flags byte, message string) string {
	return string(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(message)))) + message
}

// Bomb is a message of 200 MiB, which take a thousandth on the way.
func Bomb() string {
	var part bytes.Buffer
	z := gzip.NewWriter(&part)
	_, err := z.Write(make([]byte, 1<<20))
	if err = errors.Join(err, z.Close()); err != nil {
		return err.Error() // a buffer takes all
	}
	return strings.Repeat(part.String(), 200) // gzip goes on after its end
}

// A request is one of a client of gRPC.
type request struct {
	header string // instead of what is right, or with it: "Key: value"
	body   string
	want   []codes.Code // servers do not agree
	unary  bool         // for a stream it is no mistake
}

func requests() map[string]request {
	const good = "\x00\x00\x00\x00\x03\x0a\x01x"
	internal, invalid := []codes.Code{codes.Internal}, []codes.Code{codes.Internal, codes.InvalidArgument}
	unimplemented, exhausted := []codes.Code{codes.Unimplemented}, []codes.Code{codes.ResourceExhausted}
	notOne := []codes.Code{codes.Internal, codes.Unimplemented}
	const encoding, gzipped = "Grpc-Encoding: nope", "Grpc-Encoding: gzip"
	return map[string]request{
		"no content type":                       {header: "Content-Type: ", body: good, want: invalid},
		"another content type":                  {header: "Content-Type: text/html", body: good, want: invalid},
		"a content type that begins right":      {header: "Content-Type: application/grpcx", body: good, want: invalid},
		"a timeout that is no number":           {header: "Grpc-Timeout: soon", body: good, want: invalid},
		"a timeout too long to say":             {header: "Grpc-Timeout: 9999999999H", body: good, want: invalid},
		"a compression that nobody knows":       {header: encoding, body: Envelope(1, "x"), want: unimplemented},
		"a compressed message uncompressed":     {header: gzipped, body: Envelope(1, "x"), want: invalid},
		"a compressed message of no encoding":   {body: Envelope(1, "\x0a\x01x"), want: internal},
		"a flag that nobody knows":              {body: Envelope(2, "\x0a\x01x"), want: internal},
		"a flag of another protocol":            {body: Envelope(128, "\x0a\x01x"), want: internal},
		"a message that is no protobuf":         {body: Envelope(0, "\xff\xff"), want: internal},
		"a message cut in the middle":           {body: good[:6], want: internal},
		"a length cut in the middle":            {body: good[:3], want: internal},
		"a length above the limit":              {body: "\x00\x00\x40\x00\x01", want: exhausted},
		"a length far above the limit":          {body: "\x00\xff\xff\xff\xff", want: exhausted},
		"a message above the limit":             {body: Envelope(0, strings.Repeat("x", 5<<20)), want: exhausted},
		"a message that unpacks over the limit": {header: gzipped, body: Envelope(1, Bomb()), want: exhausted},
		"no message":                            {want: notOne, unary: true},
		"two messages":                          {body: good + good, want: notOne, unary: true},
	}
}

// GRPC makes calls of gRPC that no client makes, at http://host:port. Each must end with
// a status, and take no memory that the caller has only promised. Nothing may run beside it.
func GRPC(t *testing.T, url string, well func(*testing.T)) {
	t.Helper()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	t.Cleanup(transport.CloseIdleConnections)
	for name, r := range requests() {
		t.Run(name, func(t *testing.T) {
			methods := []string{pb.Exercise_Unary_FullMethodName, pb.Exercise_Chat_FullMethodName}
			if r.unary {
				methods = methods[:1]
			}
			for _, method := range methods {
				Cheap(t, func() {
					if got := r.call(t, transport, url+method); !slices.Contains(r.want, got) {
						t.Errorf("%s ends with %s", method, got)
					}
				})
			}
			well(t)
		})
	}
}

func (r request) call(t *testing.T, transport http.RoundTripper, url string) codes.Code {
	t.Helper()
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	post.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
	if key, value, ok := strings.Cut(r.header, ": "); ok {
		post.Header.Set(key, value)
	}
	response, err := transport.RoundTrip(post)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	for _, h := range []http.Header{response.Header, response.Trailer} {
		if code, err := strconv.ParseUint(h.Get("Grpc-Status"), 10, 32); err == nil {
			return codes.Code(code)
		}
	}
	if response.StatusCode == http.StatusUnsupportedMediaType {
		return codes.InvalidArgument
	}
	return codes.OK // or nothing that a client of gRPC would understand
}
