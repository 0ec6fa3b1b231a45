package linktest

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
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// Secure tests a link inside TLS; the subject's URL has the scheme for it. Queries
// are those of URLs to dial that take different ways; none means one way.
func Secure(t *testing.T, subject Subject, queries ...string) {
	t.Helper()
	at, roots := secured(t, subject)
	if len(queries) == 0 {
		queries = []string{""}
	}
	for _, query := range queries {
		t.Run("both sides know that a call is private "+query, func(t *testing.T) {
			t.Parallel()
			u := *at
			u.RawQuery = query
			private(t, dialSecurely(t, subject, &u, roots))
		})
	}
	t.Run("a server that nobody vouches for is not called", func(t *testing.T) {
		t.Parallel()
		_, err := dialSecurely(t, subject, at, nil).Unary(t.Context(), &message{})
		if status.Code(err) != codes.Unavailable || link.Ran(err) != link.NeverSent {
			t.Errorf("%v, %v", err, link.Ran(err))
		}
	})
	t.Run("a server without a certificate is refused", func(t *testing.T) {
		t.Parallel()
		if _, err := subject.Link.Listen(t.Context(), subject.parse(t), link.ListenOptions{}); err == nil {
			t.Error("it listens")
		}
	})
}

func private(t *testing.T, client linktestv1.ExerciseClient) {
	t.Helper()
	var other peer.Peer
	answer, err := client.Unary(t.Context(), &message{}, grpc.PerRPCCredentials(demanding{}), grpc.Peer(&other))
	if err != nil {
		t.Fatal(err)
	}
	if answer.GetText() != "private" || len(answer.GetTags()) != 1 {
		t.Errorf("the handler saw %v", answer)
	}
	if err := credentials.CheckSecurityLevel(other.AuthInfo, credentials.PrivacyAndIntegrity); err != nil {
		t.Error(err)
	}
}

// demanding are credentials that demand a secure transport.
type demanding struct{}

func (demanding) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer abc"}, nil
}

func (demanding) RequireTransportSecurity() bool { return true }

// tellsSecurity answers with what the handler's peer and metadata say.
func tellsSecurity(ctx context.Context, _ *message) (*message, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	answer := &message{Text: "plain", Tags: md.Get("authorization")}
	p, _ := peer.FromContext(ctx)
	if credentials.CheckSecurityLevel(p.AuthInfo, credentials.PrivacyAndIntegrity) == nil {
		answer.Text = "private"
	}
	return answer, nil
}

// secured starts a server with a certificate, and gives the roots to trust it by.
func secured(t *testing.T, subject Subject) (at *url.URL, roots *x509.CertPool) {
	t.Helper()
	lender := httptest.NewUnstartedServer(nil)
	lender.StartTLS()
	certificates := lender.TLS.Certificates
	roots = x509.NewCertPool()
	roots.AddCert(lender.Certificate())
	lender.Close()
	options := link.ListenOptions{TLS: &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS13}}
	return serveWith(t, subject, exercise{unary: tellsSecurity}, options), roots
}

func dialSecurely(t *testing.T, subject Subject, at *url.URL, roots *x509.CertPool) linktestv1.ExerciseClient {
	t.Helper()
	o := link.DialOptions{}
	if roots != nil {
		o.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
	}
	return dialWith(t, subject, at, o)
}
