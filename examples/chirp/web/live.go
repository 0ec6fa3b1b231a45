package web

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
)

// The events of /live. A post comes with its id as the event's, so that a browser
// says on its return what it saw last.
const (
	eventPost   = "post"   // data is a post's HTML
	eventPaused = "paused" // the stream ends; the browser is to return and be told what it missed
	eventGap    = "gap"    // more was missed than is told; the page is to be loaded again
)

// catchUp is the most posts that a returning browser is told: one page of ListHome.
const catchUp = 100

// live streams new posts to the home page.
func (v *visit) live() error {
	me := v.me()
	switch {
	case v.unchecked():
		return v.authErr
	case me == nil: // not errNobody: an EventSource would follow to the log-in page
		return &problem{status: http.StatusUnauthorized, detail: "Log in to see new posts as they are written."}
	case !v.site.streams.take(me.GetId()):
		return &problem{status: http.StatusTooManyRequests, detail: "Too many pages are open at once."}
	}
	defer v.site.streams.leave(me.GetId())

	var helpers sync.WaitGroup
	defer helpers.Wait()
	ctx, cancel := context.WithTimeout(v.r.Context(), v.site.options.StreamLife)
	defer cancel()
	helpers.Go(func() {
		defer cancel()
		select {
		case <-v.site.streams.done:
		case <-ctx.Done():
		}
	})
	news, err := v.subscribe(ctx, cancel, me.GetId())
	if err != nil {
		return err
	}
	out, err := beginSSE(v.w, v.site.options.Wait)
	if err != nil {
		return err
	}
	feed := &feed{
		visit: v, out: out, news: news, account: me.GetId(),
		told: make(map[int64]bool), events: make(chan *notifyv1.SubscribeResponse), ended: make(chan error, 1),
	}
	helpers.Go(func() { feed.receive(ctx) })
	// An error is the browser's, which has gone or will come back.
	if err := feed.run(ctx, v.lastSeen()); err != nil {
		v.log().DebugContext(ctx, "live updates ended", slog.Any("error", err))
	}
	return nil
}

// subscribe returns once notify is listening, or gives up.
func (v *visit) subscribe(
	ctx context.Context, cancel context.CancelFunc, account int64,
) (grpc.ServerStreamingClient[notifyv1.SubscribeResponse], error) {
	patience := time.AfterFunc(v.site.options.Wait, cancel)
	defer patience.Stop()
	news, err := v.site.clients.Notify.Subscribe(ctx, &notifyv1.SubscribeRequest{AccountId: account})
	if err == nil {
		err = listens(news)
	}
	if err != nil {
		return nil, status.Error(status.Code(err), "subscribe: "+err.Error())
	}
	return news, nil
}

// listens waits for the header, without which a stream has ended.
func listens(news grpc.ClientStream) error {
	header, err := news.Header()
	if err == nil && header == nil {
		err = news.RecvMsg(new(notifyv1.SubscribeResponse))
	}
	return err
}

// lastSeen is the newest post the browser knows: from before it was cut off, or of
// the page it opened with. Nil if it knows none.
func (v *visit) lastSeen() *int64 {
	for _, said := range []string{v.r.Header.Get("Last-Event-ID"), v.r.URL.Query().Get("after")} {
		if id, err := strconv.ParseInt(said, 10, 64); err == nil && id >= 0 {
			return &id
		}
	}
	return nil
}

// feed is one stream of /live while it lasts.
type feed struct {
	visit   *visit
	out     *sse
	news    grpc.ServerStreamingClient[notifyv1.SubscribeResponse]
	account int64
	told    map[int64]bool // posts sent already
	events  chan *notifyv1.SubscribeResponse
	ended   chan error // receives once, when news is over
}

// receive hands on what notify tells until the stream is over.
func (f *feed) receive(ctx context.Context) {
	for {
		event, err := f.news.Recv()
		if err != nil {
			f.ended <- err
			return
		}
		select {
		case f.events <- event:
		case <-ctx.Done():
			f.ended <- ctx.Err()
			return
		}
	}
}

func (f *feed) run(ctx context.Context, lastSeen *int64) error {
	// Spread, so that not all browsers return in the same moment after a restart.
	retry := 1000 + rand.IntN(2000)
	if err := f.out.send("retry: " + strconv.Itoa(retry) + "\n\n"); err != nil {
		return err
	}
	if lastSeen != nil {
		if err := f.catchUp(ctx, *lastSeen); err != nil {
			return err
		}
	}
	heartbeat := time.NewTicker(f.visit.site.options.Heartbeat)
	defer heartbeat.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err = <-f.ended:
			return f.pause(ctx, err)
		case <-heartbeat.C:
			err = f.out.send(": here\n\n")
		case event := <-f.events:
			err = f.tell(ctx, event)
		}
		if err != nil {
			return err
		}
	}
}

// pause tells the browser why it hears nothing for a while, unless the stream ends
// because the site stops or its time is up. It gives the error that ends the stream.
func (f *feed) pause(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.visit.log().WarnContext(ctx, "live updates paused", slog.Any("error", cause))
	if err := f.out.event(eventPaused, "", "Live updates are paused."); err != nil {
		return err
	}
	return cause
}

// catchUp sends what was written since the browser last heard, the oldest first.
// It runs while notify is listening already, so nothing falls in between.
func (f *feed) catchUp(ctx context.Context, lastSeen int64) error {
	short, cancel := context.WithTimeout(ctx, f.visit.site.options.Wait)
	defer cancel()
	answer, err := f.visit.site.clients.Messages.ListHome(short,
		&messagesv1.ListHomeRequest{AccountId: f.account, PageSize: catchUp})
	if err != nil {
		return f.pause(ctx, err)
	}
	missed := slices.DeleteFunc(slices.Clone(answer.GetPosts()),
		func(p *messagesv1.Post) bool { return p.GetId() <= lastSeen })
	if len(missed) == catchUp || answer.GetOnlyOwn() {
		if err := f.out.event(eventGap, "", "Some posts may be missing here."); err != nil {
			return err
		}
	}
	slices.Reverse(missed)
	return f.send(missed)
}

// tell sends the post of an event.
func (f *feed) tell(ctx context.Context, event *notifyv1.SubscribeResponse) error {
	if f.told[event.GetPostId()] {
		return nil
	}
	short, cancel := context.WithTimeout(ctx, f.visit.site.options.Wait)
	defer cancel()
	answer, err := f.visit.site.clients.Messages.GetPost(short, &messagesv1.GetPostRequest{Id: event.GetPostId()})
	switch {
	case status.Code(err) == codes.NotFound:
		return nil
	case err != nil: // ending here makes the browser return and ask for what it missed
		return f.pause(ctx, err)
	}
	return f.send([]*messagesv1.Post{answer.GetPost()})
}

// send renders posts as the home page does.
func (f *feed) send(posts []*messagesv1.Post) error {
	for _, post := range f.visit.show(posts, "", false).Posts {
		html, err := f.visit.site.looks.fragment(eventPost, post)
		if err != nil {
			return err
		}
		f.told[post.ID] = true
		if err := f.out.event(eventPost, strconv.FormatInt(post.ID, 10), html); err != nil {
			return err
		}
	}
	return nil
}
