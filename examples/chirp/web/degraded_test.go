package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	"github.com/kerf-go/kerf/examples/chirp/web"
)

func TestWhatIsDownIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		down, path string
		status     int
		shows      []string
	}{
		"home without follows": {"follows", "/", 200, []string{"Follower counts are missing", "by ada"}},
		"public without follows": {
			"follows", "/public", 200,
			[]string{"Follow buttons are missing", "by ada", "by bob"},
		},
		"profile without follows": {
			"follows", "/@bob", 200,
			[]string{"Follower counts are missing", "Follow buttons", "by bob"},
		},
		"followers without follows": {
			"follows", "/@bob/followers", 503,
			[]string{"Who follows whom is not available", "@bob"},
		},
		"home without messages": {
			"messages", "/", 503,
			[]string{"Your timeline is not available", "What do you have to say?"},
		},
		"public without messages": {"messages", "/public", 503, []string{"Posts are not available right now."}},
		"profile without messages": {
			"messages", "/@bob", 503,
			[]string{"Posts are not available", "@bob", "follower"},
		},
		"search without messages": {
			"messages.Search", "/search?q=by", 503,
			[]string{"Search is not available right now."},
		},
		"post without messages": {"messages", "/posts/1", 503, []string{"Not available right now"}},
		"home without names": {
			"accounts.BatchGetProfiles", "/", 200,
			[]string{"Names are missing", "somebody", "by ada"},
		},
		"followers without names":  {"accounts.BatchGetProfiles", "/@ada/followers", 200, []string{"somebody"}},
		"profile without accounts": {"accounts", "/@bob", 503, []string{"Not available right now"}},
		"public without accounts": {
			"accounts", "/public", 200,
			[]string{"somebody", "by ada", "You are still logged in"},
		},
		"home without accounts":     {"accounts", "/", 200, []string{"by bob", "You are still logged in"}},
		"settings without accounts": {"accounts", "/settings", 503, []string{"Not available right now"}},
		"search, half of it missing": {
			"follows", "/search?q=by", 200,
			[]string{"Follow buttons are missing", "<mark>by</mark>"},
		},
		"home without notify": {"notify", "/", 200, []string{"by ada"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantNamed(t, c.down, c.path, c.status, c.shows)
		})
	}
}

// wantNamed has a service fail, and looks at a page while it is down, and at home when it is mended.
func wantNamed(t *testing.T, down, path string, status int, shows []string) {
	t.Helper()
	b := setup(t)
	bob := b.fakes.account("bob")
	b.fakes.follow(b.ada, bob.GetId())
	b.fakes.follow(bob.GetId(), b.ada)
	b.fakes.write(b.ada, "by ada", true)
	b.fakes.write(bob.GetId(), "by bob", true)
	b.fakes.down(down)
	b.get(path).is(status).shows(shows...).lacks("refused")
	if got := b.cookies(); got != "chirp_session" {
		t.Errorf("cookies %q: nobody logged out", got)
	}
	b.fakes.breaks(down, nil)
	b.get("/").is(http.StatusOK).shows("Log out", "by ada", "by bob").lacks("missing", "not available")
}

func TestFormsWhenServicesAreDown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		down, path string
		shows      string
	}{
		"posting without messages":  {"messages.CreatePost", "/posts", "Your post may not have been sent."},
		"posting without accounts":  {"accounts", "/posts", "not available right now"},
		"following without follows": {"follows", "/@bob/follow", "not available right now"},
		"saving without accounts":   {"accounts.UpdateProfile", "/settings", "not available right now"},
		"logging out":               {"accounts", "/logout", "You are logged out in this browser."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fakes.account("bob")
			b.get("/settings")
			b.fakes.down(c.down)
			a := b.post(c.path, "text", "keep me", "client_id", "form", "display_name", "keep me", "bio", "").
				is(http.StatusServiceUnavailable).shows(c.shows)
			if strings.HasSuffix(c.down, "CreatePost") || strings.HasSuffix(c.down, "Profile") {
				a.shows("keep me")
			}
			if a.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
}

func TestNobodyCanLogInWithoutAccounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	guest := b.other()
	b.fakes.down("accounts")
	guest.get("/").is(http.StatusOK)
	guest.get("/login").is(http.StatusOK)
	guest.post("/login", "name", "ada", "password", "correct horse").is(http.StatusServiceUnavailable).
		shows("not available right now", "can still be read", `value="ada"`)
	guest.post("/signup", "name", "new", "password", "correct horse").is(http.StatusServiceUnavailable)
}

func TestOnlyOwnPosts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fakes.onlyOwn = true
	b.get("/").is(http.StatusOK).shows("Only your own posts are here")
}

func TestCodesBecomeStatuses(t *testing.T) {
	t.Parallel()
	for code, want := range map[codes.Code]int{
		codes.InvalidArgument: 400, codes.OutOfRange: 400, codes.Unauthenticated: 401, codes.PermissionDenied: 403,
		codes.NotFound: 404, codes.AlreadyExists: 409, codes.Aborted: 409, codes.FailedPrecondition: 422,
		codes.ResourceExhausted: 429, codes.Internal: 500, codes.Unknown: 500, codes.DataLoss: 500,
		codes.Unavailable: 503, codes.Unimplemented: 503, codes.Canceled: 503, codes.DeadlineExceeded: 504,
	} {
		b := setup(t)
		b.fakes.breaks("messages.GetPost", status.Error(code, "secret of the house"))
		a := b.get("/posts/1").is(want).holds("<main")
		if want >= http.StatusInternalServerError {
			a.lacks("secret of the house")
		}
	}
}

// hanging is a follows that never answers.
type hanging struct{ followsv1.FollowsClient }

func (hanging) CountFollows(
	ctx context.Context, _ *followsv1.CountFollowsRequest, _ ...grpc.CallOption,
) (*followsv1.CountFollowsResponse, error) {
	<-ctx.Done()
	return nil, status.FromContextError(ctx.Err()).Err()
}

func TestWhatHangsIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakes()
		f.write(f.account("ada").GetId(), "by ada", true)
		f.sessions["token"] = 1
		clients := f.clients()
		clients.Follows = hanging{clients.Follows}
		site, err := web.New(clients, web.Options{})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		a := visitAs(t, site, "/", "token")
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("the page took %s of the fake clock, want 2s", took)
		}
		a.is(http.StatusOK).shows("by ada", "Follower counts are missing")
	})
}

func TestAPanicIsOneErrorPage(t *testing.T) {
	t.Parallel()
	f := newFakes()
	clients := f.clients()
	clients.Messages = noMessages{}
	site, err := web.New(clients, web.Options{})
	if err != nil {
		t.Fatal(err)
	}
	visitAs(t, site, "/public", "").is(http.StatusInternalServerError).
		shows("Something went wrong").lacks("nil pointer")
}

// noMessages panics at every call.
type noMessages struct{ messagesv1.MessagesClient }
