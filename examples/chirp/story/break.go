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

// Break kills each process in turn while sam looks at his page: what does not
// need it still serves and says what is missing, and when it is back all is well
// again without anybody doing anything.
func Break(t *testing.T, browser *Browser, site Site, processes Processes) {
	t.Helper()
	b := &breakage{t: t, site: site, processes: processes, rosa: NewVisitor(t, "rosa", site.URL)}
	b.rosa.SignUp("rosa", annsPassword)
	b.rosa.Write("Before anything breaks.")
	b.sam = browser.Open(t, "sam", site.URL)
	b.sam.seen.tolerate(site.URL + "/live*") // while it is away
	b.sam.Go("/signup")
	b.sam.Fill("#name", "sam")
	b.sam.Fill("#password", bobsPassword)
	b.sam.Follow(`[data-testid="signup-button"]`)
	b.sam.Go("/@rosa")
	b.sam.Follow(`.person [data-testid="follow"]`)
	for _, kill := range []func(){b.notify, b.messages, b.follows, b.accounts, b.web} {
		kill()
	}
}

type breakage struct {
	t         *testing.T
	site      Site
	processes Processes
	rosa      *Visitor
	sam       *Page
}

// watch has sam look at his page, and go on looking at it.
func (b *breakage) watch() {
	b.sam.Go("/")
	b.sam.listening()
}

// unharmed asserts that sam's page is the one he opened, and is told of new posts.
func (b *breakage) unharmed(text string) {
	b.sam.Until("to be connected again", `document.getElementById("feed").dataset.state === "open"`)
	b.sam.Not("#paused", "paused")
	b.rosa.Write(text)
	b.sam.See(".feed .post:first-child", text)
	b.sam.Until("to be the same page as before", `window.storySame`)
}

func (b *breakage) notify() {
	b.watch()
	b.processes.Kill("notify")
	b.sam.See("#paused", "Live updates are paused")
	b.rosa.Write("Nobody is told of this.")
	b.rosa.Sees("/", http.StatusOK, "Nobody is told of this.")
	b.processes.Restart("notify")
	b.sam.See(".feed .post:first-child", "Nobody is told of this.")
	b.unharmed("Told again.")
}

func (b *breakage) messages() {
	b.watch()
	b.processes.Kill("messages")
	b.rosa.Sees("/", http.StatusServiceUnavailable, "Your timeline is not available right now",
		"What do you have to say?")
	b.rosa.Sees("/@rosa", http.StatusServiceUnavailable, "@rosa", "Posts are not available right now", "1 follower")
	b.rosa.Sees("/@rosa/followers", http.StatusOK, "@sam")
	b.rosa.Sees("/settings", http.StatusOK, "Settings")
	b.rosa.Sees("/search?q=before", http.StatusServiceUnavailable, "Search is not available right now")
	NewVisitor(b.t, "rosa again", b.site.URL).LogIn("rosa", annsPassword)
	refused := b.rosa.Post("/posts", message("Is it lost?"))
	b.rosa.expect("post", refused, http.StatusServiceUnavailable, "Is it lost?", "will not post it twice")
	b.processes.Restart("messages")
	b.unharmed("Posts are back.")
}

func (b *breakage) follows() {
	b.watch()
	b.processes.Kill("follows")
	b.rosa.Sees("/", http.StatusOK, "Only your own posts are here", "Follower counts are missing", "Posts are back.")
	b.rosa.Sees("/@sam", http.StatusOK, "@sam", "Follow buttons are missing")
	b.rosa.Sees("/@sam/followers", http.StatusServiceUnavailable, "Who follows whom is not available")
	b.rosa.Sees("/public", http.StatusOK, "Posts are back.")
	b.rosa.Write("Only I can see it now.")
	b.processes.Restart("follows")
	b.unharmed("Readers are back.")
}

func (b *breakage) accounts() {
	b.watch()
	b.processes.Kill("accounts")
	b.rosa.Sees("/public", http.StatusOK, "Names are missing", "You are still logged in", "Readers are back.")
	guest := NewVisitor(b.t, "guest", b.site.URL)
	guest.Sees("/", http.StatusOK, "Readers are back.")
	refused := guest.Post("/login", credentials("rosa", annsPassword))
	guest.expect("log in", refused, http.StatusServiceUnavailable, "not available right now")
	b.processes.Restart("accounts")
	b.unharmed("I am still logged in.")
}

func (b *breakage) web() {
	b.watch()
	b.processes.Kill("web")
	b.sam.See("#paused", "Live updates are paused")
	b.processes.Restart("web")
	b.unharmed("The site is back.")
}
