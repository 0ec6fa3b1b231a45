package inproc

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// Link is the in-process link. The zero value is ready to use, and all values
// share one table of names.
type Link struct{}

var _ link.Link = Link{}

// names is the table of listening servers: the one piece of package state in
// Kerf, because the name of a server in this process is all that a URL can hold.
var names = struct {
	mu      sync.RWMutex // guards servers
	servers map[string]*server
	last    atomic.Int64 // for names that are left open
}{servers: make(map[string]*server)}

// Scheme is "inproc".
func (Link) Scheme() string { return "inproc" }

// Capabilities are all there are.
func (Link) Capabilities() link.Capabilities { return link.Capabilities{Streams: true} }

// Dial makes a conn to the server that has the URL's name whenever a call is made.
func (Link) Dial(u *url.URL, o link.DialOptions) (link.Conn, error) {
	if u.Host == "" {
		return nil, fmt.Errorf("dial %q: no name: write inproc://NAME", u)
	}
	return call.NewConn(newDialer(u.Host, o), u, o)
}

// Listen takes a name, which must be free.
func (Link) Listen(_ context.Context, u *url.URL, o link.ListenOptions) (link.Server, error) {
	name := u.Host
	if name == "" {
		name = fmt.Sprintf("unnamed-%d", names.last.Add(1))
	}
	s := newServer(name, o)
	names.mu.Lock()
	defer names.mu.Unlock()
	if names.servers[name] != nil {
		return nil, fmt.Errorf("listen on inproc://%s: the name is taken in this process", name)
	}
	names.servers[name] = s
	return s, nil
}

func find(name string) *server {
	names.mu.RLock()
	defer names.mu.RUnlock()
	return names.servers[name]
}

func forget(s *server) {
	names.mu.Lock()
	defer names.mu.Unlock()
	if names.servers[s.name] == s {
		delete(names.servers, s.name)
	}
}
