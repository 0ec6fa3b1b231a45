package natslink

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// maxRunning is how many accepted requests a server runs at once.
	maxRunning = 64
	// fetchTime is how long a server waits for requests in one go, so that a pull that
	// has got lost is made again.
	fetchTime = 5 * time.Second
	// queuePause is how long a worker waits after a failure of the broker.
	queuePause = time.Second
)

// worker runs what the subject's durable queue has accepted.
type worker struct {
	server *server
	log    *slog.Logger
	first  time.Duration   // pause after a failed attempt, doubled with each one
	quiet  time.Duration   // what a server may be silent about a request that it has taken
	runs   sync.Map        // by id, the requests that run
	wake   chan struct{}   // a token when there may be a queue
	slots  chan struct{}   // a token for each request that runs
	ctx    context.Context //nolint:containedctx // ends when no more are taken
	stop   context.CancelFunc
	tasks  sync.WaitGroup
	over   chan struct{} // closed when none runs, nor can begin
}

func newWorker(s *server, log *slog.Logger, l Link) *worker {
	w := &worker{
		server: s, log: log.With("subject", s.subject), first: l.pause(), quiet: l.quiet(),
		wake: make(chan struct{}, 1), slots: make(chan struct{}, maxRunning), over: make(chan struct{}),
	}
	w.ctx, w.stop = context.WithCancel(s.ctx)
	return w
}

// look tells the worker that there may be a queue.
func (w *worker) look() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run takes requests until stop. Without a queue it waits for a word of one.
func (w *worker) run() {
	defer close(w.over)
	defer w.tasks.Wait()
	for w.ctx.Err() == nil {
		err := w.consume()
		var again <-chan time.Time
		switch {
		case w.ctx.Err() != nil:
			return
		case errors.Is(err, jetstream.ErrStreamNotFound), keepsNothing(err):
		default:
			w.log.Log(w.ctx, levelOf(err), "the queue cannot be read", "error", err)
			again = time.NewTimer(queuePause).C
		}
		select {
		case <-again:
		case <-w.wake:
		case <-w.ctx.Done():
		}
	}
}

// levelOf tells how loud to be about an error: a broker that is away comes back by
// itself, and who refuses something may need help.
func levelOf(err error) slog.Level {
	if isRefused(err) {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// source is a queue, and what belongs to it.
type source struct {
	js       jetstream.JetStream
	requests jetstream.Stream
	consumer jetstream.Consumer
	marks    marks
}

// consume takes requests until something fails.
func (w *worker) consume() error {
	js, err := jetstream.New(w.server.broker)
	if err != nil {
		return err
	}
	stream, err := js.Stream(w.ctx, streamName("queue", w.server.subject))
	if err != nil {
		return err
	}
	consumer, err := stream.CreateOrUpdateConsumer(w.ctx, jetstream.ConsumerConfig{
		Durable: group, AckPolicy: jetstream.AckExplicitPolicy, AckWait: w.quiet,
		FilterSubject: queueSubject(w.server.subject),
	})
	if err != nil {
		return err
	}
	marks, err := openMarks(w.ctx, js, w.server.subject)
	if err != nil {
		return err
	}
	from := source{js, stream, consumer, marks}
	for {
		if err := w.fetch(from); err != nil {
			return err
		}
	}
}

// fetch takes as many requests as may run, or what comes within some seconds.
func (w *worker) fetch(from source) error {
	select {
	case w.slots <- struct{}{}:
		<-w.slots
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
	ctx, cancel := context.WithTimeout(w.ctx, fetchTime)
	defer cancel()
	batch, err := from.consumer.Fetch(cap(w.slots)-len(w.slots), jetstream.FetchContext(ctx))
	if err != nil {
		return err
	}
	for m := range batch.Messages() {
		if w.ctx.Err() != nil { // it came too late: it is another server's
			_ = m.NakWithDelay(partTime)
			continue
		}
		w.slots <- struct{}{}
		w.tasks.Go(func() {
			w.take(from, m)
			<-w.slots
		})
	}
	switch err := batch.Error(); {
	case err == nil, errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded): // nothing came
		return w.ctx.Err()
	default:
		return err
	}
}
