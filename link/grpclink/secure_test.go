package grpclink_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/grpclink"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// token demands a secure transport.
type token struct{}

func (token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer abc"}, nil
}

func (token) RequireTransportSecurity() bool { return true }

// secured is a server with a certificate, and the roots to trust it by.
func secured(t *testing.T) (server link.Server, roots *x509.CertPool) {
	t.Helper()
	lender := httptest.NewUnstartedServer(nil)
	lender.StartTLS()
	certificates := lender.TLS.Certificates
	roots = x509.NewCertPool()
	roots.AddCert(lender.Certificate())
	lender.Close()
	server, err := grpclink.Link{}.Listen(t.Context(), parse(t, "grpcs://127.0.0.1:0"),
		link.ListenOptions{TLS: &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS13}})
	if err != nil {
		t.Fatal(err)
	}
	linktestv1.RegisterExerciseServer(server, echo{})
	serve(t, server)
	return server, roots
}

func TestCallsOverTLS(t *testing.T) {
	t.Parallel()
	server, roots := secured(t)
	conn, err := grpclink.Link{}.Dial(parse(t, server.URL()),
		link.DialOptions{TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	var other peer.Peer
	client := linktestv1.NewExerciseClient(conn)
	_, err = client.Unary(t.Context(), &linktestv1.Message{}, grpc.PerRPCCredentials(token{}), grpc.Peer(&other))
	if err != nil {
		t.Fatal(err)
	}
	if err := credentials.CheckSecurityLevel(other.AuthInfo, credentials.PrivacyAndIntegrity); err != nil {
		t.Error(err)
	}
}

func TestAServerThatNobodyVouchesForIsNotCalled(t *testing.T) {
	t.Parallel()
	server, _ := secured(t)
	_, err := linktestv1.NewExerciseClient(dial(t, server.URL())).Unary(t.Context(), &linktestv1.Message{})
	if status.Code(err) != codes.Unavailable || link.Ran(err) != link.NeverSent {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
}
