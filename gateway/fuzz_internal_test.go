package gateway

import (
	"bytes"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/policy"
)

// FuzzPath asks that a path has one form, which stays as it is, means the same, and leads
// nowhere by dots.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		"/", "/v1/users/7", "/a%2fb", "/%41%7e", "//a", "/a/../b", "/%2e%2E/b", "/a%2f..%2fb", "/..;x/b", "/%00",
		"/..%3bx/b", "/%5c", "/%252e", "/a b", "/é", "/%C3%A9", "/%", "/%4", "/%zz", "a", "", "/;/./",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		p, err := parsePath(raw)
		if err != nil {
			return
		}
		if again, err := parsePath(p.canonical); err != nil || again != p {
			t.Fatalf("%q becomes %+v, and that %+v, %v", raw, p, again, err)
		}
		before, err := url.PathUnescape(raw)
		after, err2 := url.PathUnescape(p.canonical)
		if err = errors.Join(err, err2); err != nil || before != after {
			t.Fatalf("%q becomes %q, which means something else, %v", raw, p.canonical, err)
		}
		for segment := range strings.SplitSeq(after, "/") {
			if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
				t.Fatalf("%q has a segment %q", raw, segment)
			}
		}
		if strings.ContainsAny(after, "\\\x00\r\n") || p.encodedSlash != strings.Contains(p.canonical, "%2F") {
			t.Fatalf("%q becomes %+v", raw, p)
		}
	})
}

// FuzzConfig asks that any text gives a site that can be closed, or mistakes with their places.
func FuzzConfig(f *testing.F) {
	pages, err := filepath.Glob("../docs/gateway/*.md")
	if err != nil || len(pages) == 0 {
		f.Fatalf("no pages: %v", err)
	}
	block := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			f.Fatal(err)
		}
		for _, m := range block.FindAllSubmatch(text, -1) {
			f.Add(m[1])
		}
	}
	o := Options{Logger: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Contains(text, []byte("/dev/")) || bytes.Contains(text, []byte("/proc/")) {
			return // files that do not end
		}
		file := filepath.Join(t.TempDir(), "gateway.yaml")
		d, err := plan.ReadDocument(file, text)
		var s *site
		if err == nil {
			s, err = compile(d, o, func(string) policy.Observer { return nil }, nil)
		}
		if err == nil {
			s.close(o.Logger)
			return
		}
		mistakes, ok := errors.AsType[plan.Errors](err)
		if !ok || s != nil || len(mistakes) == 0 {
			t.Fatalf("%T: %v, and a site: %t", err, err, s != nil)
		}
		for _, e := range mistakes {
			if e.What == "" || e.File != file || e.Line < 1 || e.Column < 1 {
				t.Fatalf("an incomplete mistake: %+v", e)
			}
		}
	})
}
