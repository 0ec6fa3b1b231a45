package story

import (
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Visitor is somebody with cookies and without a browser. A failure of the
// network fails the test; what the site says is for the caller to judge.
type Visitor struct {
	t      *testing.T
	who    string
	site   string
	client http.Client
}

// NewVisitor comes to the site for the first time.
func NewVisitor(t *testing.T, who, site string) *Visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatalf("cookies for %s: %v", who, err)
	}
	v := &Visitor{t: t, who: who, site: site, client: http.Client{
		Jar: jar, Timeout: patience, Transport: &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(v.client.CloseIdleConnections)
	return v
}

// Answer is what the site said.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Says tells whether the page holds a text, as a reader sees it or within fields.
func (a Answer) Says(text string) bool {
	return strings.Contains(a.text(), text) || strings.Contains(html.UnescapeString(a.Body), text)
}

// text is the main part of the page, without its tags.
func (a Answer) text() string {
	plain := tags.ReplaceAllString(mainPart.FindString(a.Body), " ")
	return strings.Join(strings.Fields(html.UnescapeString(plain)), " ")
}

// Get asks for a page. Redirects are answers, and not followed.
func (v *Visitor) Get(path string) Answer {
	v.t.Helper()
	return v.Send(http.MethodGet, path, "", nil)
}

// Post sends a form with the token that the site gave, and whatever is in it. A
// field "csrf" in it is sent as it is.
func (v *Visitor) Post(path string, form url.Values) Answer {
	v.t.Helper()
	if !form.Has("csrf") {
		form.Set("csrf", v.Token())
	}
	return v.Send(http.MethodPost, path, form.Encode(), http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {v.site},
	})
}

var tokenField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// Token is the one that the site puts into this visitor's forms.
func (v *Visitor) Token() string {
	v.t.Helper()
	for _, path := range []string{"/", "/login"} { // guests see a form at the log-in only
		if found := tokenField.FindStringSubmatch(v.Get(path).Body); found != nil {
			return found[1]
		}
	}
	v.t.Fatalf("%s is shown no form", v.who)
	return ""
}

// Send sends anything.
func (v *Visitor) Send(method, path, body string, header http.Header) Answer {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), method, v.site+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatalf("%s: %s %s: %v", v.who, method, path, err)
	}
	maps.Copy(request.Header, header)
	answer, err := v.client.Do(request)
	if err != nil {
		v.t.Fatalf("%s: %s %s: %v", v.who, method, path, err)
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		v.t.Fatalf("%s: %s %s: read: %v", v.who, method, path, err)
	}
	return Answer{Status: answer.StatusCode, Header: answer.Header, Body: string(page)}
}

// credentials is the form of the sign-up and of the log-in.
func credentials(name, password string) url.Values {
	return url.Values{"name": {name}, "password": {password}}
}

// message is the form of a post. Its client id may always be the same, because
// the site makes another one for each text.
func message(text string) url.Values { return url.Values{"text": {text}, "client_id": {"once"}} }

// SignUp opens an account and is logged in.
func (v *Visitor) SignUp(name, password string) {
	v.t.Helper()
	v.done("sign up", v.Post("/signup", credentials(name, password)))
}

// LogIn logs in.
func (v *Visitor) LogIn(name, password string) {
	v.t.Helper()
	v.done("log in", v.Post("/login", credentials(name, password)))
}

// Write posts a message.
func (v *Visitor) Write(text string) {
	v.t.Helper()
	v.done("post", v.Post("/posts", message(text)))
}

// Follow follows somebody.
func (v *Visitor) Follow(name string) {
	v.t.Helper()
	v.done("follow", v.Post("/@"+name+"/follow", url.Values{}))
}

// done asserts that the site took a form: it sends the browser to another page.
func (v *Visitor) done(what string, a Answer) {
	v.t.Helper()
	if a.Status != http.StatusSeeOther {
		v.t.Fatalf("%s could not %s: status %d: %s", v.who, what, a.Status, a.message())
	}
}

// Sees fails the test if a page has another status or lacks a text.
func (v *Visitor) Sees(path string, status int, texts ...string) Answer {
	v.t.Helper()
	a := v.Get(path)
	v.expect("GET "+path, a, status, texts...)
	return a
}

func (v *Visitor) expect(what string, a Answer, status int, texts ...string) {
	v.t.Helper()
	if a.Status != status {
		v.t.Errorf("%s by %s: status %d, want %d: %s", what, v.who, a.Status, status, a.message())
	}
	for _, text := range texts {
		if !a.Says(text) {
			v.t.Errorf("%s by %s: the page does not say %q but: %s", what, v.who, text, a.message())
		}
	}
}

var (
	mainPart = regexp.MustCompile(`(?s)<main.*</main>`)
	tags     = regexp.MustCompile(`(?s)<[^>]*>`)
)

// message is what the main part of the page says, shortened.
func (a Answer) message() string {
	text := a.text()
	const enough = 300
	if len(text) > enough {
		text = text[:enough] + "..."
	}
	return text
}

// Stream opens a page that does not end by itself.
func (v *Visitor) Stream(path string) io.Reader {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.site+path, nil)
	if err != nil {
		v.t.Fatalf("%s: %s: %v", v.who, path, err)
	}
	answer, err := v.client.Do(request)
	if err != nil {
		v.t.Fatalf("%s: %s: %v", v.who, path, err)
	}
	v.t.Cleanup(func() { _ = answer.Body.Close() })
	if answer.StatusCode != http.StatusOK {
		v.t.Fatalf("%s: %s: status %d", v.who, path, answer.StatusCode)
	}
	return answer.Body
}
