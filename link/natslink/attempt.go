package natslink

import (
	"context"
	"io"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link/call"
)

const (
	// maxAttempts is how often a request is tried before it is a dead letter.
	maxAttempts = 10
	// attemptTime bounds an attempt whose caller had no deadline.
	attemptTime = time.Minute
)

// take runs one request, unless that is done or under way, and tells the queue.
func (w *worker) take(js jetstream.JetStream, m jetstream.Msg) {
	id := nameOf(m)
	switch w.known.begin(id) {
	case fresh:
	case running:
		_ = m.NakWithDelay(ackWait)
		return
	case done:
		w.settle(m)
		return
	}
	s, retry := w.attempt(m)
	switch {
	case w.server.ctx.Err() != nil && s != nil: // it was cut short
		w.known.end(id, false)
		_ = m.Nak()
	case s == nil:
		w.known.end(id, true)
		w.settle(m)
	case retry > 0:
		w.known.end(id, false)
		w.log.Warn("an accepted request failed and will be tried again", "request", id, "in", retry,
			"code", s.Code(), "error", s.Message())
		_ = m.NakWithDelay(retry)
	default:
		w.known.end(id, w.bury(js, m, s))
	}
}

// nameOf is the request's id. One that was put there without is known by its place.
func nameOf(m jetstream.Msg) string {
	id := m.Headers().Get(jetstream.MsgIDHeader)
	if meta, err := m.Metadata(); id == "" && err == nil {
		id = strconv.FormatUint(meta.Sequence.Stream, 10)
	}
	return id
}

// attempt runs the handler. A retry of 0 means that there is no use in another.
func (w *worker) attempt(m jetstream.Msg) (s *status.Status, retry time.Duration) {
	stop := w.keep(m)
	defer stop()
	o, request, err := parseAccepted(m.Data())
	if err != nil {
		return status.New(codes.InvalidArgument, err.Error()), 0
	}
	if o.Timeout <= 0 {
		o.Timeout = attemptTime
	}
	ctx, cancel := context.WithTimeout(w.server.ctx, o.Timeout)
	defer cancel()
	if o.Header == nil {
		o.Header = make(metadata.MD, 1)
	}
	o.Header["content-type"] = []string{"application/grpc"}
	end := w.server.Table.Serve(ctx, call.Incoming{Method: o.Method, Header: o.Header, Codec: o.Codec},
		&accepted{request: request})
	if end.Status.Code() == codes.OK {
		return nil, 0
	}
	return end.Status, w.retry(m, end.Status.Code())
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
		ticker := time.NewTicker(ackWait / 4) //nolint:mnd // some may be lost
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

// settle takes a request out of the queue. If that fails it comes again, and is known.
func (w *worker) settle(m jetstream.Msg) {
	ctx, cancel := context.WithTimeout(context.Background(), brokerWait)
	defer cancel()
	if err := m.DoubleAck(ctx); err != nil {
		w.log.Warn("the queue does not know yet that a request is done", "error", err)
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
