package story

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

const (
	annsPassword = "a saw with 32 teeth"  //nolint:gosec // of nobody
	bobsPassword = "no teeth but a smile" //nolint:gosec // of nobody
)

// browse is the story while it is told: what ann and bob have open.
type browse struct {
	t        *testing.T
	site     Site
	browser  *Browser
	ann, bob *Page
}

// Browse tells the whole story of two people in a browser. During all of it no
// page may ask another host for anything, and no console may complain.
func Browse(t *testing.T, browser *Browser, site Site) {
	t.Helper()
	b := &browse{t: t, site: site, browser: browser}
	b.ann, b.bob = browser.Open(t, "ann", site.URL), browser.Open(t, "bob", site.URL)
	chapters := []func(){
		b.signUpByKeyboard, b.signUpByMouse, b.logOutAndIn,
		b.post, b.postTooMuch, b.postScript, b.profile, b.follow, b.live, b.search, b.rename, b.pages, b.unfollow,
		b.tamper, b.looks, b.withoutScript,
	}
	for _, chapter := range chapters {
		chapter()
	}
}

// signUpByKeyboard uses nothing but Tab, letters and Enter.
func (b *browse) signUpByKeyboard() {
	p := b.ann
	p.Go("/")
	p.tabTo(`document.activeElement.matches(".skip")`)
	p.tabTo(`document.activeElement.getAttribute("href") === "/signup"`)
	p.leaveBy(func() { p.Press(kb.Enter) })
	p.tabTo(`document.activeElement.id === "name"`)
	p.Press("Ann")
	p.tabTo(`document.activeElement.id === "password"`)
	p.Press(annsPassword)
	p.tabTo(`document.activeElement.dataset.testid === "signup-button"`)
	if p.Value(`getComputedStyle(document.activeElement).outlineStyle`) == "none" {
		b.t.Error("one cannot see which button has the focus")
	}
	p.leaveBy(func() { p.Press(kb.Enter) })
	p.See("h1", "Home")
	p.See(".empty", "Nothing here yet")
}

// tabTo presses Tab until the focus is where it should be.
func (p *Page) tabTo(there string) {
	p.t.Helper()
	const most = 20
	for range most {
		p.Press(kb.Tab)
		if p.Value(there) == "true" {
			return
		}
	}
	p.t.Fatalf("%s pressed Tab %d times and did not come to %s", p.who, most, there)
}

func (b *browse) signUpByMouse() {
	p := b.bob
	p.Go("/")
	p.Follow(`[data-testid="signup-link"]`)
	p.Fill("#name", "ANN") // the same name, in other letters
	p.Fill("#password", bobsPassword)
	p.Follow(`[data-testid="signup-button"]`)
	p.Refused(409, ".wrong", "taken")
	p.Fill("#name", "bob")
	p.Fill("#password", bobsPassword)
	p.Follow(`[data-testid="signup-button"]`)
	p.See("h1", "Home")
}

func (b *browse) logOutAndIn() {
	p := b.bob
	p.Follow(`[data-testid="logout"]`)
	p.See(`[data-testid="login-link"]`, "Log in")
	p.Follow(`[data-testid="login-link"]`)
	p.Fill("#name", "bob")
	p.Fill("#password", annsPassword)
	p.Follow(`[data-testid="login-button"]`)
	p.Refused(401, ".wrong", "password")
	wrongPassword := p.Text(".wrong")
	p.Fill("#name", "nobody_at_all")
	p.Fill("#password", annsPassword)
	p.Follow(`[data-testid="login-button"]`)
	p.Refused(401, ".wrong", wrongPassword) // the same words: names cannot be found out
	p.Fill("#name", "Bob")
	p.Fill("#password", bobsPassword)
	p.Follow(`[data-testid="login-button"]`)
	p.See("h1", "Home")
}

const firstPost = "A kerf is the width a saw blade takes away: what a cut costs."

func (b *browse) post() {
	p := b.ann
	p.Fill("#text", firstPost)
	p.See("#left", "80 left") // of 141
	p.Follow(`[data-testid="post-button"]`)
	p.See(".feed .post", firstPost)
	p.Fill("#text", "👩‍👩‍👧‍👦é") // a family and an accent of its own: two characters
	p.See("#left", "139 left")
	p.Fill("#text", "")
}

// postTooMuch finds that the counter says so, and that the server does not trust it.
func (b *browse) postTooMuch() {
	p := b.ann
	long := strings.Repeat("a", 142)
	p.Fill("#text", long)
	p.See("#left.over", "1 too many")
	p.Follow(`[data-testid="post-button"]`)
	p.Refused(400, ".wrong", "142 characters")
	if kept := p.Value(`document.querySelector("#text").value`); kept != long {
		b.t.Errorf("a refused post comes back as %q, want what was typed", kept)
	}
	p.Fill("#text", long[1:])
	p.See("#left", "0 left")
	p.Follow(`[data-testid="post-button"]`)
	p.See(".feed .post", long[1:])
}

