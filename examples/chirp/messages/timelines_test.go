package messages_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/examples/chirp/internal/chirptest"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

func TestTimelinesAreNewestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.follows.following = map[int64][]int64{1: {2, 3}}
	for i, author := range []int64{1, 2, 4, 3, 2} {
		b.post(t, author, strconv.Itoa(i), fmt.Sprintf("post %d by %d", i, author))
	}
	public, err := b.ListPublic(t.Context(), &messagesv1.ListPublicRequest{})
	chirptest.WantCode(t, err, codes.OK)
	wantTexts(t, public.GetPosts(), "post 4 by 2", "post 3 by 3", "post 2 by 4", "post 1 by 2", "post 0 by 1")
	home, err := b.ListHome(t.Context(), &messagesv1.ListHomeRequest{AccountId: 1})
	chirptest.WantCode(t, err, codes.OK)
	wantTexts(t, home.GetPosts(), "post 4 by 2", "post 3 by 3", "post 1 by 2", "post 0 by 1")
	if home.GetOnlyOwn() || b.follows.calls.Load() != 1 {
		t.Errorf("only_own %v, follows asked %d times", home.GetOnlyOwn(), b.follows.calls.Load())
	}
	own, err := b.ListByAuthor(t.Context(), &messagesv1.ListByAuthorRequest{AuthorId: 2})
	chirptest.WantCode(t, err, codes.OK)
	wantTexts(t, own.GetPosts(), "post 4 by 2", "post 1 by 2")
	none, err := b.ListByAuthor(t.Context(), &messagesv1.ListByAuthorRequest{AuthorId: 99})
	chirptest.WantCode(t, err, codes.OK)
	wantTexts(t, none.GetPosts())
}

func wantTexts(t *testing.T, posts []*messagesv1.Post, want ...string) {
	t.Helper()
	if got := texts(posts); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestHomeWithoutFollowsIsOnesOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.follows.following = map[int64][]int64{1: {2}}
	b.post(t, 1, "a", "mine")
	b.post(t, 2, "b", "theirs")
	for name, fail := range map[string]func(){
		"failing": func() { b.follows.err = errBroken },
		"hanging": func() { b.follows.hang = true },
	} {
		fail()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		home, err := b.ListHome(ctx, &messagesv1.ListHomeRequest{AccountId: 1})
		cancel()
		if err != nil || !home.GetOnlyOwn() || !slices.Equal(texts(home.GetPosts()), []string{"mine"}) {
			t.Errorf("follows %s: got %v, %v", name, home, err)
		}
	}
}

func TestHomeOfSomebodyWhoFollowsFiveThousand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var following []int64
	for id := int64(2); id <= 5001; id++ {
		following = append(following, id)
	}
	b.follows.following = map[int64][]int64{1: following}
	for i := range 30 {
		b.post(t, int64(5001-i), "x", strconv.Itoa(i))
	}
	home, err := b.ListHome(t.Context(), &messagesv1.ListHomeRequest{AccountId: 1})
	chirptest.WantCode(t, err, codes.OK)
	if len(home.GetPosts()) != 20 || home.GetPosts()[0].GetText() != "29" {
		t.Errorf("got %q", texts(home.GetPosts()))
	}
}

