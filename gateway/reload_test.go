package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/kerf-go/kerf/gateway"
	"github.com/kerf-go/kerf/internal/issuertest"
	"github.com/kerf-go/kerf/plan"
)

const reloads = 1000

// turning is a configuration of which a part is another at each turn. A gateway that has come to
// rest has the one without upstreams.
const (
	turning = `listen: [{address: 127.0.0.1:0}]
log: off
cache: {size: %s}
upstreams:
  one: {urls: [%s], timeout: %ds%s}
  lasting: {urls: ["{one}"], timeout: %ds}
auth:
  token: {jwt: {issuer: "{issuer}", audience: [api], jwks: "{issuer}/keys"}, claims: [c%d]}
  key: {keys: {header: X-Api-Key, list: [{name: "n%d", sha256: "{hash}"}]}}
rates:
  here: {requests: %d, per: 1s}
  shared: {requests: 1000000, per: 1s, store: "redis://{redis}/%d", patience: %dms}
routes:
  - {match: {path: /socket}, proxy: one}
  - {match: {path: /events}, proxy: lasting}
  - {match: {path: /plain/*}, proxy: one, compress: {least: 1B}, rate: [here]}
  - {match: {path: /cached/*}, proxy: one, cache: {ttl: 10ms, stale: {while_revalidate: 1s}}}
  - {match: {path: /token}, proxy: one, auth: [token]}
  - {match: {path: /key}, proxy: lasting, auth: [key]}
  - {match: {path: "/files/{f=**}"}, files: {root: %s}, rewrite: "/{f}"}
  - {match: {path: /shared}, rate: [shared], answer: {body: "/shared"}}
  - match: {path: /json}
    proxy: one
    validate: {request: {schema: schema.json}}
    transform: {request: {body: {add: {/turn: "%d"}}}}
  - match: {path: /merged}
    merge: {parts: {a: {proxy: one, get: /number}, b: {proxy: lasting, get: "/number?of={a.n}"}}}
`
	resting = "listen: [{address: 127.0.0.1:0}]\nlog: off\nroutes: [{answer: {body: rests}}]\n"
)

// storm is a gateway that is reloaded, with what it reaches and who reaches it.
type storm struct {
	*bundle
	folder   string
	replaces *strings.Replacer
	urls     []string
	conns    atomic.Int64 // of upstreams, issuer left out, and of the store of rates
	right    atomic.Int64 // reloads
	wrong    atomic.Int64
	why      atomic.Value // the last was wrong
	token    string
	signals  chan os.Signal
}

// Requests, a socket and events go on while the configuration changes a thousand times, and is wrong now and then.
func TestAThousandReloadsUnderLoadLeakNothing(t *testing.T) { //nolint:paralleltest // it counts goroutines
	s := newStorm(t)
	rest := s.measure(t)
	half := s.rage(t, reloads/4)
	whole := s.rage(t, reloads-reloads/4)
	t.Logf("before %+v, after %d reloads %+v, after all %+v", rest, reloads/4, half, whole)
	const few = 5 // that come and go by themselves
	if whole.goroutines > rest.goroutines+few || rest.files > 0 && whole.files > rest.files+few {
		t.Errorf("%+v became %+v", rest, whole)
		buffer := make([]byte, 1<<20)
		t.Logf("%s", buffer[:runtime.Stack(buffer, true)])
	}
	if whole.conns > 0 {
		t.Errorf("%d connections are left", whole.conns)
	}
	const perReload = 2 << 10 // less than a configuration takes
	if grown := int64(whole.heap) - int64(half.heap); grown > perReload*reloads*3/4 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	wrong := int64(reloads/4/wrongEach + (reloads-reloads/4)/wrongEach)
	if s.wrong.Load() < wrong || s.right.Load() < reloads-wrong {
		t.Errorf("%d configurations were taken and %d refused, at last: %v",
			s.right.Load(), s.wrong.Load(), s.why.Load())
	}
}

func TestARequestEndsWithWhatItBeganWith(t *testing.T) {
	t.Parallel()
	asked, goOn := make(chan struct{}), make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/first" {
			close(asked)
			<-goOn
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"n":1}`)
	}))
	t.Cleanup(up.Close)
	upstreams := map[string]*httptest.Server{"one": up}
	const config = `
