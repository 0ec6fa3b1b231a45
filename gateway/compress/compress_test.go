package compress_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/gateway/compress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var long = strings.Repeat("a long text, ", 1000)

// say answers with headers given as "Name: value" and a body.
func say(code int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Add(name, value)
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body) // fails where there must be none
	}
}

// do makes a request. The body is closed when the test ends.
func do(t *testing.T, o compress.Options, next http.Handler, method string, headers ...string) *http.Response {
	t.Helper()
	h, err := compress.New(o, next)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	response, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func decode(t *testing.T, response *http.Response) string {
	t.Helper()
	var body io.Reader = response.Body
	var err error
	switch response.Header.Get("Content-Encoding") {
	case "gzip":
		body, err = gzip.NewReader(body)
	case "zstd":
		var d *zstd.Decoder
		d, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		t.Cleanup(d.Close)
		body = d
	case "br":
		body = brotli.NewReader(body)
	}
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(whole)
}

func TestWhatIsCompressed(t *testing.T) {
	t.Parallel()
	length := fmt.Sprintf("Content-Length: %d", len(long))
	takeGzip := compress.Options{Codings: []string{"gzip"}}
	text, gzipped := "Content-Type: text/html; charset=utf-8", "Accept-Encoding: gzip"
	for name, test := range map[string]struct {
		options compress.Options
		request []string
		next    http.HandlerFunc
		want    string // Content-Encoding
		varies  bool
	}{
		"a text": {
			request: []string{gzipped}, next: say(200, long, text), want: "gzip", varies: true,
		},
		"a text of known length": {
			request: []string{gzipped}, next: say(200, long, text, length), want: "gzip", varies: true,
		},
		"an error, too": {
			request: []string{gzipped}, next: say(404, long, text, length), want: "gzip", varies: true,
		},
		"by what is preferred here": {
			request: []string{"Accept-Encoding: gzip, deflate, br, zstd"}, next: say(200, long, text), want: "zstd",
			varies: true,
		},
		"by what is preferred there": {
			request: []string{"Accept-Encoding: gzip;q=0.5, br;q=0.8, zstd;q=0.7"}, next: say(200, long, text),
			want: "br", varies: true,
		},
		"by what both have": {
			options: takeGzip, request: []string{"Accept-Encoding: zstd, gzip;q=0.1"}, next: say(200, long, text),
			want: "gzip", varies: true,
		},
		"several lines": {
			request: []string{"Accept-Encoding: x", "Accept-Encoding: br"}, next: say(200, long, text), want: "br",
			varies: true,
		},
		"anything": {
			request: []string{"Accept-Encoding: *"}, next: say(200, long, text), want: "zstd", varies: true,
		},
		"anything but": {
			request: []string{"Accept-Encoding: *, zstd;q=0"}, next: say(200, long, text), want: "br", varies: true,
		},
		"not what is refused": {
			request: []string{"Accept-Encoding: gzip;q=0"}, next: say(200, long, text), varies: true,
		},
		"not what is liked less than plain": {
			request: []string{"Accept-Encoding: gzip;q=0.5, identity"}, next: say(200, long, text), varies: true,
		},
		"not for a weight that is none": {
			request: []string{"Accept-Encoding: gzip;q=9"}, next: say(200, long, text), varies: true,
		},
		"not unasked": {next: say(200, long, text), varies: true},
		"not a small one": {
			request: []string{gzipped}, next: say(200, "x", text, "Content-Length: 1"),
		},
		"not a small one of unknown length": {request: []string{gzipped}, next: say(200, "x", text), varies: true},
		"a small one, if so asked": {
			options: compress.Options{Least: 1}, request: []string{gzipped}, next: say(200, "x", text), want: "gzip",
			varies: true,
		},
		"not a picture": {
			request: []string{gzipped}, next: say(200, long, "Content-Type: image/png"),
		},
		"a drawing": {
			request: []string{gzipped}, next: say(200, long, "Content-Type: image/svg+xml"), want: "gzip",
			varies: true,
		},
		"a picture, if so asked": {
			options: compress.Options{Types: []string{"image/*"}}, request: []string{gzipped},
			next: say(200, long, "Content-Type: image/bmp"), want: "gzip", varies: true,
		},
		"not what is so already": {
			request: []string{gzipped}, next: say(200, long, text, "Content-Encoding: x"), want: "x",
		},
		"not what must not be": {
			request: []string{gzipped}, next: say(200, long, text, "Cache-Control: max-age=1, No-Transform"),
		},
		"not a part": {
			request: []string{gzipped}, next: say(206, long, text, "Content-Range: bytes 0-1/9"),
		},
		"not if a part was asked for": {
			request: []string{gzipped, "Range: bytes=0-1"}, next: say(200, long, text),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := do(t, test.options, test.next, http.MethodGet, test.request...) //nolint:bodyclose // do does
			h := response.Header
			if got := h.Get("Content-Encoding"); got != test.want {
				t.Errorf("encoded as %q", got)
			}
			if got := h.Get("Vary") == "Accept-Encoding"; got != test.varies {
				t.Errorf("Vary is %q", h["Vary"])
			}
			if h.Get("Content-Encoding") != "" && test.want != "x" &&
				h.Get("Content-Length") == strconv.Itoa(len(long)) {
				t.Error("the length is that from before")
			}
			if got := decode(t, response); got != long && got != "x" {
				t.Errorf("%d bytes", len(got))
			}
		})
	}
}

