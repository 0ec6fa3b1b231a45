package messages_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/kerf-go/kerf/examples/chirp/internal/chirptest"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

func TestPostCanBeReadAndReadersAreTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	post := b.post(t, 7, "first", " cafe\u0301\r\n<b>bold</b> ")
	if post.GetText() != "café\n<b>bold</b>" || post.GetAuthorId() != 7 || post.GetId() <= 0 {
		t.Errorf("stored %v", post)
	}
	read, err := b.GetPost(t.Context(), &messagesv1.GetPostRequest{Id: post.GetId()})
	chirptest.WantCode(t, err, codes.OK)
	if !proto.Equal(read.GetPost(), post) {
		t.Errorf("wrote %v and read %v", post, read.GetPost())
	}
	if told := b.notify.last.Load(); told.GetPostId() != post.GetId() || told.GetAuthorId() != 7 {
		t.Errorf("notify was told %v", told)
	}
	for _, id := range []int64{post.GetId() + 1, 0, -1} {
		_, err = b.GetPost(t.Context(), &messagesv1.GetPostRequest{Id: id})
		chirptest.WantCode(t, err, codes.NotFound)
	}
}

func TestBadPostsAreRefusedAndNotStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, req := range map[string]*messagesv1.CreatePostRequest{
		"142 characters":        {AuthorId: 1, ClientId: "a", Text: strings.Repeat("x", 142)},
		"blank":                 {AuthorId: 1, ClientId: "a", Text: " \n "},
		"broken UTF-8":          {AuthorId: 1, ClientId: "a", Text: "\xff"},
		"a control character":   {AuthorId: 1, ClientId: "a", Text: "a\x00b"},
		"a mark of the search":  {AuthorId: 1, ClientId: "a", Text: "a\x02b\x03"},
		"no author":             {ClientId: "a", Text: "hi"},
		"no client id":          {AuthorId: 1, Text: "hi"},
		"a client id too long":  {AuthorId: 1, ClientId: strings.Repeat("a", 65), Text: "hi"},
		"an illegal client id":  {AuthorId: 1, ClientId: "a b", Text: "hi"},
		"a client id on a line": {AuthorId: 1, ClientId: "a\n", Text: "hi"},
	} {
		if _, err := b.CreatePost(t.Context(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v, want InvalidArgument", name, err)
		}
	}
	all, err := b.ListPublic(t.Context(), &messagesv1.ListPublicRequest{})
	chirptest.WantCode(t, err, codes.OK)
	if len(all.GetPosts()) != 0 || b.notify.calls.Load() != 0 {
		t.Errorf("stored %v, told %d times", all, b.notify.calls.Load())
	}
}

func TestRepeatedPostIsOnePost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const repeats = 32
	ids := make(chan int64, repeats)
	var all sync.WaitGroup
	for range repeats {
		all.Go(func() {
			answer, err := b.CreatePost(t.Context(),
				&messagesv1.CreatePostRequest{AuthorId: 1, ClientId: "same", Text: "once"})
			if err != nil {
				t.Error(err)
			}
			ids <- answer.GetPost().GetId()
		})
	}
	all.Wait()
	close(ids)
	first := <-ids
	for id := range ids {
		if id != first {
			t.Errorf("got posts %d and %d", first, id)
		}
	}
	public, err := b.ListPublic(t.Context(), &messagesv1.ListPublicRequest{})
	chirptest.WantCode(t, err, codes.OK)
	if len(public.GetPosts()) != 1 {
		t.Errorf("stored %v", public.GetPosts())
	}
	if n := b.notify.calls.Load(); n != 1 {
		t.Errorf("notify was told %d times", n)
	}
}

func TestClientIDBelongsToOneTextOfOneAuthor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.post(t, 1, "id", "one")
	_, err := b.CreatePost(t.Context(), &messagesv1.CreatePostRequest{AuthorId: 1, ClientId: "id", Text: "two"})
	chirptest.WantCode(t, err, codes.AlreadyExists)
	if other := b.post(t, 2, "id", "two"); other.GetId() == first.GetId() {
		t.Error("another author's post is the same")
	}
	if again := b.post(t, 1, "id", " one "); again.GetId() != first.GetId() {
		t.Error("the same text with white space around it is another post")
	}
}

func TestPostSucceedsWithoutNotify(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.notify.err = errBroken
	b.post(t, 1, "a", "notify fails")
	b.notify.hang = true
	b.post(t, 1, "b", "notify hangs")
	// Of a caller with little time, half is left for the answer.
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := b.CreatePost(ctx, &messagesv1.CreatePostRequest{AuthorId: 1, ClientId: "c", Text: "short of time"})
	chirptest.WantCode(t, err, codes.OK)
	if ctx.Err() != nil {
		t.Error("the answer came after the caller's time")
	}
}

func TestPostOfACallerWhoHasGoneIsNotStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.CreatePost(ctx, &messagesv1.CreatePostRequest{AuthorId: 1, ClientId: "a", Text: "hi"})
	chirptest.WantCode(t, err, codes.Canceled)
}

func TestPostsAreThereAfterReopening(t *testing.T) { //nolint:tparallel // one life after the other
	t.Parallel()
	dir := t.TempDir()
	var post *messagesv1.Post
	t.Run("first life", func(t *testing.T) { post = open(t, dir).post(t, 1, "a", "durable words") })
	b := open(t, dir)
	read, err := b.GetPost(t.Context(), &messagesv1.GetPostRequest{Id: post.GetId()})
	chirptest.WantCode(t, err, codes.OK)
	if !proto.Equal(read.GetPost(), post) {
		t.Errorf("wrote %v and read %v", post, read.GetPost())
	}
	if again := b.post(t, 1, "a", "durable words"); again.GetId() != post.GetId() {
		t.Error("a repeat after the restart is another post")
	}
	found, err := b.Search(t.Context(), &messagesv1.SearchRequest{Query: "durable"})
	chirptest.WantCode(t, err, codes.OK)
	if len(found.GetHits()) != 1 {
		t.Errorf("found %v", found)
	}
}
