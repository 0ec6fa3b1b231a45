package cache

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// recorder takes an upstream's answer. When its header has come, it is decided what becomes of it:
//
//	deciding -> passing     only this client may have it: it is written as it comes
//	         -> keeping     it is recorded, and all who wait read what is recorded -> passing, if it grows too large
//	         -> replacing   what was kept is still right, or better than an error
//	         -> again       what was kept cannot be checked
type recorder struct {
	cache   *Cache
	w       http.ResponseWriter // nil: nobody waits
	request *request
	old     *entry  // what is checked; may be nil
	flight  *flight // of those who wait; may be nil
	reason  string  // why it did not come from the store
	passed  bool    // it is known to be of no use to others

	cancel  func()
	header  http.Header
	sent    time.Time
	changes uint64

	mode   mode
	direct atomic.Bool // passing, for left
	entry  *entry
	status string
	body   *body
	length int           // that the header tells; -1: none
	client chan struct{} // closed when the client has all that is recorded
}

type mode int

const (
	deciding mode = iota
	passing
	keeping
	replacing
	again
)

// passTime is how long requests do not wait for each other after an answer that is for one alone.
const passTime = 10 * time.Second

var _ http.Flusher = (*recorder)(nil)

// Header is the answer's own, without what the layers outside have set.
func (rec *recorder) Header() http.Header {
	if rec.mode == passing && rec.w != nil {
		return rec.w.Header() // for trailers
	}
	return rec.header
}

// Unwrap lets http.ResponseController find what the client's connection can do.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.w }

// Flush sends what is written; what is recorded is sent anyway.
func (rec *recorder) Flush() { _ = rec.FlushError() }

// FlushError is what http.ResponseController calls.
func (rec *recorder) FlushError() error {
	if rec.mode == deciding {
		rec.WriteHeader(http.StatusOK)
	}
	if rec.mode == passing && rec.w != nil {
		return http.NewResponseController(rec.w).Flush()
	}
	return nil
}

// WriteHeader decides. Interim answers (1xx) are left out.
func (rec *recorder) WriteHeader(code int) {
	if rec.mode != deciding || code < http.StatusOK {
		return
	}
	now := time.Now()
	old := rec.old
	switch {
	case code == http.StatusNotModified && old != nil:
		rec.merge(now)
		return
	case code >= http.StatusInternalServerError && old != nil && old.servesErrors(now):
		rec.standIn(code)
		return
	}
	e := rec.cache.judge(rec.request, code, rec.header, rec.sent, now)
	rec.length = -1
	if n, err := strconv.Atoi(first(rec.header, "Content-Length")); err == nil {
		rec.length = n
	}
	if e == nil || int64(rec.length) > rec.cache.store.limits.Body {
		if code < http.StatusInternalServerError {
			rec.mark(now)
		}
		rec.pass(code)
		return
	}
	rec.keep(e, now)
}

// merge takes a 304 for the answer that is kept.
func (rec *recorder) merge(now time.Time) {
	store := rec.cache.store
	if tag := rec.header["Etag"]; tag != nil && rec.old.etag != "" && !hasTag(tag, rec.old.etag) {
		rec.mode = again
		return
	}
	var keep bool
	rec.entry, keep = rec.cache.merge(rec.old, rec.request, rec.header, rec.sent, now)
	if keep {
		store.add(rec.request, rec.entry, rec.changes)
		store.land(rec.request, rec.flight, rec.entry, nil)
	} else {
		store.drop(rec.old)
		store.land(rec.request, rec.flight, nil, nil)
	}
	rec.mode = replacing
	rec.status = "; fwd-status=304"
}

// standIn takes what is kept instead of an error (RFC 5861, 4).
func (rec *recorder) standIn(code int) {
	rec.entry = rec.old
	rec.cache.store.land(rec.request, rec.flight, rec.old, nil)
	rec.mode = replacing
	rec.status = "; fwd-status=" + strconv.Itoa(code) + "; detail=stale-if-error"
	if rec.w != nil {
		rec.cache.store.counts.stale.Add(1)
	}
}

