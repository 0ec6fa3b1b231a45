package web_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/chirptext"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
	"github.com/kerf-go/kerf/examples/chirp/web"
)

// fakes stand for the four services, as their protos describe them, in memory.
type fakes struct {
	start time.Time

	mu       sync.Mutex // guards the fields below
	calls    map[string]int
	fail     map[string]error // by "service" or "service.Method"
	profiles []*accountsv1.Profile
	words    map[string]string // passwords by name
	sessions map[string]int64
	posts    []*messagesv1.Post
	sent     map[string]*messagesv1.Post // by client id
	follows  map[[2]int64]bool
	streams  map[*subscription]int64
	onlyOwn  bool
	pageSize int
}

func newFakes() *fakes {
	return &fakes{
		start: time.Now().Add(-time.Hour), calls: map[string]int{}, fail: map[string]error{},
		words: map[string]string{}, sessions: map[string]int64{}, sent: map[string]*messagesv1.Post{},
		follows: map[[2]int64]bool{}, streams: map[*subscription]int64{}, pageSize: 20,
	}
}

func (f *fakes) clients() web.Clients {
	return web.Clients{Accounts: accounts{f}, Messages: messages{f}, Follows: follows{f}, Notify: notify{f}}
}

// called counts a call and gives the error it is to fail with; the caller holds mu then.
func (f *fakes) called(method string) error {
	f.mu.Lock()
	f.calls[method]++
	service, _, _ := strings.Cut(method, ".")
	if err := f.fail[service]; err != nil {
		return err
	}
	return f.fail[method]
}

func (f *fakes) break_(what string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[what] = err
}

func (f *fakes) down(what string) {
	f.break_(what, status.Error(codes.Unavailable, "dial tcp: refused"))
}

// counted gives the calls since the last time.
func (f *fakes) counted() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = map[string]int{}
	return calls
}

func (f *fakes) account(name string) *accountsv1.Profile {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.addAccount(name)
}

func (f *fakes) addAccount(name string) *accountsv1.Profile {
	p := &accountsv1.Profile{Id: int64(len(f.profiles) + 1), Name: name, JoinedAt: timestamppb.New(f.start)}
	f.profiles = append(f.profiles, p)
	f.words[name] = "correct horse"
	return p
}

// write stores a post and tells subscribers, unless quiet.
func (f *fakes) write(author int64, text string, quiet bool) *messagesv1.Post {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.addPost(author, text, quiet)
}

func (f *fakes) addPost(author int64, text string, quiet bool) *messagesv1.Post {
	id := int64(len(f.posts) + 1)
	post := &messagesv1.Post{
		Id: id, AuthorId: author, Text: text,
		CreatedAt: timestamppb.New(f.start.Add(time.Duration(id) * time.Minute / 2)),
	}
	f.posts = append(f.posts, post)
	for s, reader := range f.streams {
		if !quiet && (reader == author || f.follows[[2]int64{reader, author}]) {
			s.events <- &notifyv1.SubscribeResponse{PostId: id, AuthorId: author}
		}
	}
	return post
}

func (f *fakes) follow(who, whom int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.follows[[2]int64{who, whom}] = true
}

func (f *fakes) subscribed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.streams)
}

func (f *fakes) profile(id int64) *accountsv1.Profile {
	if id < 1 || id > int64(len(f.profiles)) {
		return nil
	}
	return f.profiles[id-1]
}

func (f *fakes) named(name string) *accountsv1.Profile {
	at := slices.IndexFunc(f.profiles, func(p *accountsv1.Profile) bool { return p.GetName() == strings.ToLower(name) })
	if at < 0 {
		return nil
	}
	return f.profiles[at]
}

type accounts struct{ *fakes }

func (f accounts) session(p *accountsv1.Profile) *accountsv1.Session {
	token := fmt.Sprintf("token-%d-%d", p.GetId(), len(f.sessions))
	f.sessions[token] = p.GetId()
	return &accountsv1.Session{Token: token, ExpiresAt: timestamppb.New(time.Now().Add(time.Hour))}
}

func (f accounts) SignUp(
	_ context.Context, in *accountsv1.SignUpRequest, _ ...grpc.CallOption,
) (*accountsv1.SignUpResponse, error) {
	err := f.called("accounts.SignUp")
	defer f.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case strings.Trim(strings.ToLower(in.GetName()), "abcdefghijklmnopqrstuvwxyz") != "" || in.GetName() == "":
		return nil, status.Error(codes.InvalidArgument, "a name has 3 to 20 letters")
	case len(in.GetPassword()) < 8:
		return nil, status.Error(codes.InvalidArgument, "the password is too short")
	case f.named(in.GetName()) != nil:
		return nil, status.Error(codes.AlreadyExists, "this name is taken")
	}
	p := f.addAccount(strings.ToLower(in.GetName()))
	f.words[p.GetName()] = in.GetPassword()
	return &accountsv1.SignUpResponse{Profile: p, Session: f.session(p)}, nil
}

