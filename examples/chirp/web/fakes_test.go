package web_test

import (
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
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

func (f *fakes) breaks(what string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[what] = err
}

func (f *fakes) down(what string) {
	f.breaks(what, status.Error(codes.Unavailable, "dial tcp: refused"))
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
func (f *fakes) write(author int64, text string, quiet bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addPost(author, text, quiet)
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