func TestHeadersSayWhatIsCompressed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method  string
		request []string
		next    http.HandlerFunc
		etag    string
		vary    string
	}{
		"a tag is made weak": {
			"GET", nil, say(200, long, "Content-Type: text/x", `ETag: "1"`), `W/"1"`, "Accept-Encoding",
		},
		"a weak one stays": {
			"GET", nil, say(200, long, "Content-Type: text/x", `ETag: W/"1"`), `W/"1"`, "Accept-Encoding",
		},
		"Vary is added to": {
			"GET", nil, say(200, long, "Content-Type: text/x", "Vary: Origin"), "", "Origin|Accept-Encoding",
		},
		"Vary has it already": {
			"GET", nil, say(200, long, "Content-Type: text/x", "Vary: accept-encoding"), "", "accept-encoding",
		},
		"HEAD is told the same": {
			"HEAD", nil, say(200, "", "Content-Type: text/x", "Content-Length: 9999", `ETag: "1"`), `W/"1"`,
			"Accept-Encoding",
		},
		"what has not changed": {
			"GET", []string{`If-None-Match: W/"1"`}, say(304, "", `ETag: "1"`), `W/"1"`, "Accept-Encoding",
		},
		"and was never compressed": {"GET", []string{`If-None-Match: "1"`}, say(304, "", `ETag: "1"`), `"1"`, ""},
		"what is not compressed":   {"GET", nil, say(200, long, "Content-Type: image/png", `ETag: "1"`), `"1"`, ""},
		"digests of the plain are no": {
			"GET", nil, say(200, long, "Content-Type: text/x", "Content-Digest: x", "Digest: x"), "",
			"Accept-Encoding",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			headers := slices.Concat(test.request, []string{"Accept-Encoding: br"})
			response := do(t, compress.Options{}, test.next, test.method, headers...) //nolint:bodyclose // do does
			h := response.Header
			if h.Get("ETag") != test.etag || strings.Join(h["Vary"], "|") != test.vary ||
				h["Digest"] != nil || h["Content-Digest"] != nil {
				t.Errorf("%v", h)
			}
			if test.method == http.MethodHead && (h.Get("Content-Length") != "" || h.Get("Content-Encoding") != "br") {
				t.Errorf("%v", h)
			}
		})
	}
}