upstreams: {one: {urls: ["{one}"], timeout: 1m}}
routes: [{merge: {parts: {a: {proxy: one, get: /first}, b: {proxy: one, get: "/then?of={a.n}"}}}}]
`
	b := setup(t, config, upstreams)
	got := make(chan answer, 1)
	go func() { got <- b.do(t, "GET /") }()
	<-asked
	b.change(t, strings.Replace(config, "merge", "name: same upstream, merge", 1), upstreams)
	b.change(t, strings.Replace(config, "1m", "2m", 1), upstreams)
	close(goOn)
	if a := <-got; a.body != `{"a":{"n":1},"b":{"n":1}}` {
		t.Error(a.Status, a.body)
	}
}

func newStorm(t *testing.T) *storm {
	t.Helper()
	s := &storm{bundle: new(bundle), folder: t.TempDir(), signals: make(chan os.Signal)}
	for range 2 {
		s.urls = append(s.urls, `"`+s.upstream(t)+`"`)
	}
	issuer := issuertest.New(t)
	s.token = "Bearer " + issuer.Token(t, jwt.MapClaims{"sub": "ada"})
	s.replaces = strings.NewReplacer("{one}", strings.Trim(s.urls[0], `"`), "{issuer}", issuer.URL,
		"{hash}", hashOf("the key"), "{redis}", s.brokenRedis(t))
	for name, text := range map[string]string{"f.txt": "/files/f.txt", "schema.json": `{"type": "object"}`} {
		if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.file = filepath.Join(s.folder, "gateway.yaml")
	s.put(t, resting)
	g, err := gateway.Open(s.file, gateway.Options{Logger: slog.New(s)})
	if err != nil {
		t.Fatal(err)
	}
	s.Gateway = g
	s.serve(t)
	ctx, stop := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { g.Watch(ctx, s.signals) })
	t.Cleanup(func() {
		stop()
		watching.Wait()
	})
	return s
}

