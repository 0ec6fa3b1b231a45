package web_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/examples/chirp/web"
)

func TestFormsNeedTheirToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bob := b.other()
	b.fakes.account("bob")
	bob.logIn("bob")
	b.get("/")
	good := b.csrf
	b.fakes.counted()
	for name, token := range map[string]string{
		"no token": "", "another's token": bob.csrf,
		"a token with one letter changed": flip(good), "the token twice": good + good,
	} {
		for _, path := range []string{
			"/posts", "/login", "/signup", "/logout", "/settings", "/settings/name", "/@bob/follow", "/@bob/unfollow",
		} {
			b.csrf = token
			a := b.post(path, "text", "forged", "name", "forged", "display_name", "forged", "bio", "forged")
			if a.status != http.StatusForbidden || !strings.Contains(a.body, "reload the page") {
				t.Errorf("%s, %s: status %d", path, name, a.status)
			}
		}
	}
	calls := b.fakes.counted()
	delete(calls, "accounts.Authenticate")
	if len(calls) != 0 {
		t.Errorf("forged forms made the calls %v", calls)
	}
	if len(b.fakes.posts) != 0 || b.fakes.profiles[0].GetDisplayName() != "" || len(b.fakes.sessions) != 2 {
		t.Error("a forged form did something")
	}
	b.csrf = good
	b.post("/posts", "text", "mine").leadsTo("/")
}

func flip(token string) string {
	if token[0] == 'A' {
		return "B" + token[1:]
	}
	return "A" + token[1:]
}

func TestAGuestsTokenEndsWithLoggingIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	guest := b.other()
	guest.get("/login")
	before := guest.csrf
	guest.logIn("ada")
	guest.csrf = before
	guest.post("/posts", "text", "fixed").is(http.StatusForbidden)
}

func TestOtherSitesCannotPost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get("/")
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"} {
		r := b.request(http.MethodPost, "/posts", strings.NewReader("text=forged&csrf="+b.csrf))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(header, value)
		b.do(r).is(http.StatusForbidden).shows("This form was sent from another site")
	}
	if len(b.fakes.posts) != 0 {
		t.Error("the post was stored")
	}
}

func TestBodiesThatAreNotForms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get("/")
	b.post("/posts", "text", strings.Repeat("x", 64<<10)).is(http.StatusRequestEntityTooLarge).shows("far too large")
	for _, field := range []string{"text", "name", "display_name", "bio", "next", "\xff"} {
		b.post("/posts", field, "bad \xff\xfe bytes").is(http.StatusBadRequest).shows("not valid UTF-8")
	}
	b.get("/search?q=%ff").is(http.StatusBadRequest).shows("not valid UTF-8")
	b.get("/@%ff").is(http.StatusBadRequest).shows("not valid UTF-8")
	r := b.request(http.MethodPost, "/posts", strings.NewReader("text=%zz&csrf="+b.csrf))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	b.do(r).is(http.StatusBadRequest).shows("cannot be read")
	r = b.request(http.MethodPost, "/posts", strings.NewReader(`{"text":"json"}`))
	r.Header.Set("Content-Type", "application/json")
	b.do(r).is(http.StatusForbidden)
	if len(b.fakes.posts) != 0 {
		t.Error("something was stored")
	}
}

func TestEveryAnswerIsSecured(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fakes.write(b.ada, "hello", true)
	answers := map[string]answer{
		"refused post":  b.other().post("/posts", "text", "x"),
		"unknown":       b.do(b.request(http.MethodDelete, "/", nil)),
		"redirect":      b.other().get("/settings"),
		"refused live":  b.other().get("/live"),
		"missing asset": b.get("/static/none"),
	}
	for _, path := range []string{
		"/", "/public", "/login", "/signup", "/settings", "/search?q=h", "/posts/1", "/posts/2", "/@ada",
		"/@ada/followers", "/favicon.ico", "/nothing",
	} {
		answers[path] = b.get(path)
		answers["guest "+path] = b.other().get(path)
	}
	for what, a := range answers {
		for key, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; " +
				"img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := a.header.Get(key); got != want {
				t.Errorf("%s: %s is %q", what, key, got)
			}
		}
		if strings.Contains(a.body, " style=") || strings.Contains(a.body, "<style") ||
			strings.Contains(a.body, "<script>") || strings.Contains(a.body, " onclick") {
			t.Errorf("%s holds what its policy forbids", what)
		}
	}
}

func TestPersonalPagesAreNotStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	guest := b.other()
	for want, answers := range map[string][]answer{
		"private, no-store": {b.get("/"), b.get("/public"), b.get("/nothing"), guest.get("/login")},
		"private, no-cache": {b.other().get("/"), b.other().get("/public"), b.other().get("/@ada")},
	} {
		for _, a := range answers {
			if got := a.header.Get("Cache-Control"); got != want {
				t.Errorf("Cache-Control %q, want %q: %.300s", got, want, a.body)
			}
		}
	}
	if got := b.other().get("/public").header.Get("Set-Cookie"); got != "" {
		t.Errorf("a reader gets the cookie %q", got)
	}
}

func TestCookies(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.account("ada")
	for name, c := range map[string]struct {
		options web.Options
		tls     bool
		want    string
	}{
		"plain":    {web.Options{}, false, "chirp_guest=*; Path=/; HttpOnly; SameSite=Lax"},
		"TLS":      {web.Options{}, true, "__Host-chirp_guest=*; Path=/; HttpOnly; Secure; SameSite=Lax"},
		"by proxy": {web.Options{Secure: true}, false, "__Host-chirp_guest=*; Path=/; HttpOnly; Secure; SameSite=Lax"},
	} {
		site, err := web.New(f.clients(), c.options)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/login", nil)
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		got := w.Header().Get("Set-Cookie")
		key, rest, _ := strings.Cut(got, "=")
		secret, rest, _ := strings.Cut(rest, ";")
		if key+"=*;"+rest != c.want || len(secret) < 26 {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	b := setup(t).other()
	b.get("/login")
	set := strings.Join(b.post("/login", "name", "ada", "password", "correct horse").header.Values("Set-Cookie"), "\n")
	for _, want := range []string{"chirp_session=token-1-1; Path=/; Max-Age=3", "; HttpOnly; SameSite=Lax"} {
		if !strings.Contains(set, want) {
			t.Errorf("cookies %q lack %q", set, want)
		}
	}
}

func TestMarkupIsInert(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert('x')</script><img src=x onerror=alert(1)>{{.}}`
	b := setup(t)
	ada := b.fakes.profiles[0]
	ada.DisplayName, ada.Bio = evil, evil
	b.fakes.write(b.ada, evil, true)
	b.fakes.account("bob")
	b.fakes.follow(2, 1)
	guest := b.other()
	guest.get("/login")
	answers := []answer{
		b.get("/"), b.get("/public"), b.get("/@ada"), b.get("/@bob/following"), b.get("/posts/1"), b.get("/settings"),
		b.get("/search?q=script"), b.get("/search?q=%22%3E%3Cscript%3E"), b.get("/?text=%3C/textarea%3E%3Cscript%3E"),
		guest.post("/login", "name", evil, "password", evil), guest.post("/signup", "name", evil, "password", evil),
		guest.post("/login", "name", "x", "password", "x", "next", "/"+evil),
		b.post("/posts", "text", "</textarea>"+evil+strings.Repeat("x", 141)),
		b.post("/settings", "display_name", evil, "bio", evil+strings.Repeat("x", 161)),
		b.post("/settings/name", "name", "ada"), b.get("/@ada?cursor=%22%3E%3Cscript%3E"),
	}
	for i, a := range answers {
		for _, bad := range []string{"<script>", "<img src=x", "</textarea><script", "<b>x"} {
			if strings.Contains(a.body, bad) {
				t.Errorf("answer %d holds %q:\n%s", i, bad, a.body)
			}
		}
	}
}

func TestLinksInPosts(t *testing.T) {
	t.Parallel()
	const rel = ` rel="nofollow noopener noreferrer">`
	for text, want := range map[string]string{
		"see https://go.dev/x?a=1&b=2.": `see <a href="https://go.dev/x?a=1&amp;b=2"` +
			rel + `https://go.dev/x?a=1&amp;b=2</a>.`,
		"(http://go.dev)":                `(<a href="http://go.dev"` + rel + `http://go.dev</a>)`,
		"https://a.test/x_(y) z":         `<a href="https://a.test/x_%28y%29"` + rel + `https://a.test/x_(y)</a> z`,
		"javascript:alert(1)":            `>javascript:alert(1)</p>`,
		"data://x ftp://x":               `>data://x ftp://x</p>`,
		"https://bank.test@evil.test/":   `>https://bank.test@evil.test/</p>`,
		"https://":                       `>https://</p>`,
		"https://a.test/\"onclick=\"x":   `<a href="https://a.test/"` + rel + `https://a.test/</a>&#34;onclick=&#34;x`,
		"hi @Bob, (@eve) me@bob.test @b": `hi <a href="/@bob">@Bob</a>, (<a href="/@eve">@eve</a>) me@bob.test @b</p>`,
		"@bob":                           `<a href="/@bob">@bob</a></p>`,
		"https://a.test/@bob":            `<a href="https://a.test/@bob"` + rel + `https://a.test/@bob</a>`,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fakes.write(b.ada, text, true)
			b.get("/posts/1").holds(want)
		})
	}
}
