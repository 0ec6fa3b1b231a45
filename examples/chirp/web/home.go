package web

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"

	"github.com/kerf-go/kerf/examples/chirp/chirptext"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

// composer is the form for a new post.
type composer struct {
	Text  string
	Wrong string // what is wrong with the text
	ID    string // makes a form sent twice one post
}

// Max is the most characters of a post.
func (c composer) Max() int { return chirptext.Post.Max() }

// Over tells whether the text is too long.
func (c composer) Over() bool { return chirptext.Count(c.Text) > c.Max() }

// Left says how many more characters fit.
func (c composer) Left() string {
	if left := c.Max() - chirptext.Count(c.Text); left >= 0 {
		return fmt.Sprintf("%d left", left)
	}
	return fmt.Sprintf("%d too many", chirptext.Count(c.Text)-c.Max())
}

// timelinePage is the data of the pages that are mainly a timeline.
type timelinePage struct {
	Welcome  bool
	Compose  *composer
	Counts   *followsv1.Counts
	Timeline *timeline // nil if it is missing
	Live     bool      // new posts may be put on top
	Trends   []trend
}

// Newest is the id of the newest post, 0 for none.
func (p timelinePage) Newest() int64 {
	var newest int64
	if p.Timeline != nil {
		for _, post := range p.Timeline.Posts {
			newest = max(newest, post.ID)
		}
	}
	return newest
}

func (v *visit) home() error {
	if v.me() == nil {
		return v.publicTimeline(true)
	}
	return v.homeWith(http.StatusOK, composer{Text: v.r.URL.Query().Get("text"), ID: rand.Text()})
}

// homeWith shows the home timeline with a form that is filled in already.
func (v *visit) homeWith(status int, c composer) error {
	me := v.me()
	data := timelinePage{Compose: &c, Live: v.cursor() == ""}
	var answer *messagesv1.ListHomeResponse
	var err error
	together(
		func() {
			answer, err = v.site.clients.Messages.ListHome(v.r.Context(),
				&messagesv1.ListHomeRequest{AccountId: me.GetId(), Cursor: v.cursor()})
		},
		func() { data.Counts = v.counts(me.GetId()) },
		func() { data.Trends = v.trends() },
	)
	lacking, err := v.gap(err, "Your timeline is not available right now.")
	if err != nil {
		return err
	}
	if lacking == http.StatusOK {
		data.Timeline = v.show(answer.GetPosts(), answer.GetNextCursor(), false)
		data.Timeline.Empty = "Nothing here yet. Write your first post, or find somebody to follow."
	} else if status == http.StatusOK {
		status = lacking
	}
	if answer.GetOnlyOwn() {
		v.miss("Only your own posts are here: whom you follow cannot be found out right now.")
	}
	v.render(status, "timeline", "Home", data)
	return nil
}

func (v *visit) public() error { return v.publicTimeline(false) }

func (v *visit) publicTimeline(welcome bool) error {
	var data timelinePage
	var more sync.WaitGroup
	more.Go(func() { data.Trends = v.trends() })
	answer, err := v.site.clients.Messages.ListPublic(v.r.Context(), &messagesv1.ListPublicRequest{Cursor: v.cursor()})
	more.Wait()
	status, err := v.gap(err, "Posts are not available right now.")
	if err != nil {
		return err
	}
	data.Welcome = welcome && !v.unchecked()
	if status == http.StatusOK {
		data.Timeline = v.show(answer.GetPosts(), answer.GetNextCursor(), true)
		data.Timeline.Empty = "Nobody has written anything yet."
	}
	title := "Everybody’s posts"
	if data.Welcome {
		title = ""
	}
	v.render(status, "timeline", title, data)
	return nil
}
