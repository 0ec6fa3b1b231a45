package fleet

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Directory tells where processes are reached: by process name, the URLs of its
// replicas in their order, and of each replica a URL for every link it listens on.
type Directory map[string][]string

// directory keeps the Directory and tells every running process of its changes.
// A process that died keeps its place, since it comes back at the same address;
// until then a call to it is refused by the system at once.
type directory struct {
	mu      sync.Mutex // guards the fields below and the order of updates; held before an outbox's
	members []*member  // those that others are told of
	urls    map[*member][]string
	more    Directory // of processes that are not the fleet's
	boxes   map[*outbox]struct{}
}

func newDirectory() *directory {
	return &directory{urls: make(map[*member][]string), boxes: make(map[*outbox]struct{})}
}

// announce notes where m listens. It takes the place of m's earlier URL with the
// same scheme, because a process has one listener for each link.
func (d *directory) announce(m *member, url string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	urls := d.urls[m]
	same := slices.IndexFunc(urls, func(u string) bool { return scheme(u) == scheme(url) })
	switch {
	case same < 0:
		d.urls[m] = append(slices.Clone(urls), url)
	case urls[same] == url:
		return
	default:
		d.urls[m] = slices.Clone(urls)
		d.urls[m][same] = url
	}
	d.spread()
}

// tell notes where processes are that are not the fleet's.
func (d *directory) tell(more Directory) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.more = maps.Clone(more)
	d.spread()
}

// swap puts one process into another's place, for all to know.
func (d *directory) swap(old, next *member) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.Index(d.members, old); i >= 0 {
		d.members[i] = next
	}
	delete(d.urls, old)
	d.spread()
}

// spread sends the directory to all; mu is held.
func (d *directory) spread() {
	line := d.line()
	for box := range d.boxes {
		box.reach(line)
	}
}

// of gives the URLs of m; callers must not change them.
func (d *directory) of(m *member) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.urls[m]
}

// join sends the directory to a process from now on.
func (d *directory) join(box *outbox) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boxes[box] = struct{}{}
	if len(d.urls)+len(d.more) > 0 {
		box.reach(d.line())
	}
}

func (d *directory) leave(box *outbox) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.boxes, box)
}

func (d *directory) line() []byte {
	all := make(Directory)
	maps.Copy(all, d.more)
	for _, m := range d.members {
		if urls := d.urls[m]; len(urls) > 0 {
			all[m.Name] = append(all[m.Name], urls...)
		}
	}
	return encode(order{Reach: all})
}

func scheme(url string) string {
	before, _, _ := strings.Cut(url, "://")
	return before
}

// encode gives one line of the protocol. Its values are strings and numbers,
// which always have a JSON form.
func encode(value any) []byte {
	line, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return append(line, '\n')
}
