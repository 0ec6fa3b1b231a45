package story

import (
	"fmt"
	"strconv"
	"strings"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

const morePosts = 25

// pages walks back through a long timeline: each post once, the newest first.
func (b *browse) pages() {
	b.fill()
	p := b.bob
	p.Go("/")
	p.See(".feed .post:first-child", "page "+strconv.Itoa(morePosts))
	seen := b.ids()
	for len(seen) <= morePosts && p.Count(`[data-testid="older"]`) > 0 {
		p.Follow(`[data-testid="older"]`)
		seen = append(seen, b.ids()...)
	}
	if want := morePosts + 4; len(seen) != want {
		b.t.Errorf("all pages together show %d posts, want %d", len(seen), want)
	}
	for i := 1; i < len(seen); i++ {
		if seen[i] >= seen[i-1] {
			b.t.Errorf("post %d comes after post %d", seen[i], seen[i-1])
		}
	}
	p.See(".feed .post:last-child", firstPost)
}

// ids are those of the posts on bob's page, from top to bottom.
func (b *browse) ids() []int {
	all := b.bob.Value(`[...document.querySelectorAll(".feed .post")].map(e => e.dataset.id).join(",")`)
	var ids []int
	for text := range strings.SplitSeq(all, ",") {
		id, err := strconv.Atoi(text)
		if err != nil {
			b.t.Fatalf("post without an id: %v", err)
		}
		ids = append(ids, id)
	}
	return ids
}

// fill has anna write more than a page holds.
func (b *browse) fill() {
	ctx := b.t.Context()
	anna, err := b.site.Accounts.GetProfile(ctx, &accountsv1.GetProfileRequest{Name: "anna"})
	if err != nil {
		b.t.Fatalf("find anna: %v", err)
	}
	for i := 1; i <= morePosts; i++ {
		_, err := b.site.Messages.CreatePost(ctx, &messagesv1.CreatePostRequest{
			AuthorId: anna.GetProfile().GetId(), ClientId: strconv.Itoa(i), Text: fmt.Sprintf("This fills page %d", i),
		})
		if err != nil {
			b.t.Fatalf("write post %d: %v", i, err)
		}
	}
}
