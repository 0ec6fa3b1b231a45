package story

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// mischief is something that the site must refuse, and how.
type mischief struct {
	name   string // a sentence
	try    func() Answer
	status int
	says   string // what the page tells, if anything
}

// Misbehave sends the site everything that it must refuse, by its own pages. Each
// refusal has its status and its message, and nothing that is stored changes.
func Misbehave(t *testing.T, site Site) {
	t.Helper()
	c := newCast(t, site)
	before := c.stored()
	for _, group := range [][]mischief{
		c.badPosts(), c.badNames(), c.badPasswords(), c.badProfiles(),
		c.badVisitors(), c.badFollows(), c.badAddresses(),
	} {
		for _, m := range group {
			a, now := m.try(), c.stored() // here, because they may end the test that is theirs
			t.Run(m.name, func(t *testing.T) {
				if a.Status != m.status {
					t.Errorf("status %d, want %d: %s", a.Status, m.status, a.message())
				}
				if !a.Says(m.says) {
					t.Errorf("the page does not say %q but: %s", m.says, a.message())
				}
				if now != before {
					t.Errorf("what is stored was:\n%s\nand is now:\n%s", before, now)
				}
			})
		}
	}
}

// cast is who plays.
type cast struct {
	t    *testing.T
	site Site

	ann   *Visitor // has an account
	guest *Visitor // has none
	gone  *Visitor // has the cookie and token of a session that has ended
	token string   // gone's
}

func newCast(t *testing.T, site Site) *cast {
	t.Helper()
	c := &cast{t: t, site: site, ann: NewVisitor(t, "ann", site.URL), guest: NewVisitor(t, "guest", site.URL)}
	c.ann.SignUp("ann", annsPassword)
	c.ann.Write(firstPost)
	bob := NewVisitor(t, "bob", site.URL)
	bob.SignUp("william", bobsPassword)
	bob.Follow("ann")
	c.gone = NewVisitor(t, "gone", site.URL)
	c.gone.LogIn("william", bobsPassword)
	c.token = c.gone.Token()
	home, err := url.Parse(site.URL)
	if err != nil {
		t.Fatal(err)
	}
	cookies := c.gone.client.Jar.Cookies(home)
	c.gone.done("log out", c.gone.Post("/logout", url.Values{}))
	c.gone.client.Jar.SetCookies(home, cookies)
	return c
}

// post is a message by ann.
func (c *cast) post(text string) func() Answer {
	return func() Answer { return c.ann.Post("/posts", message(text)) }
}

func (c *cast) badPosts() []mischief {
	const bad = http.StatusBadRequest
	long := strings.Repeat("ö", 142)
	return []mischief{
		{"a post of 142 characters", c.post(strings.Repeat("ä", 142)), bad, "142 characters: at most 141 fit"},
		{"a refused post is given back", c.post(long), bad, long + "</textarea>"},
		{"a blank post", c.post(" \n\t "), bad, "blank"},
		{"a post that nobody can see", c.post("\u200b\u2800\u00ad"), bad, "blank"},
		{"a post that is not UTF-8", c.post("caf\xe9"), bad, "not valid UTF-8"},
		{"a post with a null", c.post("a\x00b"), bad, "control character U+0000"},
		{"a post with an escape sequence", c.post("\x1b[31mred"), bad, "control character U+001B"},
		{"a post that turns the text around", c.post("\u202eevil"), bad, "changes the direction"},
		{"a post of one tower of accents", c.post("a" + strings.Repeat("\u0301", 99)), bad, "too many marks"},
		{"a post of many lines", c.post("a" + strings.Repeat("\na", 11)), bad, "line breaks"},
		{"an enormous post", c.post(strings.Repeat("a", 1<<20)), http.StatusRequestEntityTooLarge, "far too large"},
		{"a form without a post", func() Answer { return c.ann.Post("/posts", url.Values{}) }, bad, "blank"},
	}
}

// join signs up.
func (c *cast) join(name, password string) func() Answer {
	return func() Answer { return c.guest.Post("/signup", credentials(name, password)) }
}

func (c *cast) badNames() []mischief {
	const rule = "3 to 20 of the letters a to z"
	taken := func(name string) mischief {
		return mischief{"the name " + name + " is taken", c.join(name, bobsPassword), http.StatusConflict, "taken"}
	}
	illegal := func(name string) mischief {
		return mischief{
			"the name " + url.QueryEscape(name) + " is illegal", c.join(name, bobsPassword),
			http.StatusBadRequest, rule,
		}
	}
	rename := func(name string) func() Answer {
		return func() Answer { return c.ann.Post("/settings/name", url.Values{"name": {name}}) }
	}
	return []mischief{
		taken("ann"), taken("ANN"), taken("ａｎｎ"), taken("wi11iam"), taken("vvilliam"), taken("willi_am"),
		illegal("an"), illegal("1ann"), illegal("ann marie"), illegal("аnn" /* begins in Cyrillic */), illegal(""),
		illegal(strings.Repeat("a", 21)), illegal("<script>alert(1)</script>"), illegal("a\x00b"),
		{"the name of the house is reserved", c.join("admin", bobsPassword), http.StatusBadRequest, "reserved"},
		{"a name that is not UTF-8", c.join("ann\xff", bobsPassword), http.StatusBadRequest, "not valid UTF-8"},
		{"a new name that is taken", rename("william"), http.StatusConflict, "taken"},
		{"a new name that looks taken", rename("wiiliam"), http.StatusConflict, "taken"},
		{"a new name that is illegal", rename("a b"), http.StatusBadRequest, rule},
	}
}

func (c *cast) badPasswords() []mischief {
	const bad = http.StatusBadRequest
	return []mischief{
		{"a short password", c.join("carl", "1234567"), bad, "at least 8"},
		{"no password", c.join("carl", ""), bad, "at least 8"},
		{"a password that is the name", c.join("carl_the_1st", "carl_the_1st"), bad, "The password is the name"},
		{"a password that everybody has", c.join("carl", "password123"), bad, "anybody would try"},
		{"an enormous password", c.join("carl", strings.Repeat("a", 5000)), bad, "too long"},
		{"a wrong password", func() Answer {
			return c.guest.Post("/login", credentials("ann", "a saw with 33 teeth"))
		}, http.StatusUnauthorized, "The name or the password is wrong"},
		{"a password for nobody", func() Answer {
			return c.guest.Post("/login", credentials("nobody1", annsPassword))
		}, http.StatusUnauthorized, "The name or the password is wrong"},
	}
}

func (c *cast) badProfiles() []mischief {
	const bad = http.StatusBadRequest
	describe := func(shown, bio string) func() Answer {
		return func() Answer { return c.ann.Post("/settings", url.Values{"display_name": {shown}, "bio": {bio}}) }
	}
	return []mischief{
		{"a long display name", describe(strings.Repeat("a", 51), ""), bad, "51 characters: at most 50 fit"},
		{"a long bio", describe("", strings.Repeat("a", 161)), bad, "161 characters: at most 160 fit"},
		{"a display name with a bell", describe("ding\x07", ""), bad, "control character"},
		{"a bio of two lines", describe("", "one\ntwo"), bad, "control character"},
		{"a bio that is not UTF-8", describe("", "\xc3\x28"), bad, "not valid UTF-8"},
		{"half of a profile", func() Answer {
			return c.ann.Post("/settings", url.Values{"bio": {"only"}})
		}, bad, "part of the form is missing"},
	}
}
