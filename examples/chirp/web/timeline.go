package web

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

// timeline is a list of posts on a page.
type timeline struct {
	Posts []postView
	Next  string // address of the older posts, empty on the last page
	Empty string // what to say when there are none; empty if that is not known
}

// postView is a post as pages show it.
type postView struct {
	ID     int64
	Author person
	Text   []piece
	At     time.Time
	Age    string
	Follow *followButton // nil for none
}

// followButton is the form that follows somebody, or stops it.
type followButton struct {
	Name      string
	Following bool
	CSRF      string
	Next      string // where to go afterwards
}

// show makes a timeline of posts. However many they are, it asks once for all
// authors, and once for whom the visitor follows if there are to be buttons.
func (v *visit) show(posts []*messagesv1.Post, next string, buttons bool) *timeline {
	ids := make([]int64, 0, len(posts))
	for _, post := range posts {
		ids = append(ids, post.GetAuthorId())
	}
	ids = unique(ids)
	var authors map[int64]person
	var button func(person) *followButton
	if buttons {
		v.me() // not from another goroutine
	}
	together(
		func() { authors = v.peopleByID(ids) },
		func() {
			if buttons {
				button = v.followButtons(ids)
			}
		},
	)
	t := &timeline{Next: v.older(next), Posts: make([]postView, 0, len(posts))}
	for _, post := range posts {
		view := v.view(post, authors)
		if button != nil {
			if b := button(view.Author); b != nil && !b.Following {
				view.Follow = b
			}
		}
		t.Posts = append(t.Posts, view)
	}
	return t
}

func (v *visit) view(post *messagesv1.Post, authors map[int64]person) postView {
	author, ok := authors[post.GetAuthorId()]
	if !ok {
		author = somebody(post.GetAuthorId())
	}
	at := post.GetCreatedAt().AsTime()
	return postView{
		ID: post.GetId(), Author: author, Text: pieces(post.GetText(), nil),
		At: at, Age: age(v.site.options.Now().Sub(at), at),
	}
}

// peopleByID asks for accounts by id; who is missing in the answer is somebody.
func (v *visit) peopleByID(ids []int64) map[int64]person {
	found := make(map[int64]person, len(ids))
	if len(ids) == 0 {
		return found
	}
	ctx, cancel := v.extra()
	defer cancel()
	answer, err := v.site.clients.Accounts.BatchGetProfiles(ctx, &accountsv1.BatchGetProfilesRequest{Ids: ids})
	v.lack(err, "Names are missing: accounts cannot be asked right now.")
	for _, profile := range answer.GetProfiles() {
		found[profile.GetId()] = known(profile)
	}
	return found
}

// followButtons tells which button each of some people gets. Nobody logged in,
// oneself, somebody without a name, and a failure to find out get none.
func (v *visit) followButtons(ids []int64) func(person) *followButton {
	none := func(person) *followButton { return nil }
	me := v.account
	if me == nil || len(ids) == 0 {
		return none
	}
	ctx, cancel := v.extra()
	defer cancel()
	answer, err := v.site.clients.Follows.FilterFollowing(ctx,
		&followsv1.FilterFollowingRequest{AccountId: me.GetId(), CandidateIds: ids})
	if v.lack(err, "Follow buttons are missing: follows cannot be asked right now.") {
		return none
	}
	following := make(map[int64]bool)
	for _, id := range answer.GetAccountIds() {
		following[id] = true
	}
	token, next := v.jar.csrf(), v.r.URL.RequestURI()
	return func(p person) *followButton {
		if p.ID == me.GetId() || p.Name == "" {
			return nil
		}
		return &followButton{Name: p.Name, Following: following[p.ID], CSRF: token, Next: next}
	}
}

// counts asks how many follow an account, and how many it follows; nil if unknown.
func (v *visit) counts(id int64) *followsv1.Counts {
	ctx, cancel := v.extra()
	defer cancel()
	answer, err := v.site.clients.Follows.CountFollows(ctx, &followsv1.CountFollowsRequest{AccountIds: []int64{id}})
	if v.lack(err, "Follower counts are missing right now.") || len(answer.GetCounts()) == 0 {
		return nil
	}
	return answer.GetCounts()[0]
}

// lack notes what the page has to do without because of err, and whether it does.
// Safe for concurrent use.
func (v *visit) lack(err error, what string) bool {
	if err == nil {
		return false
	}
	v.log().WarnContext(v.r.Context(), "page lacks something",
		slog.String("path", v.r.URL.Path), slog.String("lacks", what), slog.Any("error", err))
	v.miss(what)
	return true
}

// gap is lack for the main part of a page: the page is served, and its status tells.
// An error that is the visitor's is given back.
func (v *visit) gap(err error, what string) (int, error) {
	if err == nil {
		return http.StatusOK, nil
	}
	p := problemOf(err)
	if p.status < http.StatusInternalServerError && p.status != http.StatusTooManyRequests {
		return 0, err
	}
	v.lack(err, what)
	return p.status, nil
}

// older is this page's address, further back.
func (v *visit) older(cursor string) string {
	if cursor == "" {
		return ""
	}
	query := url.Values{"cursor": {cursor}}
	if q := v.r.URL.Query().Get("q"); q != "" {
		query.Set("q", q)
	}
	return v.r.URL.EscapedPath() + "?" + query.Encode()
}

func (v *visit) cursor() string { return v.r.URL.Query().Get("cursor") }

func unique(ids []int64) []int64 {
	seen := make(map[int64]bool, len(ids))
	kept := ids[:0]
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			kept = append(kept, id)
		}
	}
	return kept
}
