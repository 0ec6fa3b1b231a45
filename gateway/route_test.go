package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheFirstRouteThatMatchesAnswers(t *testing.T) {
	t.Parallel()
	site := t.TempDir()
	for name, text := range map[string]string{
		"index.html": "start", "a.txt": "a", ".secret": "s", "sub/b.txt": "b", "with/index.html": "in",
	} {
		if err := os.MkdirAll(filepath.Join(site, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(site, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(site, "out.txt")); err != nil {
		t.Fatal(err)
	}
	b := setup(t, `
upstreams:
  one: {urls: ["{one}"]}
  two: {urls: ["{two}/base"], host: url}
routes:
  - match: {hosts: [admin.example], path: /**}
    proxy: one
  - match: {hosts: ["*.shop.example"]}
    answer: {body: "a shop"}
  - match: {path: "/v1/users/{id}", methods: [GET]}
    proxy: one
    rewrite: /people/{id}/profile
  - match: {path: "/v1/users/{id}", methods: [DELETE], headers: {x-really: "yes"}}
    answer: {code: 202, body: "gone", type: text/x}
  - match: {path: "/api/{rest=**}", query: {beta: "*"}}
    proxy: two
    rewrite: /next/{rest}
  - match: {path: "/within/{rest=**}"}
    proxy: one
    rewrite: /a/{rest}/c
  - match: {path: "/api/{rest=**}"}
    proxy: one
    rewrite: /{rest}
    headers:
      request: {remove: [x-gone], set: {x-set: "1"}}
      response: {remove: [x-secret], set: {x-frame-options: DENY}}
  - match: {path: "/old/{page=**}"}
    redirect: {to: "https://{host}/new/{page}{query}"}
  - match: {path: /moved/**}
    redirect: {to: "{path}", code: 301}
    paths: {empty_segment: true}
  - match: {path: "/files/{file=**}"}
    files: {root: `+site+`}
    rewrite: /{file}
  - match: {path: "/app/{file=**}"}
    files: {root: `+site+`, fallback: index.html}
    rewrite: /{file}
  - match: {path: /raw/**}
    proxy: one
    paths: {encoded_slash: true, empty_segment: true}
  - match: {path: /é/**}
    answer: {body: "accent"}
  - match: {path: /}
    answer: {body: "home"}
`, map[string]*httptest.Server{"one": echo(t, "one"), "two": echo(t, "two")})
	for name, test := range map[string]struct {
		request string
		headers []string
		code    int
		want    string
	}{
		"a host":                          {"GET /x?y=1", []string{"Host: admin.example"}, 200, "admin.example /x?y=1"},
		"a host with port and capitals":   {"GET /x", []string{"Host: ADMIN.example.:81"}, 200, "ADMIN.example.:81 /x"},
		"a host below another":            {"GET /", []string{"Host: a.b.shop.example"}, 200, "a shop"},
		"not the host above it":           {"GET /", []string{"Host: shop.example"}, 200, "home"},
		"a variable":                      {"GET /v1/users/7?x=1", nil, 200, "/people/7/profile?x=1"},
		"a variable keeps its code":       {"GET /v1/users/a%20b", nil, 200, "/people/a%20b/profile"},
		"HEAD is GET":                     {"HEAD /v1/users/7", nil, 200, ""},
		"another method":                  {"DELETE /v1/users/7", []string{"X-Really: yes"}, 202, "gone"},
		"not without the header":          {"DELETE /v1/users/7", nil, 404, "no route leads there"},
		"a parameter":                     {"GET /api/a/b?beta=", nil, 200, "two: GET "},
		"the upstream's path goes before": {"GET /api/a/b?beta=1", nil, 200, "/base/next/a/b?beta=1"},
		"without the parameter":           {"GET /api/a/b?alpha=", nil, 200, "one: GET "},
		"several segments that are none":  {"GET /api", nil, 200, " /"},
		"none of them is no empty one":    {"GET /within", nil, 200, " /a/c"},
		"between others":                  {"GET /within/1/2", nil, 200, " /a/1/2/c"},
		"a redirect":                      {"GET /old/a/b?c=d", []string{"Host: x.example"}, 308, ""},
		"a file":                          {"GET /files/a.txt", nil, 200, "a"},
		"a file below":                    {"GET /files/sub/b.txt", nil, 200, "b"},
		"a folder's index":                {"GET /files/with/", nil, 200, "in"},
		"no listing":                      {"GET /files/sub/", nil, 404, "no such file"},
		"a hidden file":                   {"GET /files/.secret", nil, 404, "no such file"},
		"a link that leads out":           {"GET /files/out.txt", nil, 404, "no such file"},
		"a file that is not there":        {"GET /files/c.txt", nil, 404, "no such file"},
		"a file is only read":             {"PUT /files/a.txt", nil, 405, ""},
		"a fallback":                      {"GET /app/some/page", nil, 200, "start"},
		"a fallback is no way to secrets": {"GET /app/.secret", nil, 404, "no such file"},
		"an encoded slash is refused":     {"GET /api/a%2fb", nil, 400, "encoded slash"},
		"an encoded slash where it may":   {"GET /raw/a%2fb", nil, 200, "/raw/a%2Fb"},
		"an empty segment is refused":     {"GET /api//b", nil, 400, "empty segment"},
		"an empty segment where it may":   {"GET /raw//b", nil, 200, "/raw//b"},
		"dots are refused":                {"GET /api/../admin", nil, 400, "dot segments"},
		"encoded dots are refused":        {"GET /api/%2e%2E/admin", nil, 400, "dot segments"},
		"dots with parameters":            {"GET /api/..;x=1/admin", nil, 400, "dot segments"},
		"encoded twice is decoded once":   {"GET /raw/%252e%252e/x", nil, 200, "/raw/%252e%252e/x"},
		"what needs no code has none":     {"GET /r%61w/%7Ex", nil, 200, "/raw/~x"},
		"a letter beyond ASCII":           {"GET /%c3%a9/x", nil, 200, "accent"},
		"a backslash":                     {"GET /raw/a%5cb", nil, 400, "control character or backslash"},
		"a nul":                           {"GET /raw/%00", nil, 400, "control character or backslash"},
		"an underscore in a header":       {"GET /raw/x", []string{"X_user: me"}, 400, `has an underscore`},
		"the home page and no other":      {"GET /nothing", nil, 404, "no route leads there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := b.do(t, test.request, test.headers...)
			if got.StatusCode != test.code || !strings.Contains(got.body, test.want) {
				t.Errorf("%s: %q, not %d: %q", got.Status, got.body, test.code, test.want)
			}
		})
	}
	t.Run("headers change on the way", func(t *testing.T) {
		t.Parallel()
		got := b.do(t, "GET /api/x", "X-Gone: 1", "X-Forwarded-For: 6.6.6.6", "X-Real-Ip: 6.6.6.6")
		h := got.Header
		if h.Get("Seen-X-Gone") != "" || h.Get("Seen-X-Set") != "1" || h.Get("X-Secret") != "" ||
			h.Get("X-Frame-Options") != "DENY" || h.Get("Seen-X-Real-Ip") != "" ||
			h.Get("Seen-X-Forwarded-For") != "127.0.0.1" || h.Get("Seen-X-Forwarded-Proto") != "http" {
			t.Errorf("%v", h)
		}
	})
	t.Run("redirects lead where they say", func(t *testing.T) {
		t.Parallel()
		to := b.do(t, "GET /old/a/b?c=d", "Host: x.example").Header.Get("Location")
		if to != "https://x.example/new/a/b?c=d" {
			t.Error(to)
		}
		got := b.do(t, "GET /moved//x")
		if to := got.Header.Get("Location"); to != "/moved//x" || got.StatusCode != http.StatusMovedPermanently {
			t.Errorf("%s: %s", got.Status, to)
		}
	})
}
