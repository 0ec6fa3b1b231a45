package httplink

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/linktest/hostile"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

// impatient is a link whose peers have little time to read.
var impatient = Link{patience: 100 * time.Millisecond}

// talkative answers with more than fits between two ends, or with two words that
// are far apart.
type talkative struct{ pb.UnimplementedExerciseServer }

func (talkative) Unary(context.Context, *pb.Message) (*pb.Message, error) {
	return &pb.Message{Payload: make([]byte, 32<<20)}, nil
}

func (talkative) Download(m *pb.Message, s pb.Exercise_DownloadServer) error {
	if m.GetText() != "two words" {
		for {
			if err := s.Send(&pb.Message{Payload: make([]byte, 1<<20)}); err != nil {
				return err
			}
		}
	}
	if err := s.Send(&pb.Message{}); err != nil {
		return err
	}
	timer := time.NewTimer(5 * impatient.patience)
	defer timer.Stop()
	<-timer.C
	return s.Send(&pb.Message{})
}

func talking(t *testing.T, scheme string) (*url.URL, link.Server) {
	t.Helper()
	var o link.ListenOptions
	if scheme == secureScheme {
		known := httptest.NewTLSServer(nil) // has a certificate
		known.Close()
		o.TLS = known.TLS
	}
	server, err := impatient.Listen(t.Context(), &url.URL{Scheme: scheme, Host: "127.0.0.1:0"}, o)
	if err != nil {
		t.Fatal(err)
	}
	pb.RegisterExerciseServer(server, talkative{})
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() { _, _ = server.Close(), <-served })
	at, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	return at, server
}

// A client that begins to read and stops does not keep its call, or the server.
func TestACallerWhoStopsReadingIsGivenUp(t *testing.T) {
	t.Parallel()
	const (
		head   = " HTTP/1.1\r\nHost: x\r\nContent-Length: "
		unary  = "POST " + pb.Exercise_Unary_FullMethodName + head + "0\r\nContent-Type: application/proto\r\n\r\n"
		stream = "POST " + pb.Exercise_Download_FullMethodName + head +
			"5\r\nContent-Type: application/connect+proto\r\n\r\n\x00\x00\x00\x00\x00"
	)
	for name, c := range map[string]struct{ scheme, says string }{
		"of one answer":            {"http", unary},
		"of a stream":              {"http", stream},
		"of one answer inside TLS": {secureScheme, unary},
		"of a stream inside TLS":   {secureScheme, stream},
		"of a stream by HTTP/2": {"http", hostile.HTTP2Call(pb.Exercise_Download_FullMethodName,
			"application/connect+proto", "\x00\x00\x00\x00\x00")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, server := talking(t, c.scheme)
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", at.Host)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if c.scheme == secureScheme {
				conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			}
			if _, err := io.WriteString(conn, c.says); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn, make([]byte, 200)); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := server.Shutdown(ctx); err != nil { // it waits for calls
				t.Error(err)
			}
		})
	}
}

func TestAServerThatDoesNotReadIsGivenUp(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	u := &url.URL{Scheme: "http", Host: l.Addr().String(), RawQuery: "http=1"}
	conn, err := impatient.Dial(u, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = pb.NewExerciseClient(conn).Unary(ctx, &pb.Message{Payload: make([]byte, 32<<20)})
	if status.Code(err) != codes.Unavailable || link.Ran(err) != link.MayHaveRun {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
}

func TestAStreamMayBeSilentForLong(t *testing.T) {
	t.Parallel()
	at, _ := talking(t, "http")
	for _, query := range []string{"http=1", "http=2"} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			u := *at
			u.RawQuery = query
			conn, err := impatient.Dial(&u, link.DialOptions{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			stream, err := pb.NewExerciseClient(conn).Download(t.Context(), &pb.Message{Text: "two words"})
			for range 2 {
				if err == nil {
					_, err = stream.Recv()
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}