func (f accounts) LogIn(
	_ context.Context, in *accountsv1.LogInRequest, _ ...grpc.CallOption,
) (*accountsv1.LogInResponse, error) {
	err := f.called("accounts.LogIn")
	defer f.mu.Unlock()
	p := f.named(in.GetName())
	switch {
	case err != nil:
		return nil, err
	case p == nil || f.words[p.GetName()] != in.GetPassword():
		return nil, status.Error(codes.Unauthenticated, "the name or the password is wrong")
	}
	return &accountsv1.LogInResponse{Profile: p, Session: f.session(p)}, nil
}

func (f accounts) LogOut(
	_ context.Context, in *accountsv1.LogOutRequest, _ ...grpc.CallOption,
) (*emptypb.Empty, error) {
	err := f.called("accounts.LogOut")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	delete(f.sessions, in.GetToken())
	return &emptypb.Empty{}, nil
}

func (f accounts) Authenticate(
	_ context.Context, in *accountsv1.AuthenticateRequest, _ ...grpc.CallOption,
) (*accountsv1.AuthenticateResponse, error) {
	err := f.called("accounts.Authenticate")
	defer f.mu.Unlock()
	p := f.profile(f.sessions[in.GetToken()])
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return nil, status.Error(codes.Unauthenticated, "this session has ended: log in again")
	}
	return &accountsv1.AuthenticateResponse{Profile: p}, nil
}

func (f accounts) GetProfile(
	_ context.Context, in *accountsv1.GetProfileRequest, _ ...grpc.CallOption,
) (*accountsv1.GetProfileResponse, error) {
	err := f.called("accounts.GetProfile")
	defer f.mu.Unlock()
	p := f.named(in.GetName())
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return nil, status.Error(codes.NotFound, "there is no such account")
	}
	return &accountsv1.GetProfileResponse{Profile: p}, nil
}

func (f accounts) BatchGetProfiles(
	_ context.Context, in *accountsv1.BatchGetProfilesRequest, _ ...grpc.CallOption,
) (*accountsv1.BatchGetProfilesResponse, error) {
	err := f.called("accounts.BatchGetProfiles")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if ids := slices.Sorted(slices.Values(in.GetIds())); len(slices.Compact(ids)) != len(in.GetIds()) {
		return nil, status.Error(codes.InvalidArgument, "an id is asked for twice")
	}
	answer := &accountsv1.BatchGetProfilesResponse{}
	for _, id := range in.GetIds() {
		if p := f.profile(id); p != nil {
			answer.Profiles = append(answer.Profiles, p)
		}
	}
	return answer, nil
}

func (f accounts) UpdateProfile(
	_ context.Context, in *accountsv1.UpdateProfileRequest, _ ...grpc.CallOption,
) (*accountsv1.UpdateProfileResponse, error) {
	err := f.called("accounts.UpdateProfile")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if _, err := chirptext.Check(chirptext.Bio, in.GetBio()); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	p := f.profile(in.GetId())
	p.DisplayName, p.Bio = in.GetDisplayName(), in.GetBio()
	return &accountsv1.UpdateProfileResponse{Profile: p}, nil
}

func (f accounts) Rename(
	_ context.Context, in *accountsv1.RenameRequest, _ ...grpc.CallOption,
) (*accountsv1.RenameResponse, error) {
	err := f.called("accounts.Rename")
	defer f.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case f.named(in.GetName()) != nil:
		return nil, status.Error(codes.AlreadyExists, "this name is taken")
	}
	f.profile(in.GetId()).Name = in.GetName()
	return &accountsv1.RenameResponse{Profile: f.profile(in.GetId())}, nil
}

type messages struct{ *fakes }

func (f messages) CreatePost(
	_ context.Context, in *messagesv1.CreatePostRequest, _ ...grpc.CallOption,
) (*messagesv1.CreatePostResponse, error) {
	err := f.called("messages.CreatePost")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	text, err := chirptext.Check(chirptext.Post, in.GetText())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if f.sent[in.GetClientId()] == nil {
		f.sent[in.GetClientId()] = f.addPost(in.GetAuthorId(), text, false)
	}
	return &messagesv1.CreatePostResponse{Post: f.sent[in.GetClientId()]}, nil
}

