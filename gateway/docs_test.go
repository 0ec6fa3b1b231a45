package gateway_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"github.com/kerf-go/kerf/gateway"
	"github.com/kerf-go/kerf/internal/issuertest"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/transcode"
)

const pages = "../docs/gateway"

// The configurations of each page are carried out, and answer as the page says. In place of their
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
	upstream = regexp.MustCompile(`https?://127\.0\.0\.1:9\d\d\d`)
	address  = regexp.MustCompile(`address: "?([^",}\s]+)"?`)
	forAdmin = regexp.MustCompile(`(?m)^admin: (127\.0\.0\.1:\d+)$`)
)

// anywhere is the address that stands in place of a page's.
const anywhere = "127.0.0.1:0"

// tryPage carries out each configuration of a page, whole, beside the files of blocks that have a
// name, and makes the requests of the http blocks.
func tryPage(t *testing.T, page string) {
	t.Helper()
	sections, files, err := readPage(page)
	if err != nil {
		t.Fatal(err)
	}
	p := &played{folder: t.TempDir(), secrets: strings.NewReplacer(), library: newLibrary(t)}
	if strings.Contains(page, issuerURL) {
		p.secrets = newIssuer(t)
	}
	for name, text := range files {
		p.write(t, name, text)
	}
	p.roots = p.certificates(t)
	for _, s := range sections {
		t.Logf("the configuration of line %d", s.line)
		p.try(t, s)
	}
}

// played is a page that is carried out.
type played struct {
	*bundle
	folder    string            // of the configuration, and of what has an absolute path
	secrets   *strings.Replacer // puts real ones, and a real issuer, in place of the page's
	roots     *x509.CertPool
	library   transcode.Service
	addresses []string // of the page's configuration, for those of urls
	admin     string   // likewise
}

