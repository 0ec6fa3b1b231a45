package notify

import (
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
)

// buffer is how many posts wait for one subscriber, as the proto promises.
const buffer = 64

var (
	errStopping   = status.Error(codes.Unavailable, "notify is stopping; subscribe again")
	errFull       = status.Error(codes.ResourceExhausted, "too many readers are connected; try again later")
	errPerAccount = status.Error(codes.ResourceExhausted, "this account is connected too often; close another page")
	errSlow       = status.Error(codes.ResourceExhausted, "posts came faster than they were read; subscribe again")
)

// subscriber is one connected reader. The hub alone sends and ends.
type subscriber struct {
	account int64
	posts   chan *notifyv1.SubscribeResponse
	ended   chan struct{} // closed after err is set
	err     error         // why the hub let go of it; read after ended
}

// hub knows who is connected. It never waits for anybody.
type hub struct {
	maxAll, maxPerAccount int

	mu        sync.Mutex // guards the fields below, and sending to and ending of subscribers
	byAccount map[int64]map[*subscriber]struct{}
	count     int
	stopped   bool
}

func newHub(maxAll, maxPerAccount int) *hub {
	return &hub{
		maxAll: maxAll, maxPerAccount: maxPerAccount,
		byAccount: make(map[int64]map[*subscriber]struct{}),
	}
}

func (h *hub) add(account int64) (*subscriber, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.stopped:
		return nil, errStopping
	case h.count >= h.maxAll:
		return nil, errFull
	case len(h.byAccount[account]) >= h.maxPerAccount:
		return nil, errPerAccount
	}
	s := &subscriber{
		account: account, posts: make(chan *notifyv1.SubscribeResponse, buffer), ended: make(chan struct{}),
	}
	if h.byAccount[account] == nil {
		h.byAccount[account] = make(map[*subscriber]struct{})
	}
	h.byAccount[account][s] = struct{}{}
	h.count++
	return s, nil
}

// remove forgets a subscriber who has gone, or does nothing if the hub has let go of it.
func (h *hub) remove(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(s)
}

// forget is called with the lock held.
func (h *hub) forget(s *subscriber) (was bool) {
	mine := h.byAccount[s.account]
	if _, was = mine[s]; !was {
		return false
	}
	delete(mine, s)
	if len(mine) == 0 {
		delete(h.byAccount, s.account)
	}
	h.count--
	return true
}

// end is called with the lock held.
func (h *hub) end(s *subscriber, why error) {
	if h.forget(s) {
		s.err = why
		close(s.ended)
	}
}

// accounts lists who is connected, each once.
func (h *hub) accounts() []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := make([]int64, 0, len(h.byAccount))
	for id := range h.byAccount {
		ids = append(ids, id)
	}
	return ids
}

// publish gives a post to the subscribers of the accounts. One whose buffer is
// full is ended.
func (h *hub) publish(accounts []int64, post *notifyv1.SubscribeResponse) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range accounts {
		for s := range h.byAccount[id] {
			select {
			case s.posts <- post:
			default:
				h.end(s, errSlow)
			}
		}
	}
}

func (h *hub) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	for _, mine := range h.byAccount {
		for s := range mine {
			h.end(s, errStopping)
		}
	}
}