func TestEventsArriveInTime(t *testing.T) {
	t.Parallel()
	for _, coding := range []string{"zstd", "br", "gzip"} {
		t.Run(coding, func(t *testing.T) {
			t.Parallel()
			next := make(chan struct{})
			events := func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				for i := range 3 {
					fmt.Fprintf(w, "data: %d\n\n", i)
					_ = http.NewResponseController(w).Flush()
					<-next
				}
			}
			response := do(t, compress.Options{}, http.HandlerFunc(events), //nolint:bodyclose // do does
				http.MethodGet, "Accept-Encoding: "+coding)
			if got := response.Header.Get("Content-Encoding"); got != coding {
				t.Fatalf("encoded as %q", got)
			}
			body := reader(t, coding, response.Body)
			for i := range 3 {
				want := fmt.Sprintf("data: %d\n\n", i)
				got := make([]byte, len(want))
				if _, err := io.ReadFull(body, got); err != nil || string(got) != want {
					t.Fatalf("%q: %v", got, err)
				}
				next <- struct{}{}
			}
		})
	}
}

func reader(t *testing.T, coding string, r io.Reader) io.Reader {
	t.Helper()
	switch coding {
	case "br":
		return brotli.NewReader(r)
	case "zstd":
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		return d
	}
	d, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestWhatBreaksOffDoesNotLookWhole looks at HTTP/1.0's way, where only the encoding tells of the end.
func TestWhatBreaksOffDoesNotLookWhole(t *testing.T) {
	t.Parallel()
	for _, coding := range []string{"zstd", "br", "gzip"} {
		h, err := compress.New(compress.Options{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, long)
			panic(http.ErrAbortHandler) //nolint:forbidigo // as ReverseProxy does
		}))
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		func() {
			defer func() { _ = recover() }()
			r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", http.NoBody)
			r.Header.Set("Accept-Encoding", coding)
			h.ServeHTTP(w, r)
		}()
		if w.Header().Get("Content-Encoding") != coding {
			t.Fatalf("%v", w.Header())
		}
		if coding == "gzip" && w.Body.Len() == 0 {
			continue // nothing of it has left: that is no gzip either
		}
		if whole, err := io.ReadAll(reader(t, coding, bytes.NewReader(w.Body.Bytes()))); err == nil && len(whole) > 0 {
			t.Errorf("%s: %d bytes look whole", coding, len(whole))
		}
	}
}

func TestOptionsThatAreWrong(t *testing.T) {
	t.Parallel()
	for _, o := range []compress.Options{
		{Codings: []string{"deflate"}},
		{Types: []string{"text"}},
		{Types: []string{"*"}},
		{Types: []string{"*/*"}},
		{Types: []string{"*+"}},
	} {
		if _, err := compress.New(o, nil); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

func TestNormalForms(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{
		"": "", "identity": "", "gzip, deflate, br, zstd": "zstd, br, gzip", "GZIP;q=1.0": "gzip", "x-gzip": "gzip",
		"gzip;q=0.5,br;q=0.5": "br, gzip", "br;q=0.5, gzip": "gzip, br;q=0.9", "*": "zstd, br, gzip", "*;q=0, br": "br",
		"gzip;q=0.1, br;q=0.2, zstd;q=0.15": "br, zstd;q=0.9, gzip;q=0.8", "deflate": "", "gzip;q=x": "",
	} {
		got := compress.Normalise([]string{accept})
		if got != want {
			t.Errorf("%s is %q", accept, got)
		}
		if again := compress.Normalise([]string{got}); again != got {
			t.Errorf("%s is %q, and then %q", accept, got, again)
		}
	}
}

func BenchmarkNormalise(b *testing.B) {
	lines := []string{"gzip, deflate, br, zstd"}
	b.ReportAllocs()
	for b.Loop() {
		compress.Normalise(lines)
	}
}

// BenchmarkCompress compresses a page of 13 kB.
func BenchmarkCompress(b *testing.B) {
	for _, coding := range []string{"zstd", "br", "gzip"} {
		b.Run(coding, func(b *testing.B) {
			h, err := compress.New(compress.Options{}, say(http.StatusOK, long, "Content-Type: text/plain"))
			if err != nil {
				b.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.Header.Set("Accept-Encoding", coding)
			b.ReportAllocs()
			b.SetBytes(int64(len(long)))
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
