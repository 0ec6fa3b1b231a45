package call

import (
	"context"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/internal/bounded"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call/receipt"
)

// Request is a call that leaves a client.
type Request struct {
	Method    string           // "/package.Service/Method"
	Desc      *grpc.StreamDesc // its kind; never nil
	Unary     bool             // made by Invoke: one Send, then Recv until it fails
	Header    metadata.MD      // the link's to keep
	Codec     string           // content subtype of its messages, such as "proto"
	Authority string           // from the call option; may be empty
	MaxRecv   int              // bytes of one message: what is above may come as TooLarge
	Wait      link.Wait        // Accepted, only of a Queuer: Recv gives an empty message once it is
	Receipt   string           // only of a receipt.Answerer: it asks what has become of an accepted request
}

// Dialer is what a link brings to its conns.
type Dialer interface {
	// Open starts a call. ctx ends with the call at the latest; its values must not
	// reach the callee.
	Open(ctx context.Context, r Request) (Transport, error)
	// Ready tells whether the peer can be reached now: nil, or an Unavailable error.
	Ready(ctx context.Context) error
	// Secure tells whether credentials may be sent.
	Secure() bool
	Close() error
}

// Transport is a client's raw end of one call. One goroutine sends, one receives.
// Errors are statuses that carry an outcome (link.Mark).
type Transport interface {
	Send(m Message) error // io.EOF once the call has ended; Recv tells why
	CloseSend() error
	Recv() (Message, error)       // io.EOF: ended with OK
	Header() (metadata.MD, error) // waits for the header or the end; nil: it ended without
	Trailer() metadata.MD         // after the end
	Peer() *peer.Peer             // nil: unknown
}

// Queuer is a dialer whose calls may be Accepted by a durable queue.
type Queuer interface{ Durable() bool }

// Ender is a dialer that ends unary calls itself when it is closed, with Closed. Those
// that wait for their reply are opened with their caller's own context: deriving one
// would take longer than the rest of a call within a process.
type Ender interface{ EndsUnary() bool }

// Sharer is a transport that can take messages as they are.
type Sharer interface{ Share() bool }

// NewConn makes the conn of a link.
func NewConn(d Dialer, u *url.URL, o link.DialOptions) (link.Conn, error) {
	if o.MaxRecv == 0 {
		o.MaxRecv = link.DefaultMaxRecv
	}
	if o.MaxSend == 0 {
		o.MaxSend = link.DefaultMaxSend
	}
	c := &conn{dialer: d, url: u.Redacted(), options: o}
	c.defaults = options{maxRecv: o.MaxRecv, maxSend: o.MaxSend, standard: codecByName("")}
	if e, ok := d.(Ender); ok {
		c.endsUnary = e.EndsUnary()
	}
	c.closed, c.close = context.WithCancel(context.Background())
	chain, err := Intercept(bare{c}, c.url, o.Unary, o.Stream)
	if err != nil {
		return nil, err
	}
	c.chain = chain
	return c, nil
}

type conn struct {
	dialer   Dialer
	url      string
	options  link.DialOptions
	defaults options // of each call
	chain    *Chain

	endsUnary bool // the dialer is an Ender

	closed context.Context //nolint:containedctx // ends when the conn is closed
	close  context.CancelFunc
}

var _ link.Conn = (*conn)(nil)

var unaryDesc = &grpc.StreamDesc{}

func (c *conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return c.chain.Invoke(ctx, method, args, reply, opts...)
}

func (c *conn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return c.chain.NewStream(ctx, desc, method, opts...)
}

func (c *conn) Close() error {
	c.close()
	c.chain.Close()
	return c.dialer.Close()
}

// bare is a conn without its interceptors.
type bare struct{ c *conn }

func (b bare) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	var s clientStream // nobody keeps it: it costs no memory of its own
	r, err := b.c.open(ctx, &s, unaryDesc, method, opts)
	if err != nil {
		return err
	}
	err = s.exchange(args, reply)
	for s.waitForReady && unreached(err) { // as grpc-go repeats what a server has not looked at
		b.c.pause(s.ctx, firstPause)
		if s.tr, err = b.c.transport(s.ctx, true, r); err == nil {
			err = s.exchange(args, reply)
		}
	}
	s.letGo(err)
	return err
}

