package web_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
)

func TestWelcomeIsForStrangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fakes.write(b.ada, "hello there", true)
	b.other().get("/").is(http.StatusOK).shows("Say it in 141 characters.", "hello there", "Sign up").lacks("Log out")
	b.get("/").is(http.StatusOK).shows("What do you have to say?", "Log out").lacks("Say it in 141")
}

func TestHomeShowsWhomOneFollows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bob, eve := b.fakes.account("bob"), b.fakes.account("eve")
	b.fakes.follow(b.ada, bob.GetId())
	b.fakes.write(bob.GetId(), "by bob", true)
	b.fakes.write(eve.GetId(), "by eve", true)
	b.get("/").shows("by bob").lacks("by eve")
	b.get("/public").shows("by bob", "by eve").
		holds(`action="/@eve/follow"`).lacks(`action="/@bob/follow"`, `action="/@ada/follow"`)
}

func TestTimelinesGoOn(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/public", "/@ada", "/search?q=post"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for i := range 25 {
				b.fakes.write(b.ada, "post "+strings.Repeat("x", i+1)+".", true)
			}
			first := b.get(path).is(http.StatusOK).shows("xxxxxx.").holds("Load more").lacks("Names are missing")
			_, rest, _ := strings.Cut(first.text, `class="older"><a class="button quiet" href="`)
			older, _, _ := strings.Cut(rest, `"`)
			second := b.get(older).is(http.StatusOK).holds(`id="post-1"`, `id="post-5"`)
			if strings.Contains(second.body, `id="post-6"`) || strings.Contains(second.body, "Load more") {
				t.Errorf("the second page repeats, or is not the last:\n%s", second.body)
			}
		})
	}
}

func TestCallsDoNotGrowWithPosts(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/public", "/@ada", "/search?q=post", "/@ada/followers", "/@ada/following"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			grow := func(people int) map[string]int {
				for range people {
					other := b.fakes.account("friend" + strings.Repeat("x", len(b.fakes.profiles)))
					b.fakes.follow(b.ada, other.GetId())
					b.fakes.follow(other.GetId(), b.ada)
					b.fakes.write(other.GetId(), "post", true)
				}
				b.fakes.counted()
				b.get(path).is(http.StatusOK)
				return b.fakes.counted()
			}
			one, many := grow(1), grow(19)
			if !maps.Equal(one, many) {
				t.Errorf("calls for one row %v, for twenty %v", one, many)
			}
			for method, n := range many {
				if n != 1 {
					t.Errorf("%d calls of %s", n, method)
				}
			}
		})
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bob := b.fakes.account("bob")
	bob.DisplayName, bob.Bio = "Bob B.", "I saw."
	b.fakes.follow(bob.GetId(), b.ada)
	b.fakes.write(bob.GetId(), "by bob", true)
	b.get("/@bob").is(http.StatusOK).shows("Bob B.", "@bob", "I saw.", "by bob", "<b>1</b> following", "Follow")
	b.get("/@ada").shows("<b>1</b> follower<", "Edit profile", "No posts yet.")
	b.get("/@ada/followers").shows("Bob B.", "I saw.")
	b.get("/@bob/followers").shows("Nobody yet.")
	b.other().get("/@bob").is(http.StatusOK).lacks(`action="/@bob/follow"`)
}

func TestOtherSpellingsLeadToTheName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for path, want := range map[string]string{
		"/@Ada": "/@ada", "/@ADA/followers": "/@ada/followers", "/@ADA?cursor=7": "/@ada?cursor=7",
	} {
		if got := b.get(path).is(http.StatusMovedPermanently).header.Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
	}
}

func TestPostPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fakes.write(b.ada, "one of a kind", true)
	b.get("/posts/1").is(http.StatusOK).shows("one of a kind", "More by ada")
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{
		"/posts/2", "/posts/0", "/posts/-1", "/posts/x", "/posts/99999999999999999999", "/@nobody", "/@", "/ada",
		"/@ada/friends", "/@nobody/followers", "/nothing", "/nothing/at/all", "/static/site.css", "/static/../site.go",
	} {
		if a := b.get(path); a.status != http.StatusNotFound && a.status/100 != 3 {
			t.Errorf("%s: status %d, want 404", path, a.status)
		}
	}
	b.get("/nothing").shows("Not found", "Go home").holds("<main")
}

func TestMethodsThatAreNotKnown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for path, allow := range map[string]string{
		"/": "GET, HEAD", "/posts": "POST", "/login": "GET, HEAD, POST", "/@ada": "GET, HEAD", "/live": "GET, HEAD",
	} {
		a := b.do(b.request(http.MethodDelete, path, nil)).is(http.StatusMethodNotAllowed)
		if got := a.header.Get("Allow"); got != allow {
			t.Errorf("%s allows %q, want %q", path, got, allow)
		}
	}
	b.do(b.request(http.MethodPut, "/nothing", nil)).is(http.StatusNotFound)
	b.do(b.request(http.MethodHead, "/public", nil)).is(http.StatusOK)
}

func TestSearchMarksWhatItFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fakes.write(b.ada, "the <b>kerf</b> & more", true)
	b.get("/search?q=kerf").is(http.StatusOK).holds("the &lt;b&gt;<mark>kerf</mark>&lt;/b&gt; &amp; more")
	b.get("/search?q=nothing").is(http.StatusOK).shows("No post holds all of these words.")
	b.get("/search").is(http.StatusOK).shows("Words that a post holds")
	b.get("/search?q=!!").is(http.StatusBadRequest).shows("Type a word to search for.").holds(`value="!!"`)
	b.get("/search?q=kerf&cursor=evil").is(http.StatusBadRequest).shows("This page link is not valid")
}

func TestAssetsMayBeKeptForGood(t *testing.T) {
	t.Parallel()
	b := setup(t)
	page := b.get("/public").body
	for _, mark := range []string{`rel="stylesheet" href="`, `script src="`, `rel="icon" href="`} {
		_, rest, _ := strings.Cut(page, mark)
		address, _, _ := strings.Cut(rest, `"`)
		a := b.get(address).is(http.StatusOK)
		if got := a.header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", address, got)
		}
	}
	if got := b.get("/favicon.ico").is(http.StatusOK).header.Get("Content-Type"); got != "image/svg+xml" {
		t.Errorf("the favicon is %q", got)
	}
}
