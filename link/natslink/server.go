package natslink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/peer"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
	"github.com/kerf-go/kerf/link/call/frame"
)

// group is the queue group of a subject's servers.
const group = "kerf"

// maxArrived is how many messages may wait to be looked at, which takes no time.
const maxArrived = 1 << 14

type server struct {
	*call.Table
	url      *url.URL      // names this very server
	every    time.Duration // of the pulse
	subject  string
	instance string // subject of calls to this very server; and below, of the further packets of all its calls
	broker   *nats.Conn
	room     int                  // bytes of frames that a message takes
	starts   []*nats.Subscription // where calls begin
	arrived  chan *nats.Msg
	calls    frame.Calls[string, *serverCall] // by where their answers go
	worker   *worker

	ctx     context.Context //nolint:containedctx // parent of every call's, ends with the server
	cancel  context.CancelFunc
	serving chan struct{} // closed by Serve
	idle    chan struct{} // closed when no call runs, nor can begin
	lost    chan struct{} // closed when the broker's client has given up
	drained chan struct{} // closed when Shutdown or Close is through
	serve   sync.Once
	resting sync.Once
	stop    sync.Once
	work    sync.WaitGroup
}

var _ link.Server = (*server)(nil)

func listen(ctx context.Context, u *url.URL, o link.ListenOptions, l Link) (*server, error) {
	again := instanceOf(u) != ""
	u = named(u)
	s := &server{
		Table: call.NewTable(o), url: u, every: l.every(), subject: subjectOf(u), instance: calledAt(u),
		arrived: make(chan *nats.Msg, maxArrived),
		serving: make(chan struct{}), idle: make(chan struct{}),
		lost: make(chan struct{}), drained: make(chan struct{}),
	}
	logger := o.Logger
	if logger == nil {
		logger = slog.Default()
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.worker = newWorker(s, logger, l)
	broker, err := connect(s.settings(o, logger), u)
	if err != nil {
		return nil, err
	}
	s.broker, s.room = broker, int(broker.MaxPayload())-prefaceLen
	s.ctx = peer.NewContext(s.ctx, peerOf(u, broker))
	if again {
		err = s.vacant(ctx)
	}
	if err == nil {
		err = s.subscribe()
	}
	if err != nil {
		broker.Close()
		return nil, err
	}
	s.work.Go(s.read)
	s.work.Go(s.beat)
	return s, nil
}

func (s *server) settings(o link.ListenOptions, logger *slog.Logger) nats.Options {
	settings := settings(s.url, o.TLS, s.every)
	settings.MaxReconnect = -1
	settings.CustomReconnectDelayCB = func(attempts int) time.Duration {
		const first, most = 50 * time.Millisecond, time.Second
		if attempts == 1 { // of the connections it may be the only one that was lost
			return 0
		}
		return min(first<<min(attempts-2, 10), most) //nolint:mnd // beyond most
	}
	settings.DisconnectedErrCB = func(_ *nats.Conn, err error) {
		for _, running := range s.calls.All() { // their callers have been told, or are out of reach
			running.lose()
		}
		if err != nil {
			logger.Warn("connection to the broker lost", "subject", s.subject, "error", err)
		}
	}
	settings.ReconnectedCB = func(*nats.Conn) {
		logger.Info("connected to the broker again", "subject", s.subject)
		s.worker.look()
	}
	settings.AsyncErrorCB = func(_ *nats.Conn, _ *nats.Subscription, err error) {
		logger.Warn("trouble with the broker", "subject", s.subject, "error", err)
	}
	settings.ClosedCB = func(*nats.Conn) { close(s.lost) }
	return settings
}

// vacant fails if another server has the URL, or may have it.
func (s *server) vacant(ctx context.Context) error {
	switch err := probe(ctx, s.broker, s.instance); {
	case errors.Is(err, nats.ErrNoResponders):
		return nil
	case err != nil:
		return fmt.Errorf("whether another server is there: %w", err)
	}
	return errors.New("another server is there: stop it, or leave out what follows the question mark")
}

// subscribe hears all subjects in one row, so that a cancel stays behind its call.
func (s *server) subscribe() error {
	for _, subject := range []string{s.subject, s.instance} {
		starts, err := s.broker.ChanQueueSubscribe(subject, group, s.arrived)
		if err != nil {
			return err
		}
		s.starts = append(s.starts, starts)
	}
	for _, subject := range []string{everywhere(s.subject), s.instance + ".>"} {
		if _, err := s.broker.ChanSubscribe(subject, s.arrived); err != nil {
			return err
		}
	}
	return s.broker.FlushTimeout(brokerWait)
}

// URL names this very server: what is dialled there goes to no other, but for what is only
// to be accepted. It is without the user and the password, which nobody else is to see.
func (s *server) URL() string {
	u := *s.url
	u.User = nil
	return u.String()
}

// Serve answers calls until the end. Those that came earlier have waited.
func (s *server) Serve() error {
	if err := s.Seal(); err != nil {
		_ = s.Close()
		return err
	}
	first := false
	s.serve.Do(func() { first = true })
	if !first || s.ctx.Err() != nil {
		return fmt.Errorf("serve %s: it has been served or closed already", s.url.Redacted())
	}
	close(s.serving)
	go s.worker.run() // Shutdown waits for it
	select {
	case <-s.lost:
	case <-s.drained:
	}
	select {
	case <-s.drained:
		return nil
	default:
	}
	err := s.broker.LastError()
	_ = s.Close()
	if errors.Is(err, nil) {
		return nil
	}
	return fmt.Errorf("serve %s: %w", s.url.Redacted(), err)
}

// Shutdown leaves new calls to other servers, waits for those that run, and ends
// them when ctx does.
func (s *server) Shutdown(ctx context.Context) error {
	var err error
	s.stop.Do(func() {
		s.leave()
		for _, rested := range []chan struct{}{s.idle, s.worker.over} {
			select {
			case <-rested:
			case <-s.ctx.Done():
			case <-ctx.Done():
				err = fmt.Errorf("shutdown %s: calls still run: %w", s.url.Redacted(), ctx.Err())
			}
		}
		s.end()
	})
	<-s.drained
	return err
}

// Close ends every call at once. Handlers that ignore their context run on.
func (s *server) Close() error {
	s.cancel()
	s.stop.Do(func() {
		s.leave()
		s.end()
	})
	return nil
}

// leave lets the broker send no more calls. What it has sent still counts.
func (s *server) leave() {
	s.worker.stop()
	for _, starts := range s.starts {
		_ = starts.Drain()
	}
	_ = s.broker.FlushTimeout(brokerWait)
	select {
	case s.arrived <- nil: // behind the last call
	case <-s.lost:
	}
	select {
	case <-s.serving:
	default:
		s.cancel() // nothing will ever run
	}
}

func (s *server) end() {
	s.cancel()
	for _, left := range s.calls.Close() {
		left.desert()
	}
	_ = s.broker.FlushTimeout(brokerWait)
	s.broker.Close()
	<-s.lost
	s.work.Wait()
	close(s.drained)
}
