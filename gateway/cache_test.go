package gateway_test

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kerf-go/kerf/gateway"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/telemetry"
)

// counting is an upstream that tells all it was asked, and how often it was. The path's first part says
// what of its answers may be kept.
func counting(t *testing.T) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	n := new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		switch {
		case strings.HasPrefix(r.URL.Path, "/account"): // it takes any path below for itself
			h.Set("Set-Cookie", "seen=1")
		case strings.HasPrefix(r.URL.Path, "/quiet"):
		case strings.HasPrefix(r.URL.Path, "/mine"):
			h.Set("Cache-Control", "private, max-age=60")
		case strings.HasPrefix(r.URL.Path, "/unkept"):
			h.Set("Cache-Control", "no-store, max-age=60")
		case strings.HasPrefix(r.URL.Path, "/shared"):
			h.Set("Cache-Control", "public, max-age=60")
		default:
			h.Set("Cache-Control", "max-age=60")
		}
		h.Set("Content-Type", "text/plain")
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %s %s %s", n.Add(1), r.Method, r.Host, r.RequestURI)
		if len(body) > 0 {
			fmt.Fprintf(w, " with %s", body)
		}
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			if name != "User-Agent" && name != "X-Forwarded-For" && name != "Accept-Encoding" {
				fmt.Fprintf(w, " %s=%s", name, r.Header[name])
			}
		}
		if r.URL.Query().Has("long") {
			_, _ = io.WriteString(w, strings.Repeat(" and more", 1000))
		}
	}))
	t.Cleanup(s.Close)
	return s, n
}

const cached = `
upstreams: {up: {urls: ["{up}"]}}
routes:
  - {match: {path: /plain/**}, proxy: up}
  - {match: {path: /dropped/**}, proxy: up, cache: {cookies: drop}}
  - {match: {path: /**, headers: {x-beta: "yes"}}, proxy: up, rewrite: /beta, cache: {}}
  - match: {path: /**}
    proxy: up
    cache: {}
    compress: {}
    paths: {encoded_slash: true, empty_segment: true}
`

// TestOneClientCannotChangeWhatOthersGet sends what an attacker might, and then what anybody does.
func TestOneClientCannotChangeWhatOthersGet(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		attack  []string // the request line, and headers
		request string
	}{
		"by a forwarded host": {[]string{"GET /x", "X-Forwarded-Host: evil.example"}, "GET /x"},
		"by a forwarded scheme": {
			[]string{"GET /x", "X-Forwarded-Proto: evil", "X-Forwarded-Scheme: nothttps"}, "GET /x",
		},
		"by a URL in a header": {
			[]string{"GET /x", "X-Original-Url: /evil", "X-Rewrite-Url: /evil"}, "GET /x",
		},
		"by a method in a header": {
			[]string{"GET /x", "X-Http-Method-Override: EVIL", "X-Method-Override: EVIL", "X-Http-Method: EVIL"},
			"GET /x",
		},
		"by any header of its own": {
			[]string{"GET /x", "X-Evil: evil", "Evil: evil", "Client-Ip: evil", "X-Auth-Evil: evil"}, "GET /x",
		},
		"by a claim of who it is":       {[]string{"GET /x", "X-Auth-Subject: evil"}, "GET /x"},
		"by a header of the connection": {[]string{"GET /x", "Connection: Accept, X-Evil", "X-Evil: evil"}, "GET /x"},
		"by another path":               {[]string{"GET /x%2fevil"}, "GET /x/evil"},
		"by a path encoded twice":       {[]string{"GET /evil/%2578"}, "GET /evil/%78"},
		"by an empty segment":           {[]string{"GET //x?evil"}, "GET /x?evil"},
		"by a parameter":                {[]string{"GET /x?utm_content=evil"}, "GET /x"},
		"by a parameter with semicolon": {[]string{"GET /x?a=1;b=evil"}, "GET /x?a=1"},
		"by another host":               {[]string{"GET /x", "Host: evil.example"}, "GET /x"},
		"by another port":               {[]string{"GET /x", "Host: shop.example:1337"}, "GET /x"},
		"by a body":                     {[]string{"GET /x", "body: evil"}, "GET /x"},
		"by a cookie":                   {[]string{"GET /x", "Cookie: evil=1"}, "GET /x"},
		"by a cookie that is dropped":   {[]string{"GET /dropped/x", "Cookie: evil=1"}, "GET /dropped/x"},
		"by another method":             {[]string{"POST /x", "X-Evil: evil"}, "GET /x"},
		"by a route of other headers":   {[]string{"GET /x", "X-Beta: yes"}, "GET /x"},
		"by an error":                   {[]string{"GET /x", "Range: bytes=9-1"}, "GET /x"},
		"by an unusual length":          {[]string{"GET /x?" + strings.Repeat("evil", 3000)}, "GET /x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up, _ := counting(t)
			b := setup(t, cached, map[string]*httptest.Server{"up": up})
			b.attack(t, test.attack)
			fresh := setup(t, cached, map[string]*httptest.Server{"up": up})
			victim := []string{"Host: shop.example"}
			got, want := b.do(t, test.request, victim...), fresh.do(t, test.request, victim...)
			_, gotRest, _ := strings.Cut(got.body, " ")
			_, wantRest, _ := strings.Cut(want.body, " ")
			if gotRest != wantRest || got.StatusCode != want.StatusCode {
				t.Errorf("%s\n%d %q, not\n%d %q", got.Header.Get("Cache-Status"),
					got.StatusCode, got.body, want.StatusCode, want.body)
			}
			if again := b.do(t, test.request, victim...); again.body != got.body {
				t.Errorf("it is not kept: %q, %q", got.body, again.body)
			}
		})
	}
}

