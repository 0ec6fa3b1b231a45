package httplink_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"net/url"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/httplink"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// security answers with what the handler's peer and metadata say.
type security struct {
	linktestv1.UnimplementedExerciseServer
}

func (security) Unary(ctx context.Context, _ *linktestv1.Message) (*linktestv1.Message, error) {
	p, _ := peer.FromContext(ctx)
	secure := credentials.CheckSecurityLevel(p.AuthInfo, credentials.PrivacyAndIntegrity) == nil
	md, _ := metadata.FromIncomingContext(ctx)
	return &linktestv1.Message{Tags: md.Get("authorization"), Choice: choice(secure)}, nil
}

func (security) Chat(s linktestv1.Exercise_ChatServer) error {
	m, err := s.Recv()
	if err != nil {
		return err
	}
	return s.Send(m)
}

func choice(secure bool) *linktestv1.Message_Left {
	if secure {
		return &linktestv1.Message_Left{Left: "secure"}
	}
	return &linktestv1.Message_Left{Left: "plain"}
}

// token demands a secure transport.
type token struct{}

func (token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer abc"}, nil
}

func (token) RequireTransportSecurity() bool { return true }

// secured is a server with a certificate, and the roots to trust it by.
func secured(t *testing.T) (at *url.URL, roots *x509.CertPool) {
	t.Helper()
	lender := httptest.NewUnstartedServer(nil)
	lender.StartTLS()
	certificates, root := lender.TLS.Certificates, lender.Certificate()
	lender.Close()
	server, err := httplink.Link{}.Listen(t.Context(), &url.URL{Scheme: "https", Host: "127.0.0.1:0"},
		link.ListenOptions{TLS: &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS13}})
	if err != nil {
		t.Fatal(err)
	}
	linktestv1.RegisterExerciseServer(server, security{})
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() { _ = server.Close(); <-served })
	if at, err = url.Parse(server.URL()); err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(root)
	return at, roots
}

func TestCallsOverTLS(t *testing.T) {
	t.Parallel()
	at, roots := secured(t)
	for name, query := range map[string]string{"HTTP/2": "", "HTTP/1.1": "http=1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := *at
			u.RawQuery = query
			trust := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
			conn, err := httplink.Link{}.Dial(&u, link.DialOptions{TLS: trust})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			client := linktestv1.NewExerciseClient(conn)
			var other peer.Peer
			answer, err := client.Unary(t.Context(), &linktestv1.Message{},
				grpc.PerRPCCredentials(token{}), grpc.Peer(&other))
			if err != nil {
				t.Fatal(err)
			}
			if answer.GetLeft() != "secure" || len(answer.GetTags()) != 1 {
				t.Errorf("the handler saw %v", answer)
			}
			if err := credentials.CheckSecurityLevel(other.AuthInfo, credentials.PrivacyAndIntegrity); err != nil {
				t.Error(err)
			}
			if query != "" {
				return // both directions at once need HTTP/2
			}
			stream, err := client.Chat(t.Context())
			if err == nil {
				err = stream.Send(&linktestv1.Message{Text: "x"})
			}
			if err != nil {
				t.Fatal(err)
			}
			if m, err := stream.Recv(); err != nil || m.GetText() != "x" {
				t.Errorf("%v, %v", m, err)
			}
		})
	}
}

func TestAServerThatNobodyVouchesForIsNotCalled(t *testing.T) {
	t.Parallel()
	at, _ := secured(t)
	conn, err := httplink.Link{}.Dial(at, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = linktestv1.NewExerciseClient(conn).Unary(t.Context(), &linktestv1.Message{})
	if status.Code(err) != codes.Unavailable || link.Ran(err) != link.NeverSent {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
}

func TestHTTPSWithoutACertificateIsRefused(t *testing.T) {
	t.Parallel()
	_, err := httplink.Link{}.Listen(t.Context(), &url.URL{Scheme: "https", Host: "127.0.0.1:0"}, link.ListenOptions{})
	if err == nil {
		t.Error("it listens")
	}
}
