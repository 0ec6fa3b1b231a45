package main

import (
	"slices"
	"testing"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	"github.com/kerf-go/kerf/kerftest"
)

func TestMain(m *testing.M) { kerftest.Main(m, versioned(), commands()...) }

var (
	plans        = []string{together, apart, overGRPC, queued, sockets}
	withReplicas = slices.Concat(plans, []string{mixed})
)

func TestPostsAreFoundByTheirWords(t *testing.T) {
	t.Parallel()
	kerftest.Run(t, app(), plans, func(t *testing.T, env *kerftest.Env) { //nolint:thelper // it is the test
		accounts := accountsv1.NewAccountsClient(env.Conn("accounts"))
		messages := messagesv1.NewMessagesClient(env.Conn("messages"))
		ann, err := accounts.SignUp(t.Context(), &accountsv1.SignUpRequest{Name: "ann", Password: "correct horse"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = messages.CreatePost(t.Context(), &messagesv1.CreatePostRequest{
			AuthorId: ann.GetProfile().GetId(), ClientId: "1", Text: "the kerf is what a cut costs",
		})
		if err != nil {
			t.Fatal(err)
		}
		found, err := messages.Search(t.Context(), &messagesv1.SearchRequest{Query: "kerf cut"})
		if err != nil {
			t.Fatal(err)
		}
		if len(found.GetHits()) != 1 {
			t.Errorf("found %d posts, want 1", len(found.GetHits()))
		}
	})
}

func TestAKilledProcessLosesNoPost(t *testing.T) {
	t.Parallel()
	env := kerftest.Processes(t, app(), "plans/http.yaml")
	messages := messagesv1.NewMessagesClient(env.Conn("messages"))
	post, err := messages.CreatePost(t.Context(),
		&messagesv1.CreatePostRequest{AuthorId: 1, ClientId: "1", Text: "still here"})
	if err != nil {
		t.Fatal(err)
	}
	env.Kill("messages")
	env.Restart("messages")
	messages = messagesv1.NewMessagesClient(env.Conn("messages"))
	got, err := messages.GetPost(t.Context(), &messagesv1.GetPostRequest{Id: post.GetPost().GetId()})
	if err != nil {
		t.Fatal(err)
	}
	if got.GetPost().GetText() != "still here" {
		t.Errorf("post is %q after the kill", got.GetPost().GetText())
	}
}
