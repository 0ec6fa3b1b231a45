package story

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const (
	script = `<script>document.title="pwned"</script>`
	markup = `<img src=x onerror='document.title="pwned"'>`
)

// Inject puts script and markup into every field that takes text. Pages show
// them as they were written, and never as a part of the page.
func Inject(t *testing.T, site Site) {
	t.Helper()
	eve := NewVisitor(t, "eve", site.URL)
	eve.inject()
	for _, path := range []string{
		"/", "/public", "/@eve", "/@eve/followers", "/settings", "/search?q=pwned", "/@%3Cscript%3E",
		"/search?q=" + url.QueryEscape(script), "/?text=" + url.QueryEscape(`</textarea>`+script),
		"/login?next=" + url.QueryEscape(`"><script>`),
	} {
		a := eve.Get(path)
		eve.inert(path, a)
	}
	eve.inert("a refused name", eve.Post("/settings/name", url.Values{"name": {`"><script>`}}))
	eve.inert("a refused log-in", NewVisitor(t, "mallory", site.URL).Post("/login",
		credentials(`"><script>`, script)))
	eve.Sees("/@eve", http.StatusOK, script, markup)
	eve.Sees("/search?q=pwned", http.StatusOK, markup[:10])
	form := credentials("eve", evesPassword)
	form.Set("next", "//evil.example/")
	link := eve.Post("/login", form)
	if to := link.Header.Get("Location"); to != "/" {
		t.Errorf("a log-in leads to %q, want to /", to)
	}
}

const evesPassword = script // a fine password, if long

// inject signs up and writes what should do harm.
func (v *Visitor) inject() {
	v.t.Helper()
	v.SignUp("eve", evesPassword)
	v.Write(script)
	v.Write(markup + " javascript:alert(1) https://x.example/\"onmouseover=alert(1)")
	v.done("describe", v.Post("/settings", url.Values{"display_name": {script}, "bio": {markup}}))
}

// inert asserts that nothing of what was written is a part of the page.
func (v *Visitor) inert(what string, a Answer) {
	v.t.Helper()
	for _, live := range []string{"<script>", "<img src=x", `href="javascript:`, `"onmouseover`} {
		if strings.Contains(a.Body, live) {
			v.t.Errorf("%s: the page holds %s as it was written", what, live)
		}
	}
	policy := a.Header.Get("Content-Security-Policy")
	if a.Status != http.StatusSeeOther && !strings.Contains(policy, "default-src 'none'") {
		v.t.Errorf("%s: status %d has the policy %q, want one that allows nothing by default", what, a.Status, policy)
	}
}
