package auth_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/kerf-go/kerf/gateway/auth"
	"github.com/kerf-go/kerf/internal/issuertest"
)

func logInAt(i *issuertest.Issuer) auth.Config {
	return auth.Config{Claims: []string{"email"}, OIDC: &auth.OIDCConfig{
		Issuer: i.URL, ClientID: issuertest.ClientID, ClientSecret: issuertest.ClientSecret,
		Key: base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)), Scopes: []string{"email"},
	}}
}

// browser keeps cookies and stops at redirects.
type browser struct {
	*http.Client
	t *testing.T
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{&http.Client{
		Jar: jar, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, t}
}

// ask is as a person's who opens a page, unless headers say otherwise.
func (b *browser) ask(request string, headers ...string) reply {
	b.t.Helper()
	method, to, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(b.t.Context(), method, to, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,*/*")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	response, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = response.Body.Close()
	return reply{response}
}

// follow goes where answers lead to, until one leads nowhere.
func (b *browser) follow(response reply) reply {
	b.t.Helper()
	for range 10 {
		to, err := response.Location()
		if err != nil {
			return response
		}
		response = b.ask("GET " + to.String())
	}
	b.t.Fatal("redirects without end")
	return response
}

// callback goes as far as the address that the issuer sends the browser back to.
func (b *browser) callback(s *httptest.Server) *url.URL {
	b.t.Helper()
	to, err := b.ask("GET " + b.ask("GET "+s.URL+"/page").Header.Get("Location")).Location()
	if err != nil {
		b.t.Fatal(err)
	}
	return to
}

func cookieOf(response reply, name string) *http.Cookie {
	for _, c := range response.Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func TestPeopleLogIn(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	issuer.Is(jwt.MapClaims{"sub": "ada", "email": "ada@x"})
	s := guarded(t, &auth.Guard{}, logInAt(issuer))
	b := newBrowser(t)
	got := b.follow(b.ask("GET " + s.URL + "/page?a=1&b=%20"))
	if got.StatusCode != http.StatusOK || got.Request.URL.String() != s.URL+"/page?a=1&b=%20" {
		t.Fatalf("%s at %s", got.Status, got.Request.URL)
	}
	h := got.Header
	if h.Get("Seen-X-Auth-Subject") != "ada" || h.Get("Seen-X-Auth-Claims") != `{"email":"ada@x"}` {
		t.Errorf("the upstream is told %v", h)
	}
	u, _ := url.Parse(s.URL)
	b.Jar.SetCookies(u, []*http.Cookie{{Name: "theme", Value: "dark"}})
	if got = b.ask("GET " + s.URL + "/page"); got.Header.Get("Seen-Cookie") != "theme=dark" {
		t.Errorf("the upstream sees the cookies %q", got.Header.Get("Seen-Cookie"))
	}
	logOut(t, b, s.URL)
}

func logOut(t *testing.T, b *browser, url string) {
	t.Helper()
	if got := b.ask("GET " + url + "/auth/logout"); got.StatusCode != http.StatusNotFound {
		t.Errorf("by GET: %s", got.Status)
	}
	if got := b.ask("POST "+url+"/auth/logout", "Sec-Fetch-Site: cross-site"); got.StatusCode != http.StatusForbidden {
		t.Errorf("by a page of another site: %s", got.Status)
	}
	if got := b.ask("GET " + url + "/page"); got.StatusCode != http.StatusOK {
		t.Fatalf("before: %s", got.Status)
	}
	got := b.ask("POST "+url+"/auth/logout", "Sec-Fetch-Site: same-origin")
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/" {
		t.Errorf("%s to %s", got.Status, got.Header.Get("Location"))
	}
	if got := b.ask("GET " + url + "/page"); got.StatusCode != http.StatusFound {
		t.Errorf("after: %s", got.Status)
	}
}

func TestOnlyWhoWantsToSeeAPageIsLedToTheLogIn(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	s := guarded(t, &auth.Guard{}, logInAt(issuer))
	for name, test := range map[string]struct {
		request string
		header  string
		code    int
	}{
		"a page":             {"GET /x", "Accept: text/html", 302},
		"a navigation":       {"GET /x", "Sec-Fetch-Mode: navigate", 302},
		"data":               {"GET /x", "Accept: application/json", 401},
		"data from a script": {"GET /x", "Sec-Fetch-Mode: cors", 401},
		"a form":             {"POST /x", "Accept: text/html", 401},
	} {
		got := newBrowser(t).ask(strings.Replace(test.request, " ", " "+s.URL, 1), test.header)
		if got.StatusCode != test.code || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s, %v", name, got.Status, got.Header)
		}
		challenge := got.Header.Get("WWW-Authenticate")
		if test.code == 401 && challenge != `Cookie cookie-name="session"` {
			t.Errorf("%s: challenge %q", name, challenge)
		}
	}
	issuer = issuertest.New(t)
	issuer.Down(true)
	s = guarded(t, &auth.Guard{}, logInAt(issuer))
	if got := newBrowser(t).ask("GET " + s.URL + "/x"); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("with the issuer down: %s", got.Status)
	}
}

// changed is a cookie's value with one bit of what it says turned.
func changed(t *testing.T, value string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1] ^= 1
	return base64.RawURLEncoding.EncodeToString(raw)
}

func TestTheCookiesAreKeptFromOthers(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	for name, test := range map[string]struct{ url, session string }{
		"on TLS":     {"https://www.example", "__Host-session"},
		"without it": {"", "session"},
	} {
		config := logInAt(issuer)
		config.OIDC.URL = test.url
		s := guarded(t, &auth.Guard{}, config)
		here, _ := url.Parse(s.URL)
		first := ask(t, "GET "+s.URL+"/auth/login")
		started := first.Cookies()
		if first.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: the log-in may be kept by others: %v", name, first.Header)
		}
		if len(started) != 1 {
			t.Fatalf("%s: %v", name, started)
		}
		back, _ := ask(t, "GET "+first.Header.Get("Location")).Location()
		back.Scheme, back.Host = here.Scheme, here.Host
		got := ask(t, "GET "+back.String(), "Cookie: "+started[0].Name+"="+started[0].Value)
		session := cookieOf(got, test.session)
		if session == nil || got.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %s %v", name, got.Status, got.Cookies())
		}
		for _, c := range []*http.Cookie{started[0], session} {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" ||
				c.Secure != (test.url != "") || strings.HasPrefix(c.Name, "__Host-") != c.Secure || c.MaxAge <= 0 {
				t.Errorf("%s: %v", name, c)
			}
			for _, secret := range []string{"ada", "verifier", "nonce"} {
				if raw, _ := base64.RawURLEncoding.DecodeString(c.Value); bytes.Contains(raw, []byte(secret)) {
					t.Errorf("%s: %s can be read", name, c.Name)
				}
			}
		}
		got = ask(t, "GET "+s.URL+"/x", "Cookie: "+session.Name+"="+session.Value)
		if got.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", name, got.Status)
		}
		for what, cookie := range map[string]string{
			"a changed one":           session.Name + "=" + changed(t, session.Value),
			"an empty one":            session.Name + "=",
			"the log-in as a session": session.Name + "=" + started[0].Value,
			"a plain name on TLS":     strings.TrimPrefix(session.Name, "__Host-") + "x=" + session.Value,
		} {
			if got := ask(t, "GET "+s.URL+"/x", "Cookie: "+cookie); got.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s: %s: %s", name, what, got.Status)
			}
		}
	}
}

func TestASessionIsOfItsProviderAlone(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	s := guarded(t, &auth.Guard{}, logInAt(issuer))
	b := newBrowser(t)
	session := cookieOf(b.ask("GET "+b.callback(s).String()), "session")
	if session == nil {
		t.Fatal("there is no session")
	}
	anotherIssuer, anotherClient, anotherKey := logInAt(issuertest.New(t)), logInAt(issuer), logInAt(issuer)
	anotherClient.OIDC.ClientID = "another"
	anotherKey.OIDC.Key = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{8}, 32))
	for name, test := range map[string]struct {
		config auth.Config
		code   int
	}{
		"the same": {logInAt(issuer), 200}, "another issuer with the same key": {anotherIssuer, 401},
		"another client with the same key": {anotherClient, 401}, "another key": {anotherKey, 401},
	} {
		at := guarded(t, &auth.Guard{}, test.config)
		if got := ask(t, "GET "+at.URL+"/x", "Cookie: session="+session.Value); got.StatusCode != test.code {
			t.Errorf("%s: %s", name, got.Status)
		}
	}
}

func TestALogInIsFinishedOnceWhereItBegan(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	s := guarded(t, &auth.Guard{}, logInAt(issuer))
	finish := func(change func(q url.Values), by *browser) reply {
		b := newBrowser(t)
		to := b.callback(s)
		q := to.Query()
		change(q)
		to.RawQuery = q.Encode()
		if by != nil {
			b = by
		}
		return b.ask("GET " + to.String())
	}
	same := func(url.Values) {}
	alike := func(q url.Values) { q.Set("state", q.Get("state")[:8]+strings.Repeat("A", 18)) }
	set := func(name, value string) func(url.Values) { return func(q url.Values) { q.Set(name, value) } }
	if got := finish(same, nil); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/page" {
		t.Fatalf("%s", got.Status)
	}
	other := newBrowser(t)
	_ = other.callback(s) // it is logging in as well
	asked := issuer.Asked("/token")
	for name, got := range map[string]reply{
		"another browser":           finish(same, newBrowser(t)),
		"another's attempt":         finish(same, other),
		"no state":                  finish(func(q url.Values) { q.Del("state") }, nil),
		"another state":             finish(set("state", strings.Repeat("A", 26)), nil),
		"a state that begins alike": finish(alike, nil),
		"a state of another size":   finish(set("state", "A"), nil),
	} {
		if got.StatusCode != http.StatusBadRequest || cookieOf(got, "session") != nil {
			t.Errorf("%s: %s %v", name, got.Status, got.Cookies())
		}
	}
	if n := issuer.Asked("/token"); n != asked {
		t.Errorf("the issuer was asked for tokens %d times", n-asked)
	}
	for name, got := range map[string]reply{
		"another code":   finish(set("code", "x"), nil),
		"another issuer": finish(set("iss", "https://evil.example"), nil),
	} {
		if got.StatusCode != http.StatusUnauthorized || cookieOf(got, "session") != nil {
			t.Errorf("%s: %s %v", name, got.Status, got.Cookies())
		}
	}
	if got := finish(set("error", "access_denied"), nil); got.StatusCode != http.StatusForbidden {
		t.Errorf("the issuer refuses: %s", got.Status)
	}
	b := newBrowser(t)
	to := "GET " + b.callback(s).String()
	if first, again := b.ask(to), b.ask(to); first.StatusCode != http.StatusSeeOther ||
		again.StatusCode != http.StatusBadRequest {
		t.Errorf("twice: %s, %s", first.Status, again.Status)
	}
}

func TestForgedIDTokensAreRefused(t *testing.T) {
	t.Parallel()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, person := range map[string]jwt.MapClaims{
		"another's signature":               nil,
		"for another":                       {"aud": "another"},
		"another nonce":                     {"nonce": "x"},
		"another issuer":                    {"iss": "https://evil.example"},
		"expired":                           {"exp": 1},
		"a subject that no header can have": {"sub": "ädä"},
		"a large account":                   {"x": strings.Repeat("x", 4000)},
	} {
		issuer := issuertest.New(t)
		if issuer.Is(jwt.MapClaims{"sub": "ada"}); person == nil {
			issuer.Sign(other)
		} else {
			issuer.Is(maps.Clone(person))
		}
		s := guarded(t, &auth.Guard{}, logInAt(issuer))
		b := newBrowser(t)
		if got := b.ask("GET " + b.callback(s).String()); got.StatusCode < 400 || cookieOf(got, "session") != nil {
			t.Errorf("%s: %s %v", name, got.Status, got.Cookies())
		}
	}
}

func TestNobodyIsLedToAnotherSite(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	s := guarded(t, &auth.Guard{}, logInAt(issuer))
	for _, to := range []string{
		"https://evil.example", "//evil.example", `/\evil.example`, `\\evil.example`, "/\t/evil.example",
		"/\n/evil.example", "///evil.example", "javascript:alert(1)", "evil.example", " //evil.example",
		"/%0d%0aSet-Cookie: a=b\r\nX: y", "http:/x",
	} {
		b := newBrowser(t)
		first := b.ask("GET " + s.URL + "/auth/login?to=" + url.QueryEscape(to))
		got := b.ask("GET " + b.ask("GET "+first.Header.Get("Location")).Header.Get("Location"))
		if where := got.Header.Get("Location"); got.StatusCode != http.StatusSeeOther || where != "/" {
			t.Errorf("%q leads to %q", to, where)
		}
	}
	b := newBrowser(t)
	first := b.ask("GET " + s.URL + "/auth/login?to=" + url.QueryEscape("/a/b?c=d"))
	got := b.ask("GET " + b.ask("GET "+first.Header.Get("Location")).Header.Get("Location"))
	if where := got.Header.Get("Location"); where != "/a/b?c=d" {
		t.Errorf("a path of our own leads to %q", where)
	}
}

func TestPagesOfOtherSitesCannotActForWhoIsLoggedIn(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	trusted := func(origin string) bool { return origin == "https://app.example" }
	s := guarded(t, &auth.Guard{Trusted: trusted}, logInAt(issuer), auth.Config{Keys: &auth.KeysConfig{
		List: []auth.KeyConfig{{Name: "program", SHA256: hashOf("key")}},
	}})
	b := newBrowser(t)
	b.follow(b.ask("GET " + s.URL + "/"))
	for name, test := range map[string]struct {
		method  string
		headers []string
		code    int
	}{
		"reading": {
			"GET", []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, 200,
		},
		"a form of another site": {
			"POST", []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, 403,
		},
		"a form of a neighbour":       {"POST", []string{"Sec-Fetch-Site: same-site"}, 403},
		"an old browser":              {"DELETE", []string{"Origin: https://evil.example"}, 403},
		"a hidden origin":             {"POST", []string{"Origin: null"}, 403},
		"a WebSocket of another site": {"GET", []string{"Upgrade: websocket", "Origin: https://evil.example"}, 403},
		"a WebSocket of our own":      {"GET", []string{"Upgrade: websocket", "Origin: " + s.URL}, 200},
		"our own pages":               {"POST", []string{"Sec-Fetch-Site: same-origin", "Origin: " + s.URL}, 200},
		"our own in an old browser":   {"POST", []string{"Origin: " + s.URL}, 200},
		"a trusted site": {
			"POST", []string{"Sec-Fetch-Site: cross-site", "Origin: https://app.example"}, 200,
		},
		"no browser":             {"PUT", nil, 200},
		"a key beside a session": {"POST", []string{"X-Api-Key: key", "Sec-Fetch-Site: cross-site"}, 403},
	} {
		if got := b.ask(test.method+" "+s.URL+"/x", test.headers...); got.StatusCode != test.code {
			t.Errorf("%s: %s, not %d", name, got.Status, test.code)
		}
	}
	got := ask(t, "POST "+s.URL+"/x", "X-Api-Key: key", "Sec-Fetch-Site: cross-site")
	if got.StatusCode != http.StatusOK {
		t.Errorf("a key without a session: %s", got.Status)
	}
}

func TestMistakesOfLogInsAreTold(t *testing.T) {
	t.Parallel()
	good := *logInAt(&issuertest.Issuer{URL: "https://id.example"}).OIDC
	for want, change := range map[string]func(c *auth.OIDCConfig){
		"needs client_id":           func(c *auth.OIDCConfig) { c.ClientID = "" },
		"32 random bytes in base64": func(c *auth.OIDCConfig) { c.Key = "secret" },
		"issuer is to be a URL":     func(c *auth.OIDCConfig) { c.Issuer = "http://id.example" },
		"is no path for pages":      func(c *auth.OIDCConfig) { c.Path = "auth" },
		"home is to be a path":      func(c *auth.OIDCConfig) { c.Home = "//evil.example" },
		"is no name for a cookie":   func(c *auth.OIDCConfig) { c.Cookie = "a;b" },
		"a minute at least":         func(c *auth.OIDCConfig) { c.Idle = 1 },
		"url is to be such as":      func(c *auth.OIDCConfig) { c.URL = "www.example" },
	} {
		c := good
		c.Scopes = slices.Clone(good.Scopes)
		change(&c)
		_, err := auth.New("way", auth.Config{OIDC: &c}, auth.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
}