// postScript writes what would take over the page, if it were a part of it.
func (b *browse) postScript() {
	p := b.ann
	p.writes(script + markup)
	p.See(".feed .post:first-child", script+markup)
	if n := p.Count(".feed .text script, .feed .text img"); n != 0 {
		b.t.Errorf("%d elements of a post are a part of the page", n)
	}
	if title := p.Value("document.title"); strings.Contains(title, "pwned") {
		b.t.Errorf("a post's script has run: the title is %q", title)
	}
}

func (b *browse) profile() {
	p := b.ann
	p.Go("/settings")
	p.Fill("#display_name", "Ann of the <b>Woods</b>")
	p.Fill("#bio", "Saws & sells. Ünïcödé too.")
	p.Follow(`[data-testid="save-profile"]`)
	p.See(`[data-testid="saved"]`, "Saved.")
	p.Follow(`[data-testid="me"]`)
	p.See(`[data-testid="shown"]`, "Ann of the <b>Woods</b>")
	p.See(`[data-testid="bio"]`, "Saws & sells. Ünïcödé too.")
	p.See(".feed .post", firstPost)
}

func (b *browse) follow() {
	p := b.bob
	p.Go("/@ann")
	p.Follow(`.person [data-testid="follow"]`)
	p.See(".person .counts", "1 follower")
	p.See(`.person [data-testid="unfollow"]`, "Unfollow")
	p.Go("/")
	p.See(".feed .post", firstPost)
	p.See(".counts", "1 following")
	b.ann.Go("/@ann/followers")
	b.ann.See(".people li", "@bob")
}

// live has bob see a post arrive: his page asks for nothing and stays where it is.
func (b *browse) live() {
	b.bob.Go("/")
	b.bob.listening()
	before := len(b.bob.seen.sent())
	b.ann.writes("Fresh sawdust, just now.")
	b.bob.See(".feed .post.new:first-child", "Fresh sawdust, just now.")
	for _, request := range b.bob.seen.sent()[before:] {
		b.t.Errorf("bob's page asked for %s to show a new post", request)
	}
	b.bob.Until("to be the same page as before", `window.storySame`)
}

// listening waits until the page is told of new posts, and marks it.
func (p *Page) listening() {
	p.t.Helper()
	p.Until("to be connected", `document.getElementById("feed").dataset.state === "open"`)
	p.Eval(`window.storySame = true`)
}

// writes posts from the home page.
func (p *Page) writes(text string) {
	p.t.Helper()
	p.Go("/")
	p.Fill("#text", text)
	p.Follow(`[data-testid="post-button"]`)
	p.See(".feed .post", text)
}

func (b *browse) search() {
	p := b.bob
	p.Fill("#find", "sawdust fresh")
	p.leaveBy(func() { p.Press(kb.Enter) })
	p.See(".feed .post", "Fresh sawdust, just now.")
	p.See(".feed mark", "Fresh")
	p.See(".feed mark", "sawdust")
	if n := p.Count(".feed .post"); n != 1 {
		b.t.Errorf("search shows %d posts, want 1", n)
	}
	p.Fill("#q", "words that nobody wrote")
	p.Follow(`[data-testid="search-button"]`)
	p.See(".empty", "No post holds all of these words.")
}

func (b *browse) rename() {
	p := b.ann
	p.Go("/settings")
	p.Fill("#name", "bob")
	p.Follow(`[data-testid="save-name"]`)
	p.Refused(409, ".wrong", "taken")
	p.Fill("#name", "anna")
	p.Follow(`[data-testid="save-name"]`)
	p.See(`[data-testid="saved"]`, "Saved.")
	b.bob.Go("/@ann")
	b.bob.Refused(404, `[data-testid="problem"]`, "nobody of that name")
	b.bob.Go("/")
	b.bob.See(".feed .post", "@anna") // posts and followers stay
	b.bob.See(".feed .post", firstPost)
}

func (b *browse) unfollow() {
	p := b.bob
	p.Go("/@anna")
	p.Follow(`.person [data-testid="unfollow"]`)
	p.See(".person .counts", "0 followers")
	p.Go("/")
	p.See(".empty", "Nothing here yet")
	p.Go("/public")
	p.See(".feed .post", "page 25")
}

// tamper sends a form with somebody else's token.
func (b *browse) tamper() {
	p := b.bob
	p.Go("/")
	p.Fill("#text", "this must not be posted")
	p.Eval(`document.querySelector(".compose [name=csrf]").value = "forged"`)
	p.Follow(`[data-testid="post-button"]`)
	p.Refused(403, `[data-testid="problem"]`, "nothing was done")
	p.Go("/public")
	p.Not(".feed .post", "this must not be posted")
}
