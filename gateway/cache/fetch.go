package cache

import (
	"context"
	"net/http"
	"time"
)

// fetch asks the upstream, and hands on what it says to all who wait. It goes on when its
// own client goes away, as long as others may be given the answer.
func (c *Cache) fetch(rec *recorder) {
	r := rec.request
	ctx := r.Context()
	if rec.w != nil {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rec.cancel = cancel
	rec.header = make(http.Header)
	rec.sent = time.Now()
	rec.changes = c.store.changed(r.place)
	defer context.AfterFunc(r.Context(), rec.left)()

	out := r.WithContext(ctx)
	out.Header = c.outgoing(r, rec.passed)
	out.URL = c.outgoingURL(r)
	if old := rec.old; old != nil {
		if old.etag != "" {
			out.Header["If-None-Match"] = []string{old.etag}
		}
		if old.modified != "" {
			out.Header["If-Modified-Since"] = []string{old.modified}
		}
	}
	rec.ask(out)
	if rec.mode == again {
		c.store.drop(rec.old)
		c.fetch(&recorder{cache: c, w: rec.w, request: r, flight: rec.flight, reason: rec.reason})
	}
}

// ask calls the handler, and finishes whether it returns or panics.
func (rec *recorder) ask(out *http.Request) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if rec.mode == deciding && rec.old != nil && rec.old.servesErrors(time.Now()) && recover() != nil {
			rec.standIn(http.StatusBadGateway)
			rec.finish()
			return
		}
		rec.fail()
	}()
	rec.cache.next.ServeHTTP(rec, out)
	returned = true
	rec.finish()
}

// refresh asks the upstream in the background for what a request was given stale, once at a time.
func (c *Cache) refresh(r *request, e *entry) {
	if !e.refreshing.CompareAndSwap(false, true) {
		return
	}
	f, leads := c.store.join(r)
	if !leads {
		e.refreshing.Store(false)
		return
	}
	ctx, cancel := context.WithCancel(c.options.Detach(r.Context()))
	r.Request = r.WithContext(ctx)
	r.Body = http.NoBody
	c.store.refreshing.Go(func() {
		defer e.refreshing.Store(false)
		defer cancel()
		defer context.AfterFunc(c.store.life, cancel)()
		defer func() { _ = recover() }() // an upstream that breaks off; what is kept stays
		c.fetch(&recorder{cache: c, request: r, old: e, flight: f, reason: "stale"})
	})
}