// write makes a file that the page shows.
func (p *played) write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(p.folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// certificates makes those that pages name, shop.pem and inside.pem, whom upstreams are known by.
func (p *played) certificates(t *testing.T) *x509.CertPool {
	t.Helper()
	cert, key := writePair(t, p.folder, 1)
	if err := errors.Join(os.Rename(cert, filepath.Join(p.folder, "shop.pem")),
		os.Rename(key, filepath.Join(p.folder, "shop-key.pem"))); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(p.folder, "shop.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

func (p *played) try(t *testing.T, s *section) {
	t.Helper()
	if s.mark == "wrong" {
		_, err := gateway.Open(p.write(t, "wrong/gateway.yaml", s.config), p.options(t))
		for _, line := range s.said {
			if err == nil || !strings.Contains(err.Error(), line) {
				t.Errorf("line %d: %v, and not %s", s.line, err, line)
			}
		}
		return
	}
	text := p.placed(t, s.config)
	file := p.write(t, "gateway.yaml", text)
	var err error
	if s.mark == "reload" {
		var d *plan.Document
		if d, err = plan.ReadDocument(file, []byte(text)); err == nil {
			err = p.Reload(d)
		}
	} else {
		p.bundle = new(bundle)
		if p.Gateway, err = gateway.Open(file, p.options(t)); err == nil {
			p.serve(t)
		}
	}
	if err != nil {
		t.Fatalf("line %d: %v", s.line, err)
	}
	for _, e := range s.exchanges {
		p.tryExchange(t, e)
	}
}

func (p *played) options(t *testing.T) gateway.Options {
	t.Helper()
	services := byName([]transcode.Service{p.library})
	return gateway.Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Services: services}
}

// placed is a configuration on this machine: its addresses are any, its upstreams there, its
// absolute paths within the folder, and nothing is logged.
func (p *played) placed(t *testing.T, config string) string {
	t.Helper()
	p.addresses, p.admin = nil, ""
	for _, m := range address.FindAllStringSubmatch(config, -1) {
		p.addresses = append(p.addresses, m[1])
	}
	if m := forAdmin.FindStringSubmatch(config); m != nil {
		p.admin = m[1]
	}
	config = address.ReplaceAllString(config, "address: "+anywhere)
	config = forAdmin.ReplaceAllString(config, "admin: "+anywhere)
	config = upstream.ReplaceAllStringFunc(config, func(url string) string { return p.named(t, url) })
	config = strings.ReplaceAll(config, "root: /", "root: "+filepath.ToSlash(p.folder)+"/")
	if !strings.HasPrefix(config, "log:") && !strings.Contains(config, "\nlog:") {
		config += "log: off\n"
	}
	return p.secrets.Replace(config)
}

const issuerURL = "https://id.example"

// newIssuer puts a real one in place of the pages', with its tokens and secrets.
func newIssuer(t *testing.T) *strings.Replacer {
	t.Helper()
	issuer := issuertest.New(t)
	token := issuer.Token(t, jwt.MapClaims{"aud": "posts-api", "scope": "posts.read posts.write"})
	return strings.NewReplacer(issuerURL, issuer.URL, "TOKEN-OF-ADA", token,
		"${file:client.secret}", issuertest.ClientSecret, "${file:session.key}", strings.Repeat("AAAA", 10)+"AAA=")
}

// named is an upstream that tells its name in the page, what it was asked, and for whom, or
// the JSON that it was sent; in JSON if that is all that is wanted.
func (p *played) named(t *testing.T, name string) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			if conn, err := websocket.Accept(w, r, nil); err == nil {
				conn.CloseNow()
			}
			return
		}
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
	if !strings.HasPrefix(name, "https") {
		s.Start()
		return s.URL
	}
	s.EnableHTTP2 = true
	s.StartTLS()
	p.write(t, "inside.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	return s.URL
}

// target finds the server for the URL of a request, which is that of the page's configuration, or a
// path for the first of its addresses. It gives what stands in the request for it.
func (p *played) target(t *testing.T, of string) (base, path, host string) {
	t.Helper()
	u, err := url.Parse(of)
	if err != nil || u.Host == "" {
		return p.url, of, ""
	}
	path = strings.TrimPrefix(of, u.Scheme+"://"+u.Host)
	if u.Host == p.admin {
		return "http://" + p.server.Admin(), path, u.Host
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	for i, at := range p.addresses {
		if strings.HasSuffix(at, ":"+port) && strings.HasPrefix(p.urls[i], u.Scheme+"://") {
			return p.urls[i], path, u.Host
		}
	}
	t.Fatalf("the configuration listens nowhere for %s", of)
	return "", "", ""
}

// tryExchange makes a request: its line, its headers, its body in braces or after "> ", and
// after "-> " the status with a part of the body, and headers of the answer; three dots stand
// for the rest of a value. What follows "=> " is in the body, too.
func (p *played) tryExchange(t *testing.T, e exchange) {
	t.Helper()
	method, of, _ := strings.Cut(e[0], " ")
	base, path, host := p.target(t, of)
	lines, headers, wants := []string{method + " " + path}, []string(nil), []string(nil)
	if host != "" {
		headers = append(headers, "Host: "+host)
	}
	for _, line := range e[1:] {
		line = p.secrets.Replace(line)
		if body, ok := strings.CutPrefix(line, "> "); ok {
			lines = append(lines, body)
		} else if strings.HasPrefix(line, "-> ") || strings.HasPrefix(line, "=> ") {
			wants = append(wants, line)
		} else {
			headers = append(headers, line)
		}
	}
	name, _, _ := strings.Cut(host, ":")
	got := (&bundle{url: base}).over(t, &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: p.roots, ServerName: name},
	}, strings.Join(lines, "\n"), headers...)
	if len(wants) == 0 {
		t.Errorf("%s: the page does not tell the answer", e[0])
	}
	for i, want := range wants {
		if !got.is(i == 0, want) {
			t.Errorf("%s: %s %v %q, not %s", e[0], got.Status, got.Header, got.body, want)
		}
	}
}

// is tells whether an answer is as a line of a page says, the first of which has the status.
func (a answer) is(first bool, line string) bool {
	want := line[len("-> "):]
	switch {
	case strings.HasPrefix(line, "=> "):
		return strings.Contains(a.body, want)
	case first:
		code, text, _ := strings.Cut(want, " ")
		return strconv.Itoa(a.StatusCode) == code && strings.Contains(a.body, text)
	}
	name, value, _ := strings.Cut(want, ": ")
	start, isStart := strings.CutSuffix(value, "...")
	have := a.Header.Get(name)
	return have == value || isStart && strings.HasPrefix(have, start)
}
