package gateway

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/transcode"
)

const (
	defaultMergeTime = 10 * time.Second
	defaultMergeSize = 4 << 20
	missingName      = "missing" // of the answer's member that tells which parts are
)

// merger answers with the answers of its parts, which it asks for at once, or as soon as
// those that they need are there.
type merger struct {
	parts   []*part  // by name
	query   []string // the parameters that a request may have
	timeout time.Duration
	size    int64
	route   *route
	logger  *slog.Logger
}

// merge makes a merger of a configuration. Mistakes are told at their places.
func (c *compiler) merge(i int, config mergeConfig, timeout time.Duration, rt *route) http.Handler {
	m := &merger{
		timeout: cmp.Or(timeout, defaultMergeTime), size: cmp.Or(config.Size, defaultMergeSize), route: rt,
		logger: c.options.Logger.With("route", rt.name),
	}
	c.checkReading(i, "a merge answers")
	if len(config.Parts) == 0 {
		c.mistake("there are no parts to merge", "add one to parts", "routes", i, "merge", "parts")
		return nil
	}
	before := len(c.mistakes)
	for _, name := range slices.Sorted(maps.Keys(config.Parts)) {
		m.parts = append(m.parts, c.part(i, name, config, rt))
	}
	if len(c.mistakes) > before || !c.acyclic(i, m) {
		return nil
	}
	m.query = m.parameters()
	c.merged = append(c.merged, m)
	return m
}

// acyclic joins parts with those that they need, and refuses those that need themselves.
func (c *compiler) acyclic(i int, m *merger) bool {
	byName := make(map[string]*part, len(m.parts))
	for _, p := range m.parts {
		byName[p.name] = p
	}
	const under, done = 1, 2
	state := make(map[*part]int, len(m.parts))
	var visit func(p *part, way []string) bool
	visit = func(p *part, way []string) bool {
		way = append(way, p.name)
		switch state[p] {
		case done:
			return true
		case under:
			c.mistake("parts need each other: "+strings.Join(way[slices.Index(way, p.name):], " needs "),
				"leave one of these out", "routes", i, "merge", "parts", p.name, "get")
			return false
		}
		state[p] = under
		for _, name := range p.get.parts() {
			if !visit(byName[name], way) {
				return false
			}
		}
		state[p] = done
		return true
	}
	for _, p := range m.parts {
		if !visit(p, nil) {
			return false
		}
	}
	return true
}

// parameters are those of the query that parts take, or the route's match asks for.
func (m *merger) parameters() []string {
	all := slices.Collect(maps.Keys(m.route.match.query))
	for _, p := range m.parts {
		all = append(all, p.get.parameters()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// check refuses a query that asks for something which no part takes, as methods do.
func (m *merger) check(r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return status.Errorf(codes.InvalidArgument, "query: %v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch n := len(query[name]); {
		case !slices.Contains(m.query, name):
			return status.Errorf(codes.InvalidArgument, "unknown query parameter %q: there is %s",
				name, cmp.Or(strings.Join(m.query, ", "), "none"))
		case n > 1:
			return status.Errorf(codes.InvalidArgument,
				"query parameter %q: it is given %d times, and takes one value", name, n)
		}
	}
	return nil
}

// outcome is what became of a part.
type outcome struct {
	done chan struct{} // closed once the rest is set
	body json.RawMessage
	err  error
}

// merging is the work on one request.
type merging struct {
	*merger
	request  *http.Request
	left     room // for all answers
	must     room // for those of required parts alone, which optional ones take nothing of
	outcomes map[string]*outcome
	failed   atomic.Pointer[requiredError] // the first
	end      context.CancelFunc            // of all that runs
}

// ServeHTTP asks for all parts, and waits for all. The first required one that fails ends the
// others.
func (m *merger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if err := m.check(r); err != nil {
		transcode.WriteError(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), m.timeout)
	defer cancel()
	work := &merging{merger: m, request: r, outcomes: make(map[string]*outcome, len(m.parts)), end: cancel}
	work.left.Store(m.size)
	work.must.Store(m.size)
	for _, p := range m.parts {
		work.outcomes[p.name] = &outcome{done: make(chan struct{})}
	}
	var running sync.WaitGroup
	for _, p := range m.parts {
		running.Go(func() { work.run(ctx, p) })
	}
	running.Wait()
	failed := work.failed.Load()
	if failed == nil {
		work.fit()
		work.answer(w)
		return
	}
	if transcode.HTTPStatus(status.Code(failed.err)) >= http.StatusInternalServerError {
		noteError(r, failed)
	}
	transcode.WriteError(w, r, failed.err)
}

// requiredError is that of the whole.
type requiredError struct {
	part string
	err  error
}

func (e *requiredError) Error() string { return e.part + ": " + e.err.Error() }

func (m *merging) run(ctx context.Context, p *part) {
	o := m.outcomes[p.name]
	defer close(o.done)
	o.body, o.err = p.ask(ctx, m)
	if o.err != nil && !p.optional && m.failed.CompareAndSwap(nil, &requiredError{p.name, o.err}) {
		m.end()
	}
}

// of waits for the answer of a part.
func (m *merging) of(name string) (json.RawMessage, error) {
	o := m.outcomes[name]
	<-o.done
	return o.body, o.err
}

// answer writes the parts as they came, and the status of each that is missing.
func (m *merging) answer(w http.ResponseWriter) {
	var body, missing bytes.Buffer
	for _, p := range m.parts {
		o := m.outcomes[p.name]
		if o.err != nil {
			member(&missing, p.name, transcode.StatusJSON(o.err))
		} else {
			member(&body, p.name, o.body)
		}
	}
	if missing.Len() > 0 {
		missing.WriteByte('}')
		member(&body, missingName, missing.Bytes())
		w.Header().Set("Cache-Control", "no-store") // the next one may have it
	}
	body.WriteByte('}')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	if m.request.Method != http.MethodHead {
		_, _ = w.Write(body.Bytes()) // the client is gone if this fails
	}
}

func member(to *bytes.Buffer, name string, value []byte) {
	if to.Len() == 0 {
		to.WriteByte('{')
	} else {
		to.WriteByte(',')
	}
	fmt.Fprintf(to, "%q:", name)
	to.Write(value)
}

// fit leaves optional parts out that have no room beside the required ones, which may have
// come later.
func (m *merging) fit() {
	left := m.size
	for _, optional := range []bool{false, true} {
		for _, p := range m.parts {
			o := m.outcomes[p.name]
			if p.optional != optional || o.err != nil {
				continue
			}
			if size := int64(len(o.body)); size > left {
				o.body, o.err = nil, m.errSize()
			} else {
				left -= size
			}
		}
	}
}

func (m *merging) errSize() error {
	return status.Errorf(codes.ResourceExhausted, "the parts have more than %d bytes", m.size)
}

// room is for bytes.
type room struct{ atomic.Int64 }

// take tells whether there was room for n bytes. If not, nothing is taken.
func (r *room) take(n int) bool {
	for {
		left := r.Load()
		if left < int64(n) {
			return false
		}
		if r.CompareAndSwap(left, left-int64(n)) {
			return true
		}
	}
}