func TestPagesNeitherSkipNorRepeatWhilePostsArrive(t *testing.T) {
	t.Parallel()
	type page = func(context.Context, bundle, string) ([]*messagesv1.Post, string, error)
	for name, read := range map[string]page{
		"author": func(ctx context.Context, b bundle, c string) ([]*messagesv1.Post, string, error) {
			r, err := b.ListByAuthor(ctx, &messagesv1.ListByAuthorRequest{AuthorId: 1, PageSize: 4, Cursor: c})
			return r.GetPosts(), r.GetNextCursor(), err
		},
		"home": func(ctx context.Context, b bundle, c string) ([]*messagesv1.Post, string, error) {
			r, err := b.ListHome(ctx, &messagesv1.ListHomeRequest{AccountId: 9, PageSize: 4, Cursor: c})
			return r.GetPosts(), r.GetNextCursor(), err
		},
		"public": func(ctx context.Context, b bundle, c string) ([]*messagesv1.Post, string, error) {
			r, err := b.ListPublic(ctx, &messagesv1.ListPublicRequest{PageSize: 4, Cursor: c})
			return r.GetPosts(), r.GetNextCursor(), err
		},
		"search": func(ctx context.Context, b bundle, c string) ([]*messagesv1.Post, string, error) {
			r, err := b.Search(ctx, &messagesv1.SearchRequest{Query: "word", PageSize: 4, Cursor: c})
			posts := make([]*messagesv1.Post, 0, len(r.GetHits()))
			for _, hit := range r.GetHits() {
				posts = append(posts, hit.GetPost())
			}
			return posts, r.GetNextCursor(), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.follows.following = map[int64][]int64{9: {1}}
			var got []string
			want := make([]string, 0, 21)
			for i := range cap(want) {
				want = append(want, b.post(t, 1, strconv.Itoa(i), fmt.Sprint("word ", i)).GetText())
			}
			slices.Reverse(want)
			cursor := ""
			for n := 0; ; n++ {
				posts, next, err := read(t.Context(), b, cursor)
				chirptest.WantCode(t, err, codes.OK)
				got = append(got, texts(posts)...)
				b.post(t, 1, fmt.Sprint("new", n), fmt.Sprint("word newer ", n))
				if cursor = next; cursor == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestBadPagesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	for i := range 3 {
		b.post(t, 1, strconv.Itoa(i), "word")
	}
	first, err := b.ListByAuthor(ctx, &messagesv1.ListByAuthorRequest{AuthorId: 1, PageSize: 1})
	chirptest.WantCode(t, err, codes.OK)
	found, err := b.Search(ctx, &messagesv1.SearchRequest{Query: "word", PageSize: 1})
	chirptest.WantCode(t, err, codes.OK)
	author := func(r *messagesv1.ListByAuthorRequest) error { _, err := b.ListByAuthor(ctx, r); return err }
	home := func(r *messagesv1.ListHomeRequest) error { _, err := b.ListHome(ctx, r); return err }
	public := func(r *messagesv1.ListPublicRequest) error { _, err := b.ListPublic(ctx, r); return err }
	search := func(r *messagesv1.SearchRequest) error { _, err := b.Search(ctx, r); return err }
	cursor, other := first.GetNextCursor(), found.GetNextCursor()
	for name, err := range map[string]error{
		"a cursor from nowhere":          public(&messagesv1.ListPublicRequest{Cursor: "nowhere"}),
		"an author's cursor in public":   public(&messagesv1.ListPublicRequest{Cursor: cursor}),
		"an author's cursor at home":     home(&messagesv1.ListHomeRequest{AccountId: 1, Cursor: cursor}),
		"another author's cursor":        author(&messagesv1.ListByAuthorRequest{AuthorId: 2, Cursor: cursor}),
		"a cursor of another search":     search(&messagesv1.SearchRequest{Query: "other", Cursor: other}),
		"a page of 101":                  public(&messagesv1.ListPublicRequest{PageSize: 101}),
		"a page of minus one":            search(&messagesv1.SearchRequest{Query: "word", PageSize: -1}),
		"a page as large as can be":      home(&messagesv1.ListHomeRequest{AccountId: 1, PageSize: math.MaxInt32}),
		"an author who cannot be":        author(&messagesv1.ListByAuthorRequest{AuthorId: 0}),
		"a home of nobody":               home(&messagesv1.ListHomeRequest{AccountId: -1}),
		"an enormous cursor":             public(&messagesv1.ListPublicRequest{Cursor: strings.Repeat("A", 1<<20)}),
		"a search's cursor on a profile": author(&messagesv1.ListByAuthorRequest{AuthorId: 1, Cursor: other}),
	} {
		if err == nil {
			t.Errorf("%s is taken", name)
			continue
		}
		chirptest.WantCode(t, err, codes.InvalidArgument)
	}
}

func TestTimelineForACallerWhoHasGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.ListHome(ctx, &messagesv1.ListHomeRequest{AccountId: 1})
	chirptest.WantCode(t, err, codes.Canceled)
	_, err = b.ListPublic(ctx, &messagesv1.ListPublicRequest{})
	chirptest.WantCode(t, err, codes.Canceled)
}
