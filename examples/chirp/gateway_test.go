package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
	"github.com/kerf-go/kerf/examples/chirp/story"
	"github.com/kerf-go/kerf/kerftest"
)

// home is what /v1/home answers, as far as it is looked at.
type home struct {
	Profile  struct{ ID, Name string }
	Timeline struct{ Posts []struct{ Text string } }
	Counts   *struct{ AccountID string }
	Missing  map[string]struct{ Code int }
}

func TestTheGatewayMergesWhatAnAppShowsFirst(t *testing.T) {
	t.Parallel()
	env := kerftest.Processes(t, app(), gated)
	visitor := story.NewVisitor(t, "app", env.URL())
	signUp(t, env, "ann")
	h := homeOf(t, visitor)
	if h.Profile.Name != "ann" || h.Counts == nil || h.Counts.AccountID != h.Profile.ID || h.Missing != nil {
		t.Errorf("%+v", h)
	}
	if len(h.Timeline.Posts) != 1 || h.Timeline.Posts[0].Text != "a saw with 32 teeth" {
		t.Errorf("%+v", h)
	}
	env.Kill("follows")
	h = homeOf(t, visitor)
	if h.Profile.Name != "ann" || h.Counts != nil || h.Missing["counts"].Code != int(codes.Unavailable) {
		t.Errorf("without follows: %+v", h)
	}
	if code := visitor.Get("/v1/home?name=nobody").Status; code != http.StatusNotFound {
		t.Errorf("the home of nobody: %d", code)
	}
	if code := visitor.Get("/v1/home").Status; code != http.StatusBadRequest {
		t.Errorf("a home without a name: %d", code)
	}
}

func homeOf(t *testing.T, v *story.Visitor) (h home) {
	t.Helper()
	body := v.Get("/v1/home?name=ann").Body
	if err := json.Unmarshal([]byte(body), &h); err != nil { //nolint:musttag // names are matched as they are
		t.Fatalf("%s: %v", body, err)
	}
	return h
}

// signUp makes an account that has written something.
func signUp(t *testing.T, env *kerftest.Env, name string) {
	t.Helper()
	ann, err := accountsv1.NewAccountsClient(env.Conn("accounts")).SignUp(t.Context(),
		&accountsv1.SignUpRequest{Name: name, Password: "correct horse"})
	if err != nil {
		t.Fatal(err)
	}
	post := &messagesv1.CreatePostRequest{
		AuthorId: ann.GetProfile().GetId(), ClientId: "1", Text: "a saw with 32 teeth",
	}
	if _, err := messagesv1.NewMessagesClient(env.Conn("messages")).CreatePost(t.Context(), post); err != nil {
		t.Fatal(err)
	}
}

func TestClientsOfGRPCReachChirpThroughTheGateway(t *testing.T) {
	t.Parallel()
	kerftest.Run(t, app(), []string{gated}, func(t *testing.T, env *kerftest.Env) { //nolint:thelper // it is the test
		conn, err := grpc.NewClient(strings.TrimPrefix(env.URL(), "http://"),
			grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		signUp(t, env, "ann")
		client := accountsv1.NewAccountsClient(conn)
		ann, err := client.GetProfile(t.Context(), &accountsv1.GetProfileRequest{Name: "ann"})
		if err != nil {
			t.Fatal(err)
		}
		live, err := notifyv1.NewNotifyClient(conn).Subscribe(t.Context(),
			&notifyv1.SubscribeRequest{AccountId: ann.GetProfile().GetId()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := live.Header(); err != nil { // it listens from here on
			t.Fatal(err)
		}
		post := &messagesv1.CreatePostRequest{AuthorId: ann.GetProfile().GetId(), ClientId: "2", Text: "live"}
		made, err := messagesv1.NewMessagesClient(env.Conn("messages")).CreatePost(t.Context(), post)
		if err != nil {
			t.Fatal(err)
		}
		if told, err := live.Recv(); err != nil || told.GetPostId() != made.GetPost().GetId() {
			t.Errorf("%v: %v", told, err)
		}
		_, err = messagesv1.NewMessagesClient(conn).CreatePost(t.Context(), post)
		if status.Code(err) == codes.OK {
			t.Error("anybody may post in ann's name")
		}
	})
}

func TestTheGatewayDescribesWhatItServes(t *testing.T) {
	t.Parallel()
	kerftest.Run(t, app(), []string{gated}, func(t *testing.T, env *kerftest.Env) { //nolint:thelper // it is the test
		visitor := story.NewVisitor(t, "reader", env.URL())
		var d struct{ Paths map[string]map[string]any }
		document := []byte(visitor.Get("/openapi.json").Body)
		if err := json.Unmarshal(document, &d); err != nil { //nolint:musttag // names are matched as they are
			t.Fatal(err)
		}
		if d.Paths["/v1/posts"]["get"] == nil || d.Paths["/v1/accounts"]["post"] != nil ||
			d.Paths["/v1/home"]["get"] == nil {
			t.Errorf("%v", d.Paths)
		}
		page := visitor.Get("/openapi")
		if page.Status != http.StatusOK || !strings.Contains(page.Body, "openapi.json") {
			t.Errorf("%+v", page)
		}
		if page := visitor.Get("/public"); page.Status != http.StatusOK {
			t.Errorf("pages: %+v", page)
		}
	})
}
