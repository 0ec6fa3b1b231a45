package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestSignUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		name, password string
		status         int
		shows, field   string
	}{
		"a name that is taken":    {"Ada", "long enough", http.StatusConflict, "This name is taken.", "name"},
		"a name of odd letters":   {"b<b", "long enough", http.StatusBadRequest, "A name has 3 to 20 letters.", "name"},
		"no name":                 {"", "long enough", http.StatusBadRequest, "A name has", "name"},
		"a password that is weak": {"bob", "sh0rt!", http.StatusBadRequest, "The password is too short.", "password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t).other()
			b.get("/signup")
			a := b.post("/signup", "name", c.name, "password", c.password).is(c.status).shows(c.shows)
			a.holds(`id="` + c.field + `-wrong"`).lacks(c.password)
			a.shows(`name="name" value="` + c.name + `"`)
			if strings.Contains(b.cookies(), "chirp_session") {
				t.Error("somebody is logged in")
			}
		})
	}
	t.Run("a good name and password log in at once", func(t *testing.T) {
		t.Parallel()
		b := setup(t).other()
		b.get("/signup")
		b.post("/signup", "name", "Bob", "password", "long enough").leadsTo("/")
		b.get("/").shows("Log out", "/@bob")
		if got := b.cookies(); got != "chirp_session" {
			t.Errorf("cookies %q: the guest's should be gone", got)
		}
	})
}

func TestLogIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	guest := b.other()
	guest.get("/login?next=/settings").holds(`name="next" value="/settings"`)
	for _, name := range []string{"ada", "nobody"} {
		guest.post("/login", "name", name, "password", "wrong").is(http.StatusUnauthorized).
			shows("The name or the password is wrong.", `value="`+name+`"`)
	}
	b.fakes.breaks("accounts.LogIn", status.Error(codes.ResourceExhausted, "too many log-ins are waiting"))
	guest.post("/login", "name", "ada", "password", "correct horse").is(http.StatusTooManyRequests).
		shows("Too many log-ins are waiting.")
	b.fakes.breaks("accounts.LogIn", nil)
	guest.post("/login", "name", "ada", "password", "correct horse", "next", "/settings").leadsTo("/settings")
	guest.get("/login").leadsTo("/")
}

func TestLogInLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for next, want := range map[string]string{
		"/@ada?cursor=3":      "/@ada?cursor=3",
		"":                    "/",
		"https://evil.test/":  "/",
		"//evil.test":         "/",
		"///evil.test":        "/",
		`/\evil.test`:         "/",
		`/a\..\b`:             "/",
		"/\t/evil.test":       "/",
		"/\n/evil.test":       "/",
		"javascript:alert(1)": "/",
		"evil.test":           "/",
		"\u00a0//evil.test":   "/",
		"/%zz":                "/",
	} {
		guest := b.other()
		guest.get("/login?next=" + url.QueryEscape(next)).is(http.StatusOK).lacks("evil.test")
		guest.post("/login", "name", "ada", "password", "correct horse", "next", next).leadsTo(want)
		guest.get("/login?next=" + url.QueryEscape(next)).leadsTo(want)
	}
}

func TestLogOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post("/logout").leadsTo("/")
	if got := b.cookies(); got != "" {
		t.Errorf("cookies %q are left", got)
	}
	if len(b.fakes.sessions) != 0 {
		t.Error("the session goes on")
	}
	b.get("/settings").leadsTo("/login?next=%2Fsettings")
}

func TestPostsAreMade(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get("/")
	b.post("/posts", "client_id", "form", "text", "first").leadsTo("/")
	b.post("/posts", "client_id", "form", "text", "first").leadsTo("/")
	if n := len(b.fakes.posts); n != 1 {
		t.Errorf("one form sent twice made %d posts", n)
	}
	b.post("/posts", "client_id", "form", "text", "changed after going back").leadsTo("/")
	b.post("/posts", "text", strings.Repeat("é", 141)).leadsTo("/")
	if n := len(b.fakes.posts); n != 3 {
		t.Errorf("%d posts, want 3", n)
	}
	b.get("/").shows("first", "changed after going back")
}

func TestPostsThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, shows string
	}{
		"142 characters":      {strings.Repeat("é", 142), "This post has 142 characters: at most 141 fit."},
		"blank":               {" \r\n ", "A post cannot be blank"},
		"a control character": {"a\x00b", "control character"},
		"a tower of accents":  {"a" + strings.Repeat("\u0301\u0302", 40), "too many marks"},
		"an override":         {"abc\u202edef", "changes the direction"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.get("/")
			a := b.post("/posts", "client_id", "form", "text", c.text).is(http.StatusBadRequest).shows(c.shows)
			a.holds(`aria-invalid="true"`, `id="text-wrong"`, `name="client_id" value="form"`)
			if text := strings.TrimSpace(c.text); !strings.Contains(text, "\x00") {
				a.shows(text)
			}
			if len(b.fakes.posts) != 0 {
				t.Error("it was stored")
			}
		})
	}
	t.Run("over the limit, the counter says by how much", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.get("/")
		b.post("/posts", "text", strings.Repeat("👩‍👩‍👧‍👦", 143)).shows("2 too many")
	})
}

func TestForgedAndEndedSessions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	clear(b.fakes.sessions)
	b.post("/posts", "text", "do not lose this").is(http.StatusUnauthorized).
		shows("your post was not sent", `value="/?text=do+not+lose+this"`)
	if got := b.cookies(); strings.Contains(got, "chirp_session") {
		t.Errorf("cookies %q: the dead session is kept", got)
	}
	b.post("/login", "name", "ada", "password", "correct horse", "next", "/?text=do+not+lose+this").
		leadsTo("/?text=do+not+lose+this")
	b.get("/?text=do+not+lose+this").shows("do not lose this")
	if len(b.fakes.posts) != 0 {
		t.Error("the post was stored")
	}
	clear(b.fakes.sessions)
	b.post("/@ada/follow").is(http.StatusUnauthorized).shows("nothing was done")
}

func TestFollowing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bob := b.fakes.account("bob")
	b.get("/@bob").holds(`aria-label="Follow @bob"`)
	b.post("/@bob/follow", "next", "/public?cursor=9").leadsTo("/public?cursor=9")
	b.get("/@bob").holds(`aria-label="Unfollow @bob"`).shows("<b>1</b> follower")
	b.post("/@bob/unfollow", "next", "//evil.test").leadsTo("/@bob")
	b.get("/@bob").holds(`aria-label="Follow @bob"`)
	b.post("/@ada/follow").is(http.StatusBadRequest).shows("Nobody can follow themselves.")
	b.post("/@stranger/follow").is(http.StatusNotFound).shows("There is nobody of that name here.")
	b.post("/@bob/befriend").is(http.StatusNotFound)
	b.fakes.breaks("follows.Follow", status.Error(codes.FailedPrecondition, "you follow 5000 already"))
	b.post("/@bob/follow").is(http.StatusUnprocessableEntity).shows("You follow 5000 already.")
	if len(b.fakes.sides(bob.GetId(), 0)) != 0 {
		t.Error("somebody follows bob")
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fakes.account("bob")
	b.get("/settings")
	b.post("/settings", "display_name", "Ada L.", "bio", "I count.").leadsTo("/settings?saved")
	b.get("/settings?saved").shows("Saved.", "Ada L.", "I count.")
	b.post("/settings", "display_name", "Ada M.", "bio", strings.Repeat("x", 161)).is(http.StatusBadRequest).
		shows("This bio has 161 characters", "Ada M.", strings.Repeat("x", 161)).holds(`id="bio-wrong"`)
	b.post("/settings", "bio", "only half the form").is(http.StatusBadRequest)
	b.get("/@ada").shows("Ada L.", "I count.").lacks("Ada M.")

	b.post("/settings/name", "name", "bob").is(http.StatusConflict).shows("This name is taken.").
		holds(`id="name-wrong"`, `name="name" value="bob"`)
	b.post("/settings/name", "name", "lovelace").leadsTo("/settings?saved")
	b.get("/@lovelace").is(http.StatusOK).shows("Ada L.")
	b.get("/@ada").is(http.StatusNotFound)
	b.other().get("/settings").leadsTo("/login?next=%2Fsettings")
}