// attack sends a request as it stands, over a connection of its own.
func (b *bundle) attack(t *testing.T, lines []string) (answer string) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head, body := lines[0]+" HTTP/1.1\r\nConnection: close\r\n", ""
	if !strings.Contains(strings.Join(lines, "\n"), "\nHost: ") {
		head += "Host: shop.example\r\n"
	}
	lines = slices.Clone(lines)
	for i, line := range lines[1:] {
		if text, ok := strings.CutPrefix(line, "body: "); ok {
			body = text
			line = fmt.Sprintf("Content-Length: %d", len(text))
		}
		lines[i+1] = line
	}
	head += strings.Join(lines[1:], "\r\n") + "\r\n"
	if _, err := io.WriteString(conn, strings.TrimSuffix(head, "\r\n")+"\r\n\r\n"+body); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOneClientDoesNotGetWhatIsAnothers lets somebody who is known fetch what an attacker then asks for.
func TestOneClientDoesNotGetWhatIsAnothers(t *testing.T) {
	t.Parallel()
	up, _ := counting(t)
	b := setup(t, cached, map[string]*httptest.Server{"up": up})
	for name, test := range map[string]struct{ path, header string }{
		"a page below a name that looks like a style":  {"/account/x.css", "Cookie: session=1"},
		"the same with a parameter in the path":        {"/account;x.css", "Cookie: session=1"},
		"the same with an encoded end":                 {"/account%3f.css", "Cookie: session=1"},
		"an answer that says nothing":                  {"/quiet/a", "Cookie: session=1"},
		"an answer to Authorization that says nothing": {"/quiet/b", "Authorization: Bearer 1"},
		"an answer with an age, for a cookie":          {"/aged/a", "Cookie: session=1"},
		"an answer with an age, for Authorization":     {"/aged/b", "Authorization: Bearer 1"},
		"a private answer":                             {"/mine/a", "Accept: x"},
		"an answer that is not to be kept":             {"/unkept/a", "Accept: x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b.do(t, "GET "+test.path, test.header)
			got := b.do(t, "GET "+test.path)
			all := got.body + got.Header.Get("Cache-Status")
			if strings.Contains(all, strings.Split(test.header, ": ")[0]) || strings.Contains(all, "hit") {
				t.Errorf("%s: %q", got.Header.Get("Cache-Status"), got.body)
			}
		})
	}
	t.Run("what all may have, all get", func(t *testing.T) {
		t.Parallel()
		b.do(t, "GET /shared/x", "Authorization: Bearer 1")
		if got := b.do(t, "GET /shared/x").Header.Get("Cache-Status"); !strings.Contains(got, "hit") {
			t.Error(got)
		}
	})
}

// standing is an upstream that answers by the headers, given as "Name: value" or ":status 404", that a
// path stands for, and by a status where it is asked for less than all.
func standing(t *testing.T, answers map[string][]string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code := http.StatusOK
		for _, h := range answers[r.URL.Path] {
			name, value, _ := strings.Cut(h, ": ")
			if number, ok := strings.CutPrefix(h, ":status "); ok {
				code, _ = strconv.Atoi(number)
				continue
			}
			w.Header().Set(name, value)
		}
		if r.Header.Get("If-None-Match") != "" {
			code = http.StatusNotModified
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "whole"+strings.Repeat(" and more", len(r.URL.RawQuery)*100)) // HEAD has none
	}))
	t.Cleanup(s.Close)
	return s
}

