package udplink

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counting counts how often each message has come, by its number.
type counting struct {
	pb.UnimplementedExerciseServer

	each func(ctx context.Context, m *pb.Message) error // nil: nothing more

	mu    sync.Mutex // guards count
	count map[int64]int
}

func newCounting() *counting { return &counting{count: make(map[int64]int)} }

func (c *counting) Unary(ctx context.Context, m *pb.Message) (*pb.Message, error) {
	c.mu.Lock()
	c.count[m.GetNumber()]++
	c.mu.Unlock()
	if c.each != nil {
		if err := c.each(ctx, m); err != nil {
			return nil, err
		}
	}
	return &pb.Message{Number: -m.GetNumber(), Text: m.GetText()}, nil
}

func (c *counting) Tell(ctx context.Context, m *pb.Message) (*emptypb.Empty, error) {
	_, err := c.Unary(ctx, m)
	return &emptypb.Empty{}, err
}

func (c *counting) of(number int64) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count[number]
}

// seen tells how many messages have come at all.
func (c *counting) seen() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.count)
}

// start makes a server that serves until the test ends, or is closed.
func start(t *testing.T, l Link, rawURL string, impl pb.ExerciseServer) *server {
	t.Helper()
	made, err := l.Listen(t.Context(), parsed(t, rawURL), link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pb.RegisterExerciseServer(made, impl)
	served := make(chan error, 1)
	go func() { served <- made.Serve() }()
	s := made.(*server)
	eventually(t, "the server serves", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.served
	})
	t.Cleanup(func() {
		_ = made.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s
}

// connect makes a client until the test ends.
func connect(t *testing.T, l Link, rawURL string) pb.ExerciseClient {
	t.Helper()
	conn, err := l.Dial(parsed(t, rawURL), link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return pb.NewExerciseClient(conn)
}

func parsed(t *testing.T, rawURL string) *url.URL {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

const anyPort = "udp://127.0.0.1:0"

// eventually asks again until it is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	bound := time.NewTimer(20 * time.Second)
	defer bound.Stop()
	for !is() {
		select {
		case <-ticker.C:
		case <-bound.C:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// relay forwards the datagrams of one client and a server, as its rule wants.
type relay struct {
	front, back *net.UDPConn

	mu     sync.Mutex // guards the fields below
	rule   rule
	client netip.AddrPort
	tape   [][]byte // what the client has sent
}

// rule gives what becomes of a datagram: how many copies are sent after each pause.
type rule func(fromClient bool, b []byte) []time.Duration

// nothing loses every datagram, everything loses none.
func nothing(bool, []byte) []time.Duration    { return nil }
func everything(bool, []byte) []time.Duration { return []time.Duration{0} }

// between makes a relay before a server, and gives its URL.
func between(t *testing.T, s *server, r rule) (*relay, string) {
	t.Helper()
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.DialUDP("udp", nil, s.conn.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	re := &relay{front: front, back: back, rule: r}
	var work sync.WaitGroup
	work.Go(func() { re.fromClient(&work) })
	work.Go(func() { re.fromServer(&work) })
	t.Cleanup(func() {
		re.set(nothing)
		_, _ = front.Close(), back.Close()
		work.Wait()
	})
	u := parsed(t, s.URL())
	u.Host = front.LocalAddr().String()
	return re, u.String()
}

func (r *relay) set(to rule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rule = to
}

func (r *relay) fromClient(work *sync.WaitGroup) {
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := r.front.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		b := append([]byte(nil), buffer[:n]...)
		r.mu.Lock()
		r.client, r.tape = from, append(r.tape, b)
		r.mu.Unlock()
		r.pass(work, true, b, func() { _, _ = r.back.Write(b) })
	}
}

func (r *relay) fromServer(work *sync.WaitGroup) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := r.back.Read(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // the server is not there: a network that tells nobody
		}
		b := append([]byte(nil), buffer[:n]...)
		r.pass(work, false, b, func() {
			r.mu.Lock()
			to := r.client
			r.mu.Unlock()
			_, _ = r.front.WriteToUDPAddrPort(b, to)
		})
	}
}

func (r *relay) pass(work *sync.WaitGroup, fromClient bool, b []byte, send func()) {
	r.mu.Lock()
	pauses := r.rule(fromClient, b)
	r.mu.Unlock()
	for _, pause := range pauses {
		if pause == 0 {
			send()
			continue
		}
		work.Add(1)
		time.AfterFunc(pause, func() {
			defer work.Done()
			send()
		})
	}
}

// replay sends again all that the client has ever sent.
func (r *relay) replay() {
	r.mu.Lock()
	tape := append([][]byte(nil), r.tape...)
	r.mu.Unlock()
	for _, b := range tape {
		_, _ = r.back.Write(b)
	}
}
