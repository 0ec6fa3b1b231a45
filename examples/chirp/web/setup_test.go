package web_test

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/examples/chirp/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is a site before fakes, and ada, who is logged in.
type bundle struct {
	*browser

	fakes *fakes
	site  *web.Site
	ada   int64
}

func setup(t *testing.T, change ...func(*web.Options)) *bundle {
	t.Helper()
	f := newFakes()
	var o web.Options
	for _, c := range change {
		c(&o)
	}
	site, err := web.New(f.clients(), o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(site)
	server.Config.RegisterOnShutdown(func() { _ = site.Close() })
	server.Start()
	t.Cleanup(func() {
		_ = site.Close() // before the server, which waits for streams
		server.Close()
	})
	b := &bundle{fakes: f, site: site, browser: &browser{t: t, url: server.URL}}
	b.browser = b.other()
	b.ada = f.account("ada").GetId()
	b.logIn("ada")
	f.counted()
	return b
}

// browser keeps cookies and the CSRF token of the page it saw last. It does not
// follow redirects.
type browser struct {
	t      *testing.T
	url    string
	client *http.Client
	csrf   string
}

// other is another browser, in which nobody is logged in.
func (b *browser) other() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	transport := &http.Transport{}
	b.t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: b.t, url: b.url, client: &http.Client{
		Jar: jar, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what a browser got.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
	text   string // the body without entities
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second) // should a stream open that should not
	defer cancel()
	response, err := b.client.Do(r.WithContext(ctx))
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if found := csrfField.FindSubmatch(body); found != nil {
		b.csrf = string(found[1])
	}
	return answer{
		t: b.t, status: response.StatusCode, header: response.Header,
		body: string(body), text: html.UnescapeString(string(body)),
	}
}

func (b *browser) request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

// post sends a form with the token of the last page.
func (b *browser) post(path string, fields ...string) answer {
	b.t.Helper()
	form := url.Values{"csrf": {b.csrf}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r := b.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

func (b *browser) logIn(name string) {
	b.t.Helper()
	b.get("/login")
	b.post("/login", "name", name, "password", "correct horse").leadsTo("/")
	b.get("/settings")
}

func (b *browser) cookies() string {
	u, err := url.Parse(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	cookies := b.client.Jar.Cookies(u)
	names := make([]string, 0, len(cookies))
	for _, cookie := range cookies {
		names = append(names, cookie.Name)
	}
	return strings.Join(names, " ")
}

func (a answer) is(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d; body:\n%s", a.status, status, a.body)
	}
	return a
}

func (a answer) leadsTo(path string) {
	a.t.Helper()
	if got := a.is(http.StatusSeeOther).header.Get("Location"); got != path {
		a.t.Fatalf("leads to %q, want %q", got, path)
	}
}

// shows wants each of some texts on the page, as a reader sees them.
func (a answer) shows(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.text, text) {
			a.t.Errorf("the page does not show %q:\n%s", text, a.body)
		}
	}
	return a
}

func (a answer) lacks(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.text, text) {
			a.t.Errorf("the page shows %q:\n%s", text, a.body)
		}
	}
	return a
}

// holds wants exact HTML.
func (a answer) holds(fragments ...string) answer {
	a.t.Helper()
	for _, fragment := range fragments {
		if !strings.Contains(a.body, fragment) {
			a.t.Errorf("the page does not hold %q:\n%s", fragment, a.body)
		}
	}
	return a
}

// visitAs asks a site that no server serves.
func visitAs(t *testing.T, site http.Handler, path, session string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if session != "" {
		r.AddCookie(&http.Cookie{Name: "chirp_session", Value: session})
	}
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	body := w.Body.String()
	return answer{t: t, status: w.Code, header: w.Header(), body: body, text: html.UnescapeString(body)}
}