// TestWhoGetsWhatWasKeptForAnother lets one client ask, and then another.
func TestWhoGetsWhatWasKeptForAnother(t *testing.T) {
	t.Parallel()
	const minute, public, kept, asked = "Cache-Control: max-age=60", "Cache-Control: public, max-age=60", true, false
	tests := map[string]struct {
		answer      []string
		first, then []string // method, query, and headers
		want        bool
	}{
		"what all may have":      {[]string{minute}, nil, nil, kept},
		"what says nothing":      {nil, nil, nil, kept}, // as the route has it
		"an error that does not": {[]string{":status 404"}, nil, nil, asked},
		"a failure":              {[]string{":status 500"}, nil, nil, asked},
		"a part":                 {[]string{public, ":status 206"}, nil, nil, asked},
		"a body that is short":   {[]string{public, "Content-Length: 10"}, nil, nil, asked},
		"a large body":           {[]string{public}, []string{"GET", "?x"}, []string{"GET", "?x"}, asked},
		"a large body in chunks": {[]string{public}, []string{"GET", "?xxx"}, []string{"GET", "?xxx"}, asked},
		"a cookie":               {[]string{public, "Set-Cookie: a=b"}, nil, nil, asked},
		"what depends on all":    {[]string{public, "Vary: *"}, nil, nil, asked},
		"another language": {
			[]string{public, "Vary: Accept-Language"}, nil, []string{"GET", "", "Accept-Language: de"}, asked,
		},
		"what depends on the client": {[]string{public, "Vary: X-Forwarded-For"}, nil, nil, asked},
		"what a page may read": {
			[]string{public, "Access-Control-Allow-Origin: https://a.example"},
			[]string{"GET", "", "Origin: https://a.example"},
			[]string{"GET", "", "Origin: https://b.example"},
			asked,
		},
		"another host, as a proxy says": {
			[]string{public}, []string{"GET", "", "X-Forwarded-Host: evil.example"}, nil, asked,
		},
		"another scheme, as a proxy says": {
			[]string{public}, []string{"GET", "", "X-Forwarded-Proto: https"}, nil, asked,
		},
		"a stranger's, for one with a cookie": {[]string{minute}, nil, []string{"GET", "", "Cookie: a=b"}, asked},
		"a stranger's, for one with a key":    {[]string{minute}, nil, []string{"GET", "", "Authorization: x"}, asked},
		"a known one's": {
			[]string{minute}, []string{"GET", "", "X-Api-Key: one"}, []string{"GET", "", "X-Api-Key: two"}, asked,
		},
		"a known one's that all may have": {
			[]string{public}, []string{"GET", "", "X-Api-Key: one"}, []string{"GET", "", "X-Api-Key: two"}, kept,
		},
		"a head without a body":   {[]string{public}, []string{"HEAD", ""}, nil, asked},
		"a head without a length": {[]string{public}, []string{"HEAD", "?xxx"}, []string{"GET", "?xxx"}, asked},
		"a body for a head":       {[]string{public}, nil, []string{"HEAD", ""}, kept},
		"a part of a body":        {[]string{public}, nil, []string{"GET", "", "Range: bytes=0-0"}, kept},
		"another method's":        {[]string{public}, []string{"OPTIONS", ""}, nil, asked},
		"one's who has it already": {
			[]string{public, `ETag: "a"`}, []string{"GET", "", `If-None-Match: "a"`}, nil, kept,
		},
		"what was not to be kept": {[]string{public}, []string{"GET", "", "Cache-Control: no-store"}, nil, asked},
		"with a quotation that ends nowhere": {
			[]string{`Cache-Control: public, max-age=60, x="`}, nil, nil, asked,
		},
	}
	answers := make(map[string][]string)
	for name, test := range tests {
		answers["/"+strings.ReplaceAll(name, " ", "-")] = test.answer
		answers["/known/"+strings.ReplaceAll(name, " ", "-")] = test.answer
	}
	b := setup(t, `
trusted: [127.0.0.0/8]
cache: {size: 1MiB, body: 512B}
auth: {key: {keys: {list: [{name: one, sha256: "`+hashOf("one")+`"}, {name: two, sha256: "`+hashOf("two")+`"}]}}}
upstreams: {up: {urls: ["{up}"]}}
routes:
  - {match: {path: /known/**}, proxy: up, cache: {}, auth: [key]}
  - {match: {path: /**}, proxy: up, cache: {ttl: 1m}}
`, map[string]*httptest.Server{"up": standing(t, answers)})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := "/" + strings.ReplaceAll(name, " ", "-")
			if strings.HasPrefix(name, "a known one's") {
				path = "/known" + path
			}
			if test.first == nil {
				test.first = []string{"GET", ""}
			}
			if test.then == nil {
				test.then = []string{"GET", ""}
			}
			b.attack(t, append([]string{test.first[0] + " " + path + test.first[1]}, test.first[2:]...))
			lines := append([]string{test.then[0] + " " + path + test.then[1]}, test.then[2:]...)
			got := b.attack(t, lines)
			head, body, _ := strings.Cut(got, "\r\n\r\n")
			if strings.Contains(head, "Cache-Status: kerf; hit") != test.want {
				t.Errorf("%s", got)
			}
			if test.then[0] == http.MethodHead && body != "" {
				t.Errorf("a head has a body: %.20q", body)
			}
		})
	}
}

