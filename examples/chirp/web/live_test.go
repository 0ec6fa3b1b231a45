package web_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/examples/chirp/web"
)

// listener is an open /live.
type listener struct {
	t      *testing.T
	header http.Header
	lines  *bufio.Scanner
	hangUp func()
}

// sent is one event of /live.
type sent struct{ name, id, data string }

// listen opens /live; after is the Last-Event-ID, if any.
func (b *browser) listen(path, after string) *listener {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	r := b.request(http.MethodGet, path, nil).WithContext(ctx)
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	response, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	hangUp := func() {
		cancel()
		_ = response.Body.Close()
	}
	b.t.Cleanup(hangUp)
	if response.StatusCode != http.StatusOK {
		b.t.Fatalf("/live: status %d", response.StatusCode)
	}
	l := &listener{t: b.t, header: response.Header, lines: bufio.NewScanner(response.Body), hangUp: hangUp}
	if first := l.next(); first.name != "retry" {
		b.t.Fatalf("begins with %+v, want retry", first)
	}
	return l
}

// next reads an event; the name is that of the field if there is none but retry,
// "comment" for a comment, and "end" at the end.
func (l *listener) next() sent {
	l.t.Helper()
	var e sent
	var data []string
	for l.lines.Scan() {
		field, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch field {
		case "":
			if l.lines.Text() != "" {
				e.name = "comment"
				continue
			}
			e.data = strings.Join(data, "\n")
			return e
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "retry":
			e.name = "retry"
		case "data":
			data = append(data, value)
		default:
			l.t.Fatalf("unknown line %q", l.lines.Text())
		}
	}
	return sent{name: "end"}
}

func (l *listener) wantPost(id string, holds ...string) {
	l.t.Helper()
	e := l.next()
	if e.name != "post" || e.id != id {
		l.t.Fatalf("got %+v, want post %s", e, id)
	}
	if strings.Contains(e.data, "\r") { // it would end a line, for a browser
		l.t.Errorf("post %s holds a bare line end: %q", id, e.data)
	}
	for _, text := range append(holds, `<article class="post" id="post-`+id+`"`) {
		if !strings.Contains(e.data, text) {
			l.t.Errorf("post %s does not hold %q:\n%s", id, text, e.data)
		}
	}
}

func TestLivePosts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bob, eve := b.fakes.account("bob"), b.fakes.account("eve")
	b.fakes.follow(b.ada, bob.GetId())
	l := b.listen("/live", "")
	if got := l.header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("Content-Type %q", got)
	}
	b.fakes.write(eve.GetId(), "by eve", false)
	b.fakes.write(bob.GetId(), "by <b>bob</b>\revent: forged\r\n\nid: 9", false)
	b.fakes.write(b.ada, "by ada", false)
	l.wantPost("2", "by &lt;b&gt;bob&lt;/b&gt;", "event: forged", `href="/@bob"`)
	l.wantPost("3", "by ada")
	b.fakes.down("accounts.BatchGetProfiles")
	b.fakes.write(bob.GetId(), "whose?", false)
	l.wantPost("4", "whose?", "somebody")
}

func TestComingBackTellsWhatWasMissed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, text := range []string{"one", "two", "three"} {
		b.fakes.write(b.ada, text, true)
	}
	l := b.listen("/live?after=0", "1") // the header is newer than the address
	l.wantPost("2", "two")
	l.wantPost("3", "three")
	b.fakes.write(b.ada, "four", false)
	l.wantPost("4", "four")

	b.listen("/live?after=3", "").wantPost("4", "four")
	none := b.listen("/live", "")
	odd := b.listen("/live?after=x", "-7")
	b.fakes.write(b.ada, "five", false)
	none.wantPost("5", "five")
	odd.wantPost("5", "five")
}

func TestTooMuchMissedIsSaid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 120 {
		b.fakes.write(b.ada, "one of many", true)
	}
	l := b.listen("/live?after=5", "")
	if e := l.next(); e.name != "gap" {
		t.Fatalf("got %+v, want gap", e)
	}
	l.wantPost("21")
}

func TestLivePausesWhenNotifyGoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.listen("/live", "")
	b.fakes.cut()
	if e := l.next(); e.name != "paused" || e.data != "Live updates are paused." {
		t.Fatalf("got %+v, want paused", e)
	}
	if e := l.next(); e.name != "end" {
		t.Fatalf("got %+v, want the end", e)
	}
	b.fakes.down("notify")
	b.get("/live").is(http.StatusServiceUnavailable)
	b.fakes.breaks("notify", status.Error(codes.ResourceExhausted, "too many readers"))
	b.get("/live").is(http.StatusTooManyRequests)
}

func TestAPostThatCannotBeReadIsToldLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fakes.write(b.ada, "seen", true)
	l := b.listen("/live", "")
	b.fakes.down("messages.GetPost")
	b.fakes.write(b.ada, "not yet", false)
	if e := l.next(); e.name != "paused" || e.id != "" {
		t.Fatalf("got %+v, want paused without an id", e)
	}
	b.fakes.breaks("messages.GetPost", nil)
	b.listen("/live?after=0", "1").wantPost("2", "not yet")
}

func TestLiveIsForWhoIsLoggedIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.other().get("/live").is(http.StatusUnauthorized)
	b.fakes.down("accounts")
	b.get("/live").is(http.StatusServiceUnavailable)
	if n := b.fakes.counted()["notify.Subscribe"]; n != 0 {
		t.Error("notify was asked")
	}
}

func TestOpenStreamsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *web.Options) { o.StreamsPerAccount, o.Streams = 2, 3 })
	for _, name := range []string{"bob", "eve"} {
		b.fakes.account(name)
	}
	bob, eve := b.other(), b.other()
	bob.logIn("bob")
	eve.logIn("eve")
	first := b.listen("/live", "")
	b.listen("/live", "")
	b.get("/live").is(http.StatusTooManyRequests)
	bob.listen("/live", "")
	eve.get("/live").is(http.StatusTooManyRequests)
	first.hangUp()
	eventually(t, func() bool { return b.fakes.subscribed() == 2 })
	eventually(t, func() bool { return eve.get("/public").status == 200 && eve.tryLive() })
}

// tryLive opens a stream for a moment and tells if that was allowed.
func (b *browser) tryLive() bool {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	response, err := b.client.Do(b.request(http.MethodGet, "/live", nil).WithContext(ctx))
	if err != nil {
		b.t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatal("it never came to hold")
		}
		select {
		case <-t.Context().Done():
		case <-time.NewTimer(5 * time.Millisecond).C:
		}
	}
}

func TestShutdownEndsStreams(t *testing.T) {
	t.Parallel()
	f := newFakes()
	f.account("ada")
	f.sessions["token"] = 1
	site, err := web.New(f.clients(), web.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(site)
	defer server.Close()
	server.Config.RegisterOnShutdown(func() { _ = site.Close() })
	var readers sync.WaitGroup
	for range 5 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", "chirp_session=token")
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		readers.Go(func() {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := server.Config.Shutdown(ctx); err != nil {
		server.CloseClientConnections()
		t.Fatalf("the drain hangs: %v", err)
	}
	readers.Wait()
	if n := f.subscribed(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
	_ = site.Close() // again
	visitAs(t, site, "/live", "token").is(http.StatusTooManyRequests)
	visitAs(t, site, "/", "token").is(http.StatusOK)
}

func TestManyReaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const readers, posts = 24, 20
	var all sync.WaitGroup
	for i := range readers {
		name := "reader" + strings.Repeat("x", i)
		b.fakes.follow(b.fakes.account(name).GetId(), b.ada)
		other := b.other()
		other.logIn(name)
		l := other.listen("/live?after=0", "")
		all.Go(func() {
			seen := make(map[string]bool)
			for len(seen) < posts {
				e := l.next()
				if e.name != "post" || seen[e.id] {
					t.Errorf("got %+v after %d posts", e, len(seen))
					return
				}
				seen[e.id] = true
			}
			l.hangUp()
		})
	}
	for range posts {
		b.fakes.write(b.ada, "to all", false)
	}
	all.Wait()
	eventually(t, func() bool { return b.fakes.subscribed() == 0 })
}

func TestHeartbeatAndLifeOfAStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFakes()
		f.account("ada")
		f.sessions["token"] = 1
		site, err := web.New(f.clients(), web.Options{})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		a := visitAs(t, site, "/live", "token")
		if lasted := time.Since(begin); lasted != 10*time.Minute {
			t.Errorf("the stream lasted %s of the fake clock", lasted)
		}
		// The last one and the end fall on the same moment.
		if beats := strings.Count(a.body, ": here\n\n"); beats != 39 && beats != 40 {
			t.Errorf("%d heartbeats in ten minutes, want one every 15 s", beats)
		}
	})
}
