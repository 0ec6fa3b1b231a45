package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// FuzzFraming compares what is let pass with what net/http reads of it: as many requests,
// with the same ends. net/http may refuse one for a URL that it cannot parse: then it reads
// no more.
func FuzzFraming(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n" +
			"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhiGET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"2;a=b\r\nhi\r\n0\r\nX: 1\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET http://x/ HTTP/1.1\r\nHost: X\r\n\r\n" +
			"OPTIONS * HTTP/1.1\r\nhost:x\r\n\r\nCONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n X: 1\r\n\r\n",
	} {
		f.Add([]byte(seed), uint8(1))
		f.Add([]byte(seed), uint8(200))
	}
	f.Fuzz(func(t *testing.T, input []byte, piece uint8) {
		passed, ends := pass(t, input, max(1, int(piece)))
		read, err := readByNetHTTP(input[:passed])
		if len(read) > len(ends) || !slices.Equal(read, ends[:len(read)]) {
			t.Fatalf("net/http reads requests that end at %d, and not at %d: %q", read, ends, input[:passed])
		}
		var bad *url.Error
		if len(read) < len(ends) && !errors.As(err, &bad) {
			t.Fatalf("net/http refuses a request: %v: %q", err, input[:passed])
		}
	})
}

// pass tells how many bytes are let pass, and where the requests in them end. In pieces of
// any size they are the same.
func pass(t *testing.T, input []byte, piece int) (passed int, ends []int) {
	t.Helper()
	var whole, pieces framing
	for ; passed < len(input); passed++ {
		n, err := whole.accept(input[passed : passed+1])
		if err != nil || n == 0 {
			break
		}
		if whole.between() {
			ends = append(ends, passed+1)
		}
	}
	inPieces := 0
	for p := range slices.Chunk(input, piece) {
		n, err := pieces.accept(p)
		inPieces += n
		if err != nil {
			break
		}
	}
	// Of a line that is wrong nothing or a part has passed.
	if inPieces > passed || bytes.Count(input[:inPieces], []byte("\n")) != bytes.Count(input[:passed], []byte("\n")) {
		t.Fatalf("%d bytes pass one by one, and %d in pieces of %d: %q", passed, inPieces, piece, input)
	}
	return passed, ends
}

func readByNetHTTP(input []byte) (ends []int, err error) {
	source := bytes.NewReader(input)
	in := bufio.NewReader(source)
	for {
		r, err := http.ReadRequest(in)
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
		}
		if err != nil {
			return ends, err
		}
		ends = append(ends, len(input)-source.Len()-in.Buffered())
	}
}

func BenchmarkFraming(b *testing.B) {
	for name, request := range map[string]string{
		"get": "GET /v1/users/17?fields=name HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: bench\r\n" +
			"Authorization: Bearer 0123456789abcdef0123456789abcdef\r\nAccept: */*\r\n\r\n",
		"post": "POST /v1/users HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 4096\r\n\r\n" +
			string(make([]byte, 4096)),
	} {
		b.Run(name, func(b *testing.B) {
			var f framing
			text := []byte(request)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.accept(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
