package story

import (
	"net/http"
	"net/url"
	"strings"
)

// badVisitors are not who they say, or send forms that are not the site's.
func (c *cast) badVisitors() []mischief {
	with := func(csrf string) url.Values {
		form := message("not mine")
		form.Set("csrf", csrf)
		return form
	}
	forged := func(path string) Answer {
		stranger := NewVisitor(c.t, "stranger", c.site.URL)
		return stranger.Send(http.MethodGet, path, "", http.Header{"Cookie": {"chirp_session=forged"}})
	}
	return []mischief{
		{
			"a session that has ended", func() Answer { return c.gone.Post("/posts", with(c.token)) },
			http.StatusUnauthorized, "your text is kept",
		},
		{"a forged session", func() Answer { return forged("/settings") }, http.StatusSeeOther, ""},
		{
			"a guest who posts", func() Answer { return c.guest.Post("/posts", message("not mine")) },
			http.StatusUnauthorized, "not logged in",
		},
		{
			"a form without a token", func() Answer { return c.ann.Post("/posts", with("")) },
			http.StatusForbidden, "nothing was done",
		},
		{
			"a form with another's token", func() Answer { return c.ann.Post("/posts", with(c.guest.Token())) },
			http.StatusForbidden, "nothing was done",
		},
		{"a form from another site", func() Answer {
			return c.ann.Send(http.MethodPost, "/posts", with(c.ann.Token()).Encode(), http.Header{
				"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"cross-site"},
			})
		}, http.StatusForbidden, "sent from another site"},
		{"an enormous body of anything", func() Answer {
			return c.ann.Send(http.MethodPost, "/login", strings.Repeat("a=b&", 1<<20), http.Header{
				"Content-Type": {"application/x-www-form-urlencoded"},
			})
		}, http.StatusRequestEntityTooLarge, "far too large"},
	}
}

func (c *cast) badFollows() []mischief {
	press := func(v *Visitor, path string) func() Answer {
		return func() Answer { return v.Post(path, url.Values{}) }
	}
	nobody := mischief{
		"following nobody's name", press(c.ann, "/@%00/follow"), http.StatusNotFound, "nobody of that name",
	}
	if c.site.Gateway {
		nobody.status, nobody.says = http.StatusBadRequest, "control character"
	}
	return []mischief{
		{"following oneself", press(c.ann, "/@ann/follow"), http.StatusBadRequest, "follow themselves"},
		{"following a stranger", press(c.ann, "/@stranger/follow"), http.StatusNotFound, "nobody of that name"},
		nobody,
		{"a guest who follows", press(c.guest, "/@ann/follow"), http.StatusUnauthorized, "not logged in"},
		{"doing what cannot be done", press(c.ann, "/@william/adore"), http.StatusNotFound, "nothing at this address"},
	}
}

// badAddresses are pages that are not there, and questions that make no sense.
func (c *cast) badAddresses() []mischief {
	get := func(name, path string, status int, says string) mischief {
		return mischief{name, func() Answer { return c.ann.Get(path) }, status, says}
	}
	const bad, none = http.StatusBadRequest, http.StatusNotFound
	from := func(page string) mischief {
		return get("a cursor from nowhere on "+page, page+"cursor=AQhAAAAAAAAAAf8", bad, "start from the first page")
	}
	return []mischief{
		from("/?"), from("/public?"), from("/@ann?"), from("/@ann/followers?"), from("/@ann/following?"),
		from("/search?q=saw&"),
		get("a post that is not there", "/posts/999999", none, "no such post"),
		get("a post below zero", "/posts/-1", none, "nothing at this address"),
		get("a post beyond numbers", "/posts/99999999999999999999", none, "nothing at this address"),
		get("nobody's profile", "/@stranger", none, "nobody of that name"),
		get("an address that is not UTF-8", "/@ann%ff", bad, "not valid UTF-8"),
		get("a search that is not UTF-8", "/search?q=%ff", bad, "not valid UTF-8"),
		get("a search for signs", "/search?q=%22+%2A+-", bad, "Type a word"),
		get("an enormous search", "/search?q="+strings.Repeat("a", 5000), bad, "too long"),
		get("a search in the index's own language", "/search?q="+url.QueryEscape(`text:a* OR NEAR("x"`),
			http.StatusOK, "No post"),
		{"a page that cannot be deleted", func() Answer {
			return c.ann.Send(http.MethodDelete, "/posts/1", "", nil)
		}, http.StatusMethodNotAllowed, "cannot be used like that"},
	}
}