func (b bare) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	s := &clientStream{guard: new(guard)}
	if _, err := b.c.open(ctx, s, desc, method, opts); err != nil {
		return nil, err
	}
	context.AfterFunc(s.ctx, s.abandon)
	return s, nil
}

// open starts a call of any kind. Whatever fails here was never sent.
func (c *conn) open(
	ctx context.Context, s *clientStream, desc *grpc.StreamDesc, method string, opts []grpc.CallOption,
) (Request, error) {
	s.options, s.desc = c.defaults, desc
	err := s.parse(opts)
	if err == nil && !strings.HasPrefix(method, "/") {
		err = status.Errorf(codes.Unimplemented, "malformed method name: %q", method)
	}
	if err == nil && s.wait == link.Accepted && !c.durable() {
		err = status.Errorf(codes.Unimplemented, "%s has no durable queue that could accept %s", c.url, method)
	}
	if err == nil && s.receipt != "" && (s.wait != link.Accepted || !c.answers()) {
		err = status.Errorf(codes.Unimplemented, "%s cannot tell what has become of a request for %s", c.url, method)
	}
	if err != nil {
		return Request{}, s.options.finish(unsent(err))
	}
	header, err := outgoing(ctx, s.creds, c.dialer.Secure(), c.url, method)
	if err != nil {
		return Request{}, s.options.finish(unsent(err))
	}
	s.stats = statsOf(c.options.Stats, true)
	s.ctx = s.stats.begin(ctx, method, desc)
	if desc != unaryDesc || s.wait != link.Reply || !c.endsUnary {
		s.watch(c.closed)
	}
	r := Request{
		Method: method, Desc: desc, Unary: desc == unaryDesc, Header: header, Codec: s.subtype, Authority: s.authority,
		MaxRecv: s.maxRecv, Wait: s.wait, Receipt: s.receipt,
	}
	if s.tr, err = c.transport(s.ctx, s.waitForReady, r); err != nil {
		s.letGo(err)
		return Request{}, err
	}
	s.stats.handle(s.ctx, func() stats.RPCStats {
		return &stats.OutHeader{Client: true, FullMethod: method, Header: header}
	})
	return r, nil
}

func (c *conn) durable() bool {
	q, ok := c.dialer.(Queuer)
	return ok && q.Durable()
}

func (c *conn) answers() bool {
	a, ok := c.dialer.(receipt.Answerer)
	return ok && a.Answers()
}

// transport opens a call. One that waits for its peer is opened again, at growing
// intervals, for as long as that cannot be reached.
func (c *conn) transport(ctx context.Context, wait bool, r Request) (Transport, error) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		tr, err := c.attempt(ctx, wait, r)
		if !wait || !unreached(err) {
			return tr, err
		}
		c.pause(ctx, pause)
	}
}

func (c *conn) attempt(ctx context.Context, wait bool, r Request) (Transport, error) {
	err := c.over(ctx)
	if err == nil && wait {
		if err = c.dialer.Ready(ctx); err == nil {
			err = c.over(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	return c.dialer.Open(ctx, r)
}

// over is the error of a call that need not begin any more.
func (c *conn) over(ctx context.Context) error {
	if c.closed.Err() != nil {
		return Closed(link.NeverSent)
	}
	if bounded.Told(ctx) != nil {
		return Ended(ctx, link.NeverSent)
	}
	return nil
}

// How long a call that waits for its peer pauses between attempts.
const firstPause, longestPause = 5 * time.Millisecond, time.Second

// pause passes a part of the time, so that calls which wait together part.
func (c *conn) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d/2 + rand.N(d/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-c.closed.Done():
	case <-timer.C:
	}
}

// unreached tells of a call that failed because nobody was there to take it.
func unreached(err error) bool {
	return status.Code(err) == codes.Unavailable && link.Ran(err) == link.NeverSent
}
