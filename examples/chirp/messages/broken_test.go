package messages_test

import (
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/examples/chirp/internal/chirptest"
	"github.com/kerf-go/kerf/examples/chirp/messages"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

func TestBrokenStoreIsAFaultOfOursAndStaysInTheHouse(t *testing.T) {
	t.Parallel()
	db := chirptest.Store(t, t.TempDir(), messages.Migrations())
	m := messages.New(db, &fakeFollows{}, &fakeNotify{}, messages.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"CreatePost": func() error {
			_, err := m.CreatePost(ctx, &messagesv1.CreatePostRequest{AuthorId: 1, ClientId: "a", Text: "hi"})
			return err
		},
		"GetPost": func() error { _, err := m.GetPost(ctx, &messagesv1.GetPostRequest{Id: 1}); return err },
		"ListByAuthor": func() error {
			_, err := m.ListByAuthor(ctx, &messagesv1.ListByAuthorRequest{AuthorId: 1})
			return err
		},
		"ListHome":   func() error { _, err := m.ListHome(ctx, &messagesv1.ListHomeRequest{AccountId: 1}); return err },
		"ListPublic": func() error { _, err := m.ListPublic(ctx, &messagesv1.ListPublicRequest{}); return err },
		"Search":     func() error { _, err := m.Search(ctx, &messagesv1.SearchRequest{Query: "a"}); return err },
	} {
		err := call()
		if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "sql") {
			t.Errorf("%s: got %v, want a neutral Internal", name, err)
		}
	}
}