func (f messages) GetPost(
	_ context.Context, in *messagesv1.GetPostRequest, _ ...grpc.CallOption,
) (*messagesv1.GetPostResponse, error) {
	err := f.called("messages.GetPost")
	defer f.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case in.GetId() > int64(len(f.posts)):
		return nil, status.Error(codes.NotFound, "there is no such post")
	}
	return &messagesv1.GetPostResponse{Post: f.posts[in.GetId()-1]}, nil
}

// list gives a page of the posts that fit, newest first.
func (f *fakes) list(size int32, cursor string, fits func(*messagesv1.Post) bool) ([]*messagesv1.Post, string, error) {
	before := len(f.posts) + 1
	if cursor != "" {
		var err error
		if before, err = strconv.Atoi(cursor); err != nil {
			return nil, "", status.Error(codes.InvalidArgument, "this page link is not valid; start from the first page")
		}
	}
	if size == 0 {
		size = int32(f.pageSize)
	}
	var page []*messagesv1.Post
	for _, post := range slices.Backward(f.posts) {
		if int(post.GetId()) >= before || !fits(post) {
			continue
		}
		if len(page) == int(size) {
			return page, strconv.FormatInt(page[size-1].GetId(), 10), nil
		}
		page = append(page, post)
	}
	return page, "", nil
}

func (f messages) ListByAuthor(
	_ context.Context, in *messagesv1.ListByAuthorRequest, _ ...grpc.CallOption,
) (*messagesv1.ListByAuthorResponse, error) {
	err := f.called("messages.ListByAuthor")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	posts, next, err := f.list(in.GetPageSize(), in.GetCursor(), func(p *messagesv1.Post) bool {
		return p.GetAuthorId() == in.GetAuthorId()
	})
	return &messagesv1.ListByAuthorResponse{Posts: posts, NextCursor: next}, err
}

func (f messages) ListHome(
	_ context.Context, in *messagesv1.ListHomeRequest, _ ...grpc.CallOption,
) (*messagesv1.ListHomeResponse, error) {
	err := f.called("messages.ListHome")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	me := in.GetAccountId()
	posts, next, err := f.list(in.GetPageSize(), in.GetCursor(), func(p *messagesv1.Post) bool {
		return p.GetAuthorId() == me || f.follows[[2]int64{me, p.GetAuthorId()}]
	})
	return &messagesv1.ListHomeResponse{Posts: posts, NextCursor: next, OnlyOwn: f.onlyOwn}, err
}

func (f messages) ListPublic(
	_ context.Context, in *messagesv1.ListPublicRequest, _ ...grpc.CallOption,
) (*messagesv1.ListPublicResponse, error) {
	err := f.called("messages.ListPublic")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	posts, next, err := f.list(in.GetPageSize(), in.GetCursor(), func(*messagesv1.Post) bool { return true })
	return &messagesv1.ListPublicResponse{Posts: posts, NextCursor: next}, err
}

func (f messages) Search(
	_ context.Context, in *messagesv1.SearchRequest, _ ...grpc.CallOption,
) (*messagesv1.SearchResponse, error) {
	err := f.called("messages.Search")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if strings.Trim(in.GetQuery(), "!?") == "" {
		return nil, status.Error(codes.InvalidArgument, "type a word to search for")
	}
	posts, next, err := f.list(in.GetPageSize(), in.GetCursor(), func(p *messagesv1.Post) bool {
		return strings.Contains(p.GetText(), in.GetQuery())
	})
	answer := &messagesv1.SearchResponse{NextCursor: next}
	for _, post := range posts {
		at := int32(strings.Index(post.GetText(), in.GetQuery()))
		answer.Hits = append(answer.Hits, &messagesv1.SearchHit{Post: post, Highlights: []*messagesv1.Span{
			{Start: at, End: at + int32(len(in.GetQuery()))}, {Start: -3, End: 9999}, // the second one is nonsense
		}})
	}
	return answer, err
}

type follows struct{ *fakes }

func (f follows) Follow(
	_ context.Context, in *followsv1.FollowRequest, _ ...grpc.CallOption,
) (*emptypb.Empty, error) {
	err := f.called("follows.Follow")
	defer f.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case in.GetFollowerId() == in.GetFolloweeId():
		return nil, status.Error(codes.InvalidArgument, "nobody can follow themselves")
	}
	f.follows[[2]int64{in.GetFollowerId(), in.GetFolloweeId()}] = true
	return &emptypb.Empty{}, nil
}