func TestCompressedAnswersAreKeptOnce(t *testing.T) {
	t.Parallel()
	up, n := counting(t)
	b := setup(t, cached, map[string]*httptest.Server{"up": up})
	for i, test := range []struct{ accept, coding, status string }{
		{"gzip", "gzip", "kerf; fwd=uri-miss; stored"},
		{"gzip;q=0.9, foo", "gzip", "kerf; hit; ttl=60"},
		{"gzip, br, zstd", "zstd", "kerf; fwd=vary-miss; stored"},
		{"zstd;q=0.8,br;q=0.8 , gzip;q=0.8", "zstd", "kerf; hit; ttl=60"},
		{"identity", "", "kerf; fwd=vary-miss; stored"},
	} {
		got := b.do(t, "GET /x?long", "Accept-Encoding: "+test.accept)
		status := strings.Replace(got.Header.Get("Cache-Status"), "ttl=59", "ttl=60", 1)
		if got.Header.Get("Content-Encoding") != test.coding || status != test.status {
			t.Errorf("%d: %v", i, got.Header)
		}
	}
	if n.Load() != 3 {
		t.Errorf("asked %d times", n.Load())
	}
}

func TestWhatIsKeptStaysOverReloads(t *testing.T) {
	t.Parallel()
	up, n := counting(t)
	upstreams := map[string]*httptest.Server{"up": up}
	b := setup(t, cached, upstreams)
	b.do(t, "GET /x")
	b.change(t, strings.Replace(cached, "/plain/", "/other/", 1), upstreams)
	if b.do(t, "GET /x"); n.Load() != 1 {
		t.Error("a change elsewhere has lost it")
	}
	other, asked := counting(t)
	moved := map[string]*httptest.Server{"up": other}
	b.change(t, cached, moved)
	if b.do(t, "GET /x"); n.Load() != 1 || asked.Load() != 0 {
		t.Error("another server of the upstream has lost it")
	}
	if n, err := b.Purge("", "/x", false); n != 1 || err != nil {
		t.Errorf("%d answers are purged, %v", n, err)
	}
	if b.do(t, "GET /x"); asked.Load() != 1 {
		t.Error("what is purged is still there")
	}
	b.change(t, strings.ReplaceAll(cached, "proxy: up\n", "proxy: up\n    rewrite: /elsewhere\n"), upstreams)
	if got := b.do(t, "GET /x"); n.Load() != 2 || !strings.Contains(got.body, "/elsewhere") {
		t.Errorf("a change of the route has not: %q", got.body)
	}
	b.change(t, cached+"cache: {size: 1MiB}\n", upstreams)
	if b.do(t, "GET /x"); n.Load() != 3 {
		t.Error("a change of the store has not")
	}
}

