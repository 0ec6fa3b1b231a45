package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/kerf-go/kerf/internal/issuertest"
)

const pages = "../docs/gateway"

// Each page's configuration is carried out, and answers as the page says. In place of its
// upstreams stand servers that tell the URL that the page has for them, and what they
// were asked.
func TestPagesTellWhatTheGatewayDoes(t *testing.T) {
	t.Parallel()
	all, err := filepath.Glob(pages + "/*.md")
	if err != nil || len(all) < 2 {
		t.Fatalf("%d pages: %v", len(all), err)
	}
	index, err := os.ReadFile(pages + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		name := filepath.Base(file)
		if name == "README.md" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(string(index), "("+name+")") {
				t.Errorf("the index does not lead to %s", name)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tryPage(t, string(text))
		})
	}
}

var (
	block    = regexp.MustCompile("(?ms)^```([a-z]+)(?: ([a-z./]+))?\n(.*?)^```$")
	upstream = regexp.MustCompile(`http://127\.0\.0\.1:9\d\d\d`)
)

// tryPage sets the first yaml block up, with the files of blocks that have a name, or a path below a
// root, and makes the requests of the http blocks.
func tryPage(t *testing.T, page string) {
	t.Helper()
	config, exchanges := "", ""
	for _, m := range block.FindAllStringSubmatch(page, -1) {
		switch {
		case strings.HasPrefix(m[2], "/"):
			config = strings.ReplaceAll(config, "root: /", "root: "+writeBelow(t, m[2], m[3])+"/")
		case m[2] != "":
			config = strings.ReplaceAll(config, m[2], write(t, m[2], m[3]))
		case m[1] == "yaml" && config == "":
			config = m[3]
		case m[1] == "http":
			exchanges += m[3] + "\n"
		}
	}
	if config == "" || exchanges == "" {
		t.Fatal("the page has no yaml block, or no http block")
	}
	if strings.Contains(config, issuerURL) {
		config, exchanges = withIssuer(t, config, exchanges)
	}
	listen := regexp.MustCompile(`(?m)^listen:.*\n`)
	b := setup(t, upstream.ReplaceAllStringFunc(listen.ReplaceAllString(config, ""), func(url string) string {
		return named(t, url).URL
	}), nil, newLibrary(t))
	for exchange := range strings.SplitSeq(strings.TrimSpace(exchanges), "\n\n") {
		tryExchange(t, b, strings.Split(strings.TrimSpace(exchange), "\n"))
	}
}

// writeBelow writes a file that has an absolute path in the page, and gives the folder that stands
// for the root.
func writeBelow(t *testing.T, path, text string) (root string) {
	t.Helper()
	root = t.TempDir()
	file := filepath.Join(root, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.ToSlash(root)
}

const issuerURL = "https://id.example"

// withIssuer puts a real one in place of the page's, with its tokens and secrets.
func withIssuer(t *testing.T, config, exchanges string) (string, string) {
	t.Helper()
	issuer := issuertest.New(t)
	token := issuer.Token(t, jwt.MapClaims{"aud": "posts-api", "scope": "posts.read posts.write"})
	r := strings.NewReplacer(issuerURL, issuer.URL, "TOKEN-OF-ADA", token,
		"${file:client.secret}", issuertest.ClientSecret, "${file:session.key}", strings.Repeat("AAAA", 10)+"AAA=")
	return r.Replace(config), r.Replace(exchanges)
}

// named is an upstream that tells its name in the page, what it was asked, and for whom, or
// the JSON that it was sent; in JSON if that is all that is wanted.
func named(t *testing.T, name string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if len(body) > 0 && strings.Contains(r.Header.Get("Content-Type"), "json") {
			w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
			_, _ = w.Write(body)
			return
		}
		if r.Header.Get("Accept") == "application/json" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"asked": %q, "for": %q}`, name, r.RequestURI)
			return
		}
		fmt.Fprintf(w, "%s %s", name, r.RequestURI)
		if subject := r.Header.Get("X-Auth-Subject"); subject != "" {
			fmt.Fprintf(w, " for %s", subject)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// tryExchange makes a request: its line, its headers, its body in braces or after "> ", and
// after "-> " the status with a part of the body, and headers of the answer; three dots stand
// for the rest of a value.
func tryExchange(t *testing.T, b *bundle, lines []string) {
	t.Helper()
	var headers, wants []string
	request := lines[0]
	for _, line := range lines[1:] {
		if want, ok := strings.CutPrefix(line, "-> "); ok {
			wants = append(wants, want)
		} else if body, ok := strings.CutPrefix(line, "> "); ok {
			request += "\n" + body
		} else {
			headers = append(headers, line)
		}
	}
	got := b.do(t, request, headers...)
	for i, want := range wants {
		if i > 0 {
			name, value, _ := strings.Cut(want, ": ")
			start, isStart := strings.CutSuffix(value, "...")
			have := got.Header.Get(name)
			if have != value && (!isStart || !strings.HasPrefix(have, start)) {
				t.Errorf("%s: %s is %q, not %q", lines[0], name, have, value)
			}
			continue
		}
		code, text, _ := strings.Cut(want, " ")
		if strconv.Itoa(got.StatusCode) != code || !strings.Contains(got.body, text) {
			t.Errorf("%s: %d %q, not %s", lines[0], got.StatusCode, got.body, want)
		}
	}
	if len(wants) == 0 {
		t.Errorf("%s: the page does not tell the answer", lines[0])
	}
}