func (f follows) Unfollow(
	_ context.Context, in *followsv1.UnfollowRequest, _ ...grpc.CallOption,
) (*emptypb.Empty, error) {
	err := f.called("follows.Unfollow")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	delete(f.follows, [2]int64{in.GetFollowerId(), in.GetFolloweeId()})
	return &emptypb.Empty{}, nil
}

// sides lists who is at one end of a follow, where id is at the other.
func (f *fakes) sides(id int64, other int) []int64 {
	var ids []int64
	for pair := range f.follows {
		if pair[1-other] == id {
			ids = append(ids, pair[other])
		}
	}
	slices.Sort(ids)
	return ids
}

func (f follows) ListFollowers(
	_ context.Context, in *followsv1.ListFollowersRequest, _ ...grpc.CallOption,
) (*followsv1.ListFollowersResponse, error) {
	err := f.called("follows.ListFollowers")
	defer f.mu.Unlock()
	return &followsv1.ListFollowersResponse{AccountIds: f.sides(in.GetAccountId(), 0)}, err
}

func (f follows) ListFollowing(
	_ context.Context, in *followsv1.ListFollowingRequest, _ ...grpc.CallOption,
) (*followsv1.ListFollowingResponse, error) {
	err := f.called("follows.ListFollowing")
	defer f.mu.Unlock()
	return &followsv1.ListFollowingResponse{AccountIds: f.sides(in.GetAccountId(), 1)}, err
}

func (f follows) CountFollows(
	_ context.Context, in *followsv1.CountFollowsRequest, _ ...grpc.CallOption,
) (*followsv1.CountFollowsResponse, error) {
	err := f.called("follows.CountFollows")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	answer := &followsv1.CountFollowsResponse{}
	for _, id := range in.GetAccountIds() {
		answer.Counts = append(answer.Counts, &followsv1.Counts{
			AccountId: id, Followers: int64(len(f.sides(id, 0))), Following: int64(len(f.sides(id, 1))),
		})
	}
	return answer, nil
}

func (f follows) FilterFollowing(
	_ context.Context, in *followsv1.FilterFollowingRequest, _ ...grpc.CallOption,
) (*followsv1.FilterFollowingResponse, error) {
	err := f.called("follows.FilterFollowing")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	answer := &followsv1.FilterFollowingResponse{}
	for _, id := range in.GetCandidateIds() {
		if f.follows[[2]int64{in.GetAccountId(), id}] {
			answer.AccountIds = append(answer.AccountIds, id)
		}
	}
	return answer, nil
}

// The site has no use for these.

func (f follows) AllFollowing(
	context.Context, *followsv1.AllFollowingRequest, ...grpc.CallOption,
) (*followsv1.AllFollowingResponse, error) {
	return nil, status.Error(codes.Unimplemented, "not here")
}

func (f follows) FilterFollowers(
	context.Context, *followsv1.FilterFollowersRequest, ...grpc.CallOption,
) (*followsv1.FilterFollowersResponse, error) {
	return nil, status.Error(codes.Unimplemented, "not here")
}

type notify struct{ *fakes }

func (f notify) Deliver(context.Context, *notifyv1.DeliverRequest, ...grpc.CallOption) (*emptypb.Empty, error) {
	return nil, status.Error(codes.Unimplemented, "not here")
}

func (f notify) Subscribe(
	ctx context.Context, in *notifyv1.SubscribeRequest, _ ...grpc.CallOption,
) (grpc.ServerStreamingClient[notifyv1.SubscribeResponse], error) {
	err := f.called("notify.Subscribe")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s := &subscription{ctx: ctx, fakes: f.fakes, events: make(chan *notifyv1.SubscribeResponse, 64)}
	f.streams[s] = in.GetAccountId()
	return s, nil
}

// subscription is one stream of notify. It hears the end of its context only while
// it receives, as a gRPC stream does.
type subscription struct {
	grpc.ClientStream

	ctx    context.Context //nolint:containedctx // a stream is its call
	fakes  *fakes
	events chan *notifyv1.SubscribeResponse // closed by cut
}

func (s *subscription) Header() (metadata.MD, error) { return metadata.MD{}, nil }

func (s *subscription) Recv() (*notifyv1.SubscribeResponse, error) {
	select {
	case event, open := <-s.events:
		if !open {
			return nil, io.EOF
		}
		return event, nil
	case <-s.ctx.Done():
		s.fakes.mu.Lock()
		defer s.fakes.mu.Unlock()
		delete(s.fakes.streams, s)
		return nil, status.FromContextError(s.ctx.Err()).Err()
	}
}

// cut ends all streams, as a restart of notify does.
func (f *fakes) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.streams {
		close(s.events)
		delete(f.streams, s)
	}
}
