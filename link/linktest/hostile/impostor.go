package hostile

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// An Answer is what a server says that makes no sense: at once, and when a call has come.
// Then it says no more.
type Answer struct{ Greeting, Reply string }

// Impostor is the address of a server that gives one answer to everybody.
func Impostor(t *testing.T, a Answer) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go a.give(c.(*net.TCPConn)) //nolint:forcetypeassert // it listens on TCP
		}
	}()
	return l.Addr().String()
}

// give lasts until the client hangs up.
func (a Answer) give(c *net.TCPConn) {
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, a.Greeting)
	said := bufio.NewReader(c)
	if a.Reply != "" && called(said) == nil {
		_, _ = io.Copy(c, struct{ io.Reader }{strings.NewReader(a.Reply)}) // no copy of the whole: Cheap would see it
	}
	_ = c.CloseWrite()
	_, _ = io.Copy(io.Discard, said)
}

// called reads up to a call by either version of HTTP.
func called(r *bufio.Reader) error {
	if b, err := r.Peek(1); err != nil || b[0] == 'P' && !isPreface(r) {
		_, err = http.ReadRequest(r)
		return err
	}
	_, err := r.Discard(len(preface))
	for err == nil {
		var head []byte
		if head, err = r.Peek(frameHead); err != nil {
			break
		}
		size, kind := int(head[0])<<16|int(head[1])<<8|int(head[2]), head[3]
		if _, err = r.Discard(frameHead + size); kind == headersFrame {
			break
		}
	}
	return err
}

func isPreface(r *bufio.Reader) bool {
	b, err := r.Peek(len(preface))
	return err == nil && string(b) == preface
}

// Well makes a good call to a server which echoes, and goes on while others say what
// they like.
func Well(conn link.Conn) func(*testing.T) {
	client := pb.NewExerciseClient(conn)
	return func(t *testing.T) {
		t.Helper()
		if _, err := client.Unary(t.Context(), &pb.Message{Text: "x"}); err != nil {
			t.Error(err)
		}
	}
}

// Fails makes calls to a server that makes no sense. They must end with a status, and
// soon.
func Fails(t *testing.T, conn link.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	client := pb.NewExerciseClient(conn)
	_, err := client.Unary(ctx, &pb.Message{Text: "x"})
	failed(t, err)
	download, err := client.Download(ctx, &pb.Message{Text: "x"})
	for err == nil {
		_, err = download.Recv()
	}
	failed(t, err)
}

func failed(t *testing.T, err error) {
	t.Helper()
	s, ok := status.FromError(err)
	if !ok || s.Code() == codes.OK || s.Code() == codes.DeadlineExceeded {
		t.Errorf("the call ends with %v", err)
	}
}
