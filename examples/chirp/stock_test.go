package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
	"github.com/kerf-go/kerf/examples/chirp/story"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/link"
)

// address is where others reach a process.
func (o *outside) address(process string) string {
	o.t.Helper()
	for _, s := range o.status() {
		if s.Process == process && s.Address != "" {
			return s.Address
		}
	}
	o.t.Fatalf("process %s has no address", process)
	return ""
}

// stock is grpc-go's own client of an address, without anything of Kerf's.
func stock(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	cc, err := grpc.NewClient(u.Host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

// client is grpc-go's own where the link is gRPC on the wire.
func client(t *testing.T, address string) grpc.ClientConnInterface {
	t.Helper()
	address, _, _ = strings.Cut(address, " ") // of several
	if scheme, _, _ := strings.Cut(address, "://"); scheme == "http" || scheme == "grpc" {
		return stock(t, address)
	}
	conn, err := kit.Dial(address, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestStockClientsTalkToProcesses(t *testing.T) {
	t.Parallel()
	underEach(t, []string{apart, overGRPC}, func(t *testing.T, plan string) { //nolint:thelper // it is the test
		o := runOutside(t, plan)
		story.NewVisitor(t, "ann", o.url).SignUp("ann", "a saw with 32 teeth")
		tests := map[string]func(*testing.T){
			"grpc-go, its stream and its errors": o.callByGRPC,
			"health of each process":             o.askHealth,
			"reflection of each process":         o.reflect,
		}
		if plan == apart {
			tests["curl, in JSON"] = o.callInJSON
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
}

func (o *outside) callInJSON(t *testing.T) {
	t.Helper()
	curl := story.NewVisitor(t, "curl", o.address("accounts"))
	call := func(body string) story.Answer {
		return curl.Send(http.MethodPost, "/chirp.accounts.v1.Accounts/GetProfile", body,
			http.Header{"Content-Type": {"application/json"}})
	}
	found := call(`{"name":"ANN"}`)
	var answer struct {
		Profile struct {
			ID       string `json:"id"`
			Name     string `json:"name"`
			JoinedAt string `json:"joinedAt"` //nolint:tagliatelle // as protojson writes it
		} `json:"profile"`
	}
	if err := json.Unmarshal([]byte(found.Body), &answer); err != nil || found.Status != http.StatusOK {
		t.Fatalf("status %d, %s: %v", found.Status, found.Body, err)
	}
	if p := answer.Profile; p.Name != "ann" || p.ID != "1" || p.JoinedAt == "" { // protojson: 64 bits are text
		t.Errorf("profile is %+v in %s", p, found.Body)
	}
	missing := call(`{"name":"stranger"}`)
	if missing.Status != http.StatusNotFound || !strings.Contains(missing.Body, `"code":"not_found"`) {
		t.Errorf("a stranger gives status %d, %s", missing.Status, missing.Body)
	}
	nonsense := call(`{"name":7}`)
	if nonsense.Status == http.StatusOK || !strings.Contains(nonsense.Body, "invalid value for string field name") {
		t.Errorf("a number for a name gives status %d, %s", nonsense.Status, nonsense.Body)
	}
}

func (o *outside) callByGRPC(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	accounts := accountsv1.NewAccountsClient(stock(t, o.address("accounts")))
	ann, err := accounts.GetProfile(ctx, &accountsv1.GetProfileRequest{Name: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = accounts.GetProfile(ctx, &accountsv1.GetProfileRequest{Name: "stranger"})
	if status.Code(err) != codes.NotFound || status.Convert(err).Message() != "there is no such account" {
		t.Errorf("a stranger gives %v", err)
	}
	news, err := notifyv1.NewNotifyClient(stock(t, o.address("notify"))).
		Subscribe(ctx, &notifyv1.SubscribeRequest{AccountId: ann.GetProfile().GetId()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := news.Header(); err != nil { // from now on it listens
		t.Fatal(err)
	}
	messages := messagesv1.NewMessagesClient(stock(t, o.address("messages")))
	for _, id := range []string{"1", "2", "3"} {
		post, err := messages.CreatePost(ctx, &messagesv1.CreatePostRequest{
			AuthorId: ann.GetProfile().GetId(), ClientId: id, Text: "for " + id,
		})
		if err != nil {
			t.Fatal(err)
		}
		told, err := news.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if told.GetPostId() != post.GetPost().GetId() {
			t.Errorf("told of post %d, want %d", told.GetPostId(), post.GetPost().GetId())
		}
	}
}

func (o *outside) askHealth(t *testing.T) {
	t.Helper()
	for _, s := range o.status() {
		if s.Address == "" {
			continue
		}
		answer, err := healthpb.NewHealthClient(stock(t, s.Address)).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%s is %v (%v)", s.Process, answer.GetStatus(), err)
		}
	}
}

func (o *outside) reflect(t *testing.T) {
	t.Helper()
	for process, want := range map[string]string{
		"accounts": accountsv1.Accounts_ServiceDesc.ServiceName, "notify": notifyv1.Notify_ServiceDesc.ServiceName,
	} {
		stream, err := reflectionpb.NewServerReflectionClient(stock(t, o.address(process))).
			ServerReflectionInfo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		err = stream.Send(&reflectionpb.ServerReflectionRequest{
			MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
		})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(answer.GetListServicesResponse().GetService(),
			func(s *reflectionpb.ServiceResponse) bool { return s.GetName() == want }) {
			t.Errorf("%s does not list %s but %v", process, want, answer)
		}
		if err := stream.CloseSend(); err != nil {
			t.Error(err)
		}
	}
}