// mark notes that requests like this one had better not wait for each other.
func (rec *recorder) mark(now time.Time) {
	if rec.passed || rec.flight == nil {
		return
	}
	e := rec.request.entry()
	e.passed, e.born, e.lifetime = true, now, passTime
	rec.cache.store.add(rec.request, e, rec.changes)
}

// pass writes the answer for this client alone.
func (rec *recorder) pass(code int) {
	rec.cache.store.land(rec.request, rec.flight, nil, nil)
	rec.goDirect()
	if rec.w == nil {
		return
	}
	h := rec.w.Header()
	for name, values := range rec.header {
		put(h, name, values)
	}
	put(h, "Cache-Status", []string{statusName + "; fwd=" + rec.reason + "; fwd-status=" + strconv.Itoa(code)})
	rec.w.WriteHeader(code)
}

// goDirect ends the upstream's work with the client, as from now nobody else waits for it.
func (rec *recorder) goDirect() {
	rec.mode = passing
	rec.direct.Store(true)
	if rec.w == nil || rec.request.Context().Err() != nil {
		rec.cancel()
	}
}

// left is called when the client is gone.
func (rec *recorder) left() {
	if rec.direct.Load() {
		rec.cancel()
	}
}

// keep begins to record the answer.
func (rec *recorder) keep(e *entry, now time.Time) {
	rec.mode, rec.entry = keeping, e
	rec.body = newBody(max(rec.length, 0))
	e.fields, e.size = fieldsOf(rec.header, now)
	r, w := rec.request, rec.w
	rec.client = make(chan struct{})
	if w != nil && e.head(w, r, statusName+"; fwd="+rec.reason+"; stored", now, false) {
		go func() {
			defer close(rec.client)
			rec.body.copyTo(r.Context(), w, rec.length < 0)
		}()
	} else {
		close(rec.client)
	}
	if rec.length >= 0 {
		rec.cache.store.land(r, rec.flight, e, rec.body)
	}
}

func (rec *recorder) Write(p []byte) (int, error) {
	if rec.mode == deciding {
		rec.WriteHeader(http.StatusOK)
	}
	if rec.mode == keeping {
		n := rec.body.len() + len(p)
		switch {
		case rec.length >= 0 && n > rec.length:
			return 0, http.ErrContentLength
		case int64(n) > rec.cache.store.limits.Body:
			rec.giveUp()
		default:
			rec.body.write(p)
		}
	}
	if rec.mode == passing && rec.w != nil {
		return rec.w.Write(p)
	}
	return len(p), nil
}

// giveUp stops recording what has grown too large. Its client gets the rest as it comes.
func (rec *recorder) giveUp() {
	rec.mark(time.Now())
	rec.cache.store.land(rec.request, rec.flight, nil, nil)
	rec.body.end(true)
	<-rec.client
	rec.goDirect()
}

// finish takes the whole answer in, and waits until the client has it.
func (rec *recorder) finish() {
	if rec.mode == deciding {
		rec.WriteHeader(http.StatusOK)
	}
	switch rec.mode {
	case keeping:
		rec.finishKeeping()
	case replacing:
		if rec.w != nil {
			rec.entry.serve(rec.w, rec.request, statusName+"; fwd="+rec.reason+rec.status, time.Now())
		}
	case deciding, passing, again:
	}
}

func (rec *recorder) finishKeeping() {
	if rec.length >= 0 && rec.body.len() != rec.length {
		rec.fail()
		panic(http.ErrAbortHandler) //nolint:forbidigo // how a handler cuts an answer short
	}
	e, store := rec.entry, rec.cache.store
	rec.body.end(true)
	e.body, _, _ = rec.body.after(0)
	if rec.length < 0 && e.status != http.StatusNoContent {
		e.fields = append(e.fields, field{"Content-Length", []string{strconv.Itoa(len(e.body))}})
	}
	store.add(rec.request, e, rec.changes)
	store.land(rec.request, rec.flight, e, nil)
	<-rec.client
}

// fail tells all who wait that there is nothing, or not all.
func (rec *recorder) fail() {
	rec.cache.store.land(rec.request, rec.flight, nil, nil)
	if rec.body != nil {
		rec.body.end(false)
		<-rec.client
	}
}