// upstream streams as streams do, and else tells its path.
func (s *storm) upstream(t *testing.T) string {
	t.Helper()
	streaming := streams(t, nil).Config.Handler
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/socket", "/events":
			streaming.ServeHTTP(w, r)
		case "/number":
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"n":1}`)
		default:
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, r.URL.Path)
		}
	}))
	up.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.conns.Add(1)
		case http.StateClosed, http.StateHijacked: // those of sockets end with their clients
			s.conns.Add(-1)
		case http.StateActive, http.StateIdle:
		}
	}
	up.Start()
	t.Cleanup(up.Close)
	return up.URL
}

// brokenRedis answers, but cannot count.
func (s *storm) brokenRedis(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.conns.Add(1)
			serving.Go(func() {
				defer s.conns.Add(-1)
				defer conn.Close()
				for buffer := make([]byte, 4096); ; {
					if _, err := conn.Read(buffer); err != nil {
						return
					}
					io.WriteString(conn, "-ERR broken\r\n")
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		if !t.Failed() { // else some may be left
			serving.Wait()
		}
	})
	return listener.Addr().String()
}

// Enabled and the others count what the gateway says of reloads.
func (s *storm) Enabled(context.Context, slog.Level) bool { return true }
func (s *storm) WithAttrs([]slog.Attr) slog.Handler       { return s }
func (s *storm) WithGroup(string) slog.Handler            { return s }
func (s *storm) Handle(_ context.Context, r slog.Record) error {
	switch r.Message {
	case "the configuration has been reloaded":
		s.right.Add(1)
	case "the configuration is wrong, the one in use stays":
		s.wrong.Add(1)
		r.Attrs(func(a slog.Attr) bool {
			s.why.Store(a.Value.String())
			return true
		})
	}
	return nil
}

func (s *storm) put(t *testing.T, text string) {
	t.Helper()
	err := os.WriteFile(s.file+".new", []byte(s.replaces.Replace(text)), 0o600)
	if err == nil {
		err = os.Rename(s.file+".new", s.file) // in one step: it is looked at all the time
	}
	if err != nil {
		t.Fatal(err)
	}
}

// take has a configuration carried out, or refused.
func (s *storm) take(t *testing.T, text string) {
	t.Helper()
	s.put(t, text)
	before := s.right.Load() + s.wrong.Load()
	s.signals <- syscall.SIGHUP
	for s.right.Load()+s.wrong.Load() == before {
		runtime.Gosched()
	}
}

const (
	first     = 1
	wrongEach = 10
)

// reload makes turn i.
func (s *storm) reload(t *testing.T, i int) {
	t.Helper()
	urls, health := s.urls[i/3%2], ""
	if i%4 == 0 {
		urls, health = strings.Join(s.urls, ", "), ", health: {path: /}"
	}
	lasting := 30
	if i == first {
		lasting = 31
	}
	text := fmt.Sprintf(turning, []string{"1MiB", "2MiB"}[i/5%2], urls, 30+i/3, health, lasting, i/4, i/2, 900_000+i/2,
		i/7%16, lasting, s.folder, i)
	if i%wrongEach == 0 { // at the end, when all else has been made ready
		text += []string{"  - {match: {path: /x}, proxy: nowhere}\n", "  - {\n", "cache: 7\n"}[i/wrongEach%3]
	}
	s.take(t, text)
}

// rage reloads n times while clients ask, and then lets all come to rest.
func (s *storm) rage(t *testing.T, n int) measured {
	t.Helper()
	s.reload(t, first)
	if s.right.Load() == 0 {
		t.Fatal(s.why.Load())
	}
	socket, stream := s.socket(t), s.event(t)
	s.reload(t, first+2) // with other upstreams: so the next have nothing of the first
	var running sync.WaitGroup
	var over atomic.Bool
	for range 4 {
		running.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for asked := 0; asked < 10 || !over.Load(); asked++ {
				s.ask(t, client, asked)
			}
		})
	}
	for i := range n {
		s.reload(t, first+3+i)
		if i%100 == 0 {
			say(t, socket, "still here")
			other := s.socket(t)
			say(t, other, "here too")
			other.CloseNow()
		}
	}
	over.Store(true)
	running.Wait()
	s.take(t, resting)
	// All those between have ended, though the first has its socket and events still.
	if now := s.eventually(func(m measured) bool { return m.conns <= 1 }); now.conns > 1 {
		t.Errorf("%d connections are left beside that of the events", now.conns-1)
		buffer := make([]byte, 1<<20)
		t.Logf("%s", buffer[:runtime.Stack(buffer, true)])
	}
	say(t, socket, "to the end")
	socket.CloseNow()
	stream()
	return s.measure(t)
}

// event begins a stream of events, which lasts until the function that it gives is called.
func (s *storm) event(t *testing.T) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r) //nolint:bodyclose // end does it
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if _, err := io.Copy(io.Discard, response.Body); ctx.Err() == nil {
			t.Errorf("the events ended: %v", err)
		}
	}()
	return func() {
		cancel()
		<-ended
		response.Body.Close()
	}
}

// ask makes one of the requests that all configurations answer with their path, or 1.
func (s *storm) ask(t *testing.T, client *http.Client, i int) {
	t.Helper()
	paths := []string{
		fmt.Sprintf("/plain/%d", i), "/cached/1", "/token", "/key", "/files/f.txt", "/json", "/merged", "/shared",
	}
	path := paths[i%len(paths)]
	method, body := http.MethodGet, ""
	if path == "/json" {
		method, body = http.MethodPost, `{"a": 1}`
	}
	r, err := http.NewRequestWithContext(context.Background(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	r.Header.Set("Authorization", s.token)
	r.Header.Set("X-Api-Key", "the key")
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	want := path
	if path == "/merged" {
		want = `{"a":{"n":1},"b":{"n":1}}`
	}
	if err != nil || response.StatusCode != http.StatusOK || string(got) != want {
		t.Errorf("%s: %s %q, %v", path, response.Status, got, err)
	}
}

// measured is what could have leaked.
type measured struct {
	goroutines, files int
	conns             int64
	heap              uint64
}

// measure waits until nothing changes any more.
func (s *storm) measure(t *testing.T) measured {
	t.Helper()
	last, calm := measured{}, 0
	m := s.eventually(func(m measured) bool {
		if m.goroutines == last.goroutines && m.conns == last.conns && m.files == last.files {
			calm++
		} else {
			calm = 0
		}
		last = m
		return calm == 20 && m.conns == 0
	})
	runtime.GC()
	runtime.GC() // pools are emptied by the second
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	m.heap = memory.HeapAlloc
	return m
}

// eventually looks until enough, five seconds at most, and gives what there is then.
func (s *storm) eventually(enough func(measured) bool) measured {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		m := measured{goroutines: runtime.NumGoroutine(), conns: s.conns.Load()}
		if open, err := os.ReadDir("/proc/self/fd"); err == nil { // where there is such a thing
			m.files = len(open)
		}
		if enough(m) || time.Now().After(deadline) {
			return m
		}
	}
}

func TestWhatAReloadDoesNotChangeIsTold(t *testing.T) {
	t.Parallel()
	const routes = "routes: [{answer: {}}]\n"
	start, err := plan.ReadDocument("g.yaml", []byte("log: off\nlisten: [{address: 127.0.0.1:0}]\n"+routes))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	g, err := gateway.New(start, gateway.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for _, test := range []struct{ config, want string }{
		{"log: off\nlisten: [{address: 127.0.0.1:0}]\nlimits: {body: 7}\n", ""},
		{"log: off\nlisten: [{address: 127.0.0.1:1}]\nadmin: 127.0.0.1:0\n", "[admin listen]"},
		{"log: off\nlisten: [{address: 127.0.0.1:1}]\nadmin: 127.0.0.1:0\nlimits: {streams: 3}\n", "[admin limits"},
		{"log: off\nlisten: [{address: 127.0.0.1:0}]\n", ""},
	} {
		log.Reset()
		d, err := plan.ReadDocument("g.yaml", []byte(test.config+routes))
		if err == nil {
			err = g.Reload(d)
		}
		if err != nil || (test.want == "") != (log.Len() == 0) || !strings.Contains(log.String(), test.want) {
			t.Errorf("%s%v: %s, and not %s", test.config, err, &log, test.want)
		}
	}
}