func (b *bundle) change(t *testing.T, config string, upstreams map[string]*httptest.Server) {
	t.Helper()
	b.write(t, config, upstreams)
	text, err := os.ReadFile(b.file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := plan.ReadDocument(b.file, text)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Reload(d); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherRouteTellsWhatChanges(t *testing.T) {
	t.Parallel()
	up, n := counting(t)
	b := setup(t, `
upstreams: {up: {urls: ["{up}"]}}
routes:
  - {match: {path: /**, methods: [GET]}, proxy: up, cache: {}}
  - {match: {path: /**}, proxy: up}
`, map[string]*httptest.Server{"up": up})
	b.do(t, "GET /x")
	if status := b.do(t, "PUT /x").Header["Cache-Status"]; status != nil {
		t.Errorf("a route without a cache says of one: %s", status)
	}
	if b.do(t, "GET /x"); n.Load() != 3 {
		t.Errorf("asked %d times", n.Load())
	}
}

func TestMistakesOfCachesAreToldAtTheirPlaces(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		"admin: 0.0.0.0:1":                                    `1:8: admin cannot be at "0.0.0.0:1"`,
		"admin: localhost:1":                                  "write a loopback address",
		"cache: {size: 12 parsecs}":                           `1:15: "12 parsecs" is no size`,
		"cache: {size: -1MiB}":                                "is no size",
		"cache: {size: 5x}\nroutes: [{answer: {}}]":           `1:15: "5x" is no size`,
		"cache: {body: 5x}\nroutes: [{answer: {}}]":           `1:15: "5x" is no size`,
		"routes: [{answer: {}, cache: {cookies: eat}}]":       `1:40: cookies cannot be "eat"`,
		"routes: [{answer: {}, compress: {codings: [lzma]}}]": `"lzma" is no coding`,
		"routes: [{answer: {}, compress: {types: [all]}}]":    `"all" is no type`,
	} {
		if !strings.Contains(config, "routes") {
			config += "\nroutes: [{answer: {}, cache: {}}]"
		}
		file := filepath.Join(t.TempDir(), "gateway.yaml")
		if err := os.WriteFile(file, []byte(config+"\nlog: off\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		g, err := gateway.Open(file, gateway.Options{})
		if err == nil {
			_ = g.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", config, err)
		}
	}
}

// Each of two clients has what the gateway says to it, though they get one answer.
func TestAnAnswerFromTheCacheSaysNothingOfTheClientBefore(t *testing.T) {
	t.Parallel()
	tel, err := telemetry.New(t.Context(), telemetry.Options{LogOutput: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Set("X-Correlation-ID", r.Header.Get("X-Correlation-ID"))
		io.WriteString(w, "for all")
	}))
	defer up.Close()
	d, err := plan.ReadDocument("g.yaml", fmt.Appendf(nil, `
log: off
trusted: [127.0.0.0/8]
upstreams: {one: {urls: [%q]}}
rates: {r: {requests: 10, per: 10s}}
routes:
  - proxy: one
    cache: {}
    rate: [r]
    cors: {origins: ["https://a.example", "https://b.example"], credentials: true}
`, up.URL))
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(d, gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	server := httptest.NewServer(tel.Web(g))
	defer server.Close()
	b := &bundle{url: server.URL}
	for i, test := range []struct{ from, origin, id, remaining string }{
		{"192.0.2.1", "https://a.example", "first", "9"},
		{"192.0.2.1", "https://a.example", "second", "8"},
		{"192.0.2.2", "https://b.example", "third", "9"},
		{"192.0.2.3", "https://evil.example", "fourth", "9"},
	} {
		got := b.do(t, "GET /", "X-Forwarded-For: "+test.from, "Origin: "+test.origin, "X-Correlation-Id: "+test.id)
		origins := []string{test.origin}
		if strings.Contains(test.origin, "evil") {
			origins = nil
		}
		for name, want := range map[string][]string{
			"Access-Control-Allow-Origin": origins, "X-Correlation-Id": {test.id}, "Vary": {"Origin"},
			"Ratelimit-Policy": {`"r";q=10;w=10`},
		} {
			if !slices.Equal(got.Header[name], want) {
				t.Errorf("request %d: %s is %q, not %q", i+1, name, got.Header[name], want)
			}
		}
		if r := got.Header["Ratelimit"]; len(r) != 1 || !strings.HasPrefix(r[0], `"r";r=`+test.remaining+";") {
			t.Errorf("request %d: %q remain, not %s", i+1, r, test.remaining)
		}
		if hit := strings.Contains(got.Header.Get("Cache-Status"), "hit"); hit != (i > 0) || got.body != "for all" {
			t.Errorf("request %d: %s %q", i+1, got.Header.Get("Cache-Status"), got.body)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("the upstream was asked %d times", asked.Load())
	}
}
