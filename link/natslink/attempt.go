package natslink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
)

const (
	// maxAttempts is how often a request is tried before it is a dead letter.
	maxAttempts = 10
	// attemptTime bounds an attempt whose caller had no deadline.
	attemptTime = time.Minute
	// partTime is how long the broker may take to notice that a server asks for no more.
	// Until then it could hand a request back to the server that gives it up, which costs
	// an attempt.
	partTime = 100 * time.Millisecond
	// roomTime bounds how long a request waits for a service that has no room for it, before
	// that is an attempt after all.
	roomTime = 10 * time.Minute
)

// take runs one request, unless that is done or under way, and tells the queue.
func (w *worker) take(from source, m jetstream.Msg) {
	id := nameOf(m)
	if _, twice := w.runs.LoadOrStore(id, nil); twice {
		_ = m.NakWithDelay(w.quiet)
		return
	}
	defer w.runs.Delete(id)
	defer w.keep(m)()
	done, err := from.marks.has(id)
	if err != nil {
		w.log.Warn("an accepted request may have run before: nobody knows", "request", id, "error", err)
	}
	switch {
	case done:
		w.settle(from, m)
	case attempts(m) > maxAttempts: // the last one would have made it a dead letter, had it come so far
		w.bury(from, m, status.Newf(codes.Unavailable,
			"its server went away in %d attempts, or could not keep it as a dead letter", maxAttempts))
	default:
		w.try(from, m)
	}
}

// try makes an attempt.
func (w *worker) try(from source, m jetstream.Msg) {
	s, retry := w.attempt(from, m)
	switch {
	case w.server.ctx.Err() != nil && s != nil: // it was cut short
		_ = m.NakWithDelay(partTime)
	case s == nil:
		w.finish(from, m, doneMark)
	case retry > 0:
		w.log.Warn("an accepted request failed and will be tried again", "request", nameOf(m), "in", retry,
			"code", s.Code(), "error", s.Message())
		_ = m.NakWithDelay(retry)
	default:
		w.bury(from, m, s)
	}
}

// nameOf is the request's id. One that was put there without is known by its place
// and time.
func nameOf(m jetstream.Msg) string {
	id := m.Headers().Get(jetstream.MsgIDHeader)
	if meta, err := m.Metadata(); id == "" && err == nil {
		id = fmt.Sprintf("%d %d", meta.Sequence.Stream, meta.Timestamp.UnixNano())
	}
	return id
}

// attempt runs the handler. A retry of 0 means that there is no use in another.
func (w *worker) attempt(from source, m jetstream.Msg) (s *status.Status, retry time.Duration) {
	o, request, err := parseAccepted(m.Data())
	if err != nil {
		s = refusal(err)
		return s, w.retry(m, s.Code())
	}
	if o.Timeout <= 0 {
		o.Timeout = attemptTime
	}
	if request, s = w.whole(o.Timeout, from, m, request); s != nil {
		return s, w.retry(m, s.Code())
	}
	if o.Header == nil {
		o.Header = make(metadata.MD, 1)
	}
	o.Header["content-type"] = []string{"application/grpc"}
	if s = w.serve(o, request); s.Code() == codes.OK {
		return nil, 0
	}
	return s, w.retry(m, s.Code())
}

// serve runs the handler. It is no attempt if the service has no room and says when to come again,
// as its rate and its admission do: the request waits here, in the place of one that runs, so that
// the others stay in the queue meanwhile.
func (w *worker) serve(o frame.Opening, request call.Message) *status.Status {
	for until := time.Now().Add(roomTime); ; {
		ctx, cancel := context.WithTimeout(w.server.ctx, o.Timeout)
		end := w.server.Table.Serve(ctx, call.Incoming{Method: o.Method, Header: o.Header, Codec: o.Codec},
			&accepted{request: request})
		cancel()
		pause, full := comeAgain(end)
		if !full || time.Until(until) < pause || !sleep(w.ctx, pause) {
			return end.Status
		}
	}
}

// comeAgain tells after what time there may be room; false: it is not room that was missing.
func comeAgain(end call.End) (time.Duration, bool) {
	const least = 10 * time.Millisecond
	said := end.Trailer[link.PushbackKey]
	if end.Status.Code() != codes.ResourceExhausted || len(said) != 1 {
		return 0, false
	}
	ms, err := strconv.ParseUint(said[0], 10, 31)
	return max(time.Duration(ms)*time.Millisecond, least), err == nil
}

// whole adds the pieces to a request that has some, unless they are too many.
func (w *worker) whole(
	limit time.Duration, from source, m jetstream.Msg, request call.Message,
) (call.Message, *status.Status) {
	ctx, cancel := context.WithTimeout(w.server.ctx, limit)
	defer cancel()
	p, err := piecesOf(from.requests, m.Subject(), m.Headers())
	switch {
	case err != nil:
		return request, status.New(codes.InvalidArgument, err.Error())
	case p.size == 0:
		return request, nil
	case p.size > w.server.MaxRecv():
		return call.TooLarge(p.size), nil
	}
	message, err := p.join(ctx)
	switch {
	case errors.Is(err, errPieces):
		return request, status.New(codes.DataLoss, err.Error())
	case err != nil:
		return request, status.Newf(codes.Unavailable, "read pieces of the request: %v", err)
	}
	return call.Encoded(message), nil
}

// retry tells how long to wait before the next attempt.
func (w *worker) retry(m jetstream.Msg, c codes.Code) time.Duration {
	switch c { //nolint:exhaustive // the others would fail again
	case codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.DeadlineExceeded,
		codes.Internal, codes.Unknown:
	default:
		return 0
	}
	n := attempts(m)
	if n >= maxAttempts {
		return 0
	}
	pause := min(w.first<<(n-1), time.Minute)
	return pause/2 + rand.N(pause/2+1)
}

func attempts(m jetstream.Msg) int {
	meta, err := m.Metadata()
	if err != nil {
		return maxAttempts // it can't be told: better a dead letter than a loop
	}
	return int(meta.NumDelivered)
}

// keep tells the queue that a request is worked on, until stopped.
func (w *worker) keep(m jetstream.Msg) (stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(w.quiet / 4) //nolint:mnd // some may be lost
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				_ = m.InProgress()
			case <-over:
				return
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}

// accepted is the handler's end of a call that nobody waits for.
type accepted struct {
	request call.Message
	asked   bool
}

var _ call.ServerTransport = (*accepted)(nil)

func (a *accepted) Recv() (call.Message, error) {
	if a.asked {
		return call.Message{}, io.EOF
	}
	a.asked = true
	return a.request, nil
}

func (*accepted) SendHeader(metadata.MD) error { return nil }

func (*accepted) Send(m call.Message) error {
	m.Free()
	return nil
}
