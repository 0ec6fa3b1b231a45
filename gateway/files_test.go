package gateway_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newSite is a folder with pages, and a socket in it.
func newSite(t *testing.T) string {
	t.Helper()
	site := t.TempDir()
	for name, text := range map[string]string{
		"index.html": "start", "a.txt": "a", "bare/b.txt": "b", "docs/index.html": "the docs", "docs/.git/config": "s",
		"a space/index.html": "roomy",
	} {
		file := filepath.Join(site, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("docs", filepath.Join(site, "manual")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(site), filepath.Join(site, "out")); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(site, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return site
}

func TestFoldersAreServedByTheirIndex(t *testing.T) {
	t.Parallel()
	b := setup(t, strings.ReplaceAll(`
routes:
  - {match: {path: "/static/{file=**}"}, files: {root: SITE}, rewrite: "/{file}"}
  - {match: {path: "/app/{file=**}"}, files: {root: SITE, fallback: /index.html}, rewrite: "/{file}"}
  - {match: {path: /start}, files: {root: SITE}, rewrite: /index.html}
  - {match: {path: /manuals/**}, files: {root: SITE}, rewrite: /docs}
  - {match: {path: /**}, files: {root: SITE}, paths: {encoded_slash: true, empty_segment: true}}
`, "SITE", newSite(t)), nil)
	for request, want := range map[string]string{
		"GET /":                     "200 start",
		"GET /index.html":           "200 start",
		"GET /docs/":                "200 the docs",
		"GET /docs":                 "301 ./docs/",
		"GET /docs?page=1&q=%2F":    "301 ./docs/?page=1&q=%2F",
		"HEAD /docs":                "301 ./docs/",
		"GET /a%20space":            "301 ./a%20space/",
		"GET /a%20space/":           "200 roomy",
		"GET /static":               "301 ./static/",
		"GET /static/":              "200 start",
		"GET /static/docs":          "301 ./docs/",
		"GET /static/docs/":         "200 the docs",
		"GET /start":                "200 start",
		"GET /manuals/all":          "301 ./all/",
		"GET /manuals/all/":         "200 the docs",
		"GET /manual/":              "200 the docs",
		"GET /bare/":                "404",
		"GET /bare":                 "404",
		"GET /bare/b.txt":           "200 b",
		"GET /a.txt/":               "404",
		"GET /a.txt/b":              "404",
		"GET /docs/.git/config":     "404",
		"GET /docs%2F.git%2Fconfig": "404",
		"GET /out/":                 "404",
		"GET /socket":               "404",
		"GET /app/bare/":            "200 start",
		"GET /app/docs":             "301 ./docs/",
		"GET /app/any/page":         "200 start",
		"GET /app/docs/.git/config": "404",
		"POST /docs/":               "405",
	} {
		t.Run(request, func(t *testing.T) {
			t.Parallel()
			got := b.do(t, request)
			have := strings.TrimSpace(got.Status[:3] + " " + got.Header.Get("Location") + got.body)
			if have != want && (want != "404" || !strings.HasPrefix(have, "404 ")) {
				t.Errorf("%s, not %s", have, want)
			}
		})
	}
}

func TestNobodyKeepsThatAFileIsMissing(t *testing.T) {
	t.Parallel()
	b := setup(t, strings.ReplaceAll(`
routes:
  - match: {path: /**}
    files: {root: SITE}
    headers: {response: {set: {Cache-Control: "public, max-age=3600", X-Frame-Options: DENY}}}
`, "SITE", newSite(t)), nil)
	for request, want := range map[string]string{
		"GET /a.txt": "public, max-age=3600", "GET /none": "", "GET /docs/.git/config": "", "POST /docs/": "",
	} {
		a := b.do(t, request)
		if got := a.Header.Get("Cache-Control"); got != want || a.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %d with Cache-Control %q, not %q, and %v", request, a.StatusCode, got, want, a.Header)
		}
	}
}
