package story

import (
	"net/http"
	"testing"
)

// Processes are those behind a site: one for each service, named after it. Kill
// ends one at once, as kill -9 does; Restart brings it back and waits until it is
// ready.
type Processes interface {
	Kill(process string)
	Restart(process string)
}

// Break kills each process in turn while bob looks at his page: what does not
// need it still serves and says what is missing, and when it is back all is well
// again without anybody doing anything.
func Break(t *testing.T, browser *Browser, site Site, processes Processes) {
	t.Helper()
	b := &breakage{t: t, site: site, processes: processes, ann: NewVisitor(t, "ann", site.URL)}
	b.ann.SignUp("ann", annsPassword)
	b.ann.Write("Before anything breaks.")
	b.bob = browser.Open(t, "bob", site.URL)
	b.bob.seen.tolerate(site.URL + "/live*") // while it is away
	b.bob.Go("/signup")
	b.bob.Fill("#name", "bob")
	b.bob.Fill("#password", bobsPassword)
	b.bob.Follow(`[data-testid="signup-button"]`)
	b.bob.Go("/@ann")
	b.bob.Follow(`.person [data-testid="follow"]`)
	for _, kill := range []func(){b.notify, b.messages, b.follows, b.accounts, b.web} {
		kill()
	}
}

type breakage struct {
	t         *testing.T
	site      Site
	processes Processes
	ann       *Visitor
	bob       *Page
}

// watch has bob look at his page, and go on looking at it.
func (b *breakage) watch() {
	b.bob.Go("/")
	b.bob.listening()
}

// unharmed asserts that bob's page is the one he opened, and is told of new posts.
func (b *breakage) unharmed(text string) {
	b.bob.Until("to be connected again", `document.getElementById("feed").dataset.state === "open"`)
	b.bob.Not("#paused", "paused")
	b.ann.Write(text)
	b.bob.See(".feed .post:first-child", text)
	b.bob.Until("to be the same page as before", `window.storySame`)
}

func (b *breakage) notify() {
	b.watch()
	b.processes.Kill("notify")
	b.bob.See("#paused", "Live updates are paused")
	b.ann.Write("Nobody is told of this.")
	b.ann.Sees("/", http.StatusOK, "Nobody is told of this.")
	b.processes.Restart("notify")
	b.bob.See(".feed .post:first-child", "Nobody is told of this.")
	b.unharmed("Told again.")
}

func (b *breakage) messages() {
	b.watch()
	b.processes.Kill("messages")
	b.ann.Sees("/", http.StatusServiceUnavailable, "Your timeline is not available right now",
		"What do you have to say?")
	b.ann.Sees("/@ann", http.StatusServiceUnavailable, "@ann", "Posts are not available right now", "1 follower")
	b.ann.Sees("/@ann/followers", http.StatusOK, "@bob")
	b.ann.Sees("/settings", http.StatusOK, "Settings")
	b.ann.Sees("/search?q=before", http.StatusServiceUnavailable, "Search is not available right now")
	NewVisitor(b.t, "ann again", b.site.URL).LogIn("ann", annsPassword)
	refused := b.ann.Post("/posts", message("Is it lost?"))
	b.ann.expect("post", refused, http.StatusServiceUnavailable, "Is it lost?", "will not post it twice")
	b.processes.Restart("messages")
	b.unharmed("Posts are back.")
}

func (b *breakage) follows() {
	b.watch()
	b.processes.Kill("follows")
	b.ann.Sees("/", http.StatusOK, "Only your own posts are here", "Follower counts are missing", "Posts are back.")
	b.ann.Sees("/@bob", http.StatusOK, "@bob", "Follow buttons are missing")
	b.ann.Sees("/@bob/followers", http.StatusServiceUnavailable, "Who follows whom is not available")
	b.ann.Sees("/public", http.StatusOK, "Posts are back.")
	b.ann.Write("Only I can see it now.")
	b.processes.Restart("follows")
	b.unharmed("Readers are back.")
}

func (b *breakage) accounts() {
	b.watch()
	b.processes.Kill("accounts")
	b.ann.Sees("/public", http.StatusOK, "Names are missing", "You are still logged in", "Readers are back.")
	guest := NewVisitor(b.t, "guest", b.site.URL)
	guest.Sees("/", http.StatusOK, "Readers are back.")
	refused := guest.Post("/login", credentials("ann", annsPassword))
	guest.expect("log in", refused, http.StatusServiceUnavailable, "not available right now")
	b.processes.Restart("accounts")
	b.unharmed("I am still logged in.")
}

func (b *breakage) web() {
	b.watch()
	b.processes.Kill("web")
	b.bob.See("#paused", "Live updates are paused")
	b.processes.Restart("web")
	b.unharmed("The site is back.")
}
