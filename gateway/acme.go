package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strconv"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/kerf-go/kerf/internal/mistake"
)

func (a *acmeConfig) check() error {
	switch u, err := url.Parse(a.Directory); {
	case len(a.Hosts) == 0:
		return mistake.At(errors.New("acme needs the hosts that certificates are for"), "hosts")
	case a.Cache == "":
		return errors.New("acme needs cache, a folder that survives: authorities count what they are asked for")
	case err != nil, a.Directory != "" && (u.Scheme != schemeHTTPS || u.Host == ""):
		return mistake.At(errors.New("acme's directory is an https URL"), "directory")
	}
	_, err := readRoots(a.Roots)
	return mistake.At(err, "roots")
}

// manage gets certificates and keeps them new, in the background: an authority that is
// away must not keep the gateway from starting with those that it has. An authority looks
// whether a host is ours by a handshake with us (RFC 8737), so that nothing else
// has to listen.
func (a *acmeConfig) manage(
	ctx context.Context, address string, config *tls.Config, logger *slog.Logger,
) (io.Closer, error) {
	pool, err := readRoots(a.Roots)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	logger = logger.With("hosts", a.Hosts)
	var magic *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return magic, nil },
		Logger:           zap.NewNop(),
	})
	magic = certmagic.New(cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: string(a.Cache)},
		Logger:  zap.NewNop(), // OnEvent tells what matters
		OnEvent: func(_ context.Context, event string, data map[string]any) error {
			switch event {
			case "cert_obtained":
				logger.Info("a certificate has been obtained", "host", data["identifier"], "renewal", data["renewal"])
			case "cert_failed":
				logger.Error("a certificate cannot be obtained, it is tried again", "host", data["identifier"],
					"error", data["error"])
			}
			return nil
		},
	})
	magic.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(magic, certmagic.ACMEIssuer{
		CA: cmp.Or(a.Directory, certmagic.LetsEncryptProductionCA), Email: a.Email, Agreed: true, TrustedRoots: pool,
		DisableHTTPChallenge: true, ListenHost: host, AltTLSALPNPort: number, Logger: zap.NewNop(),
	})}
	config.GetCertificate = magic.GetCertificate
	config.NextProtos = append(config.NextProtos, "acme-tls/1")
	managing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	if err := magic.ManageAsync(managing, a.Hosts); err != nil {
		cancel()
		cache.Stop()
		return nil, err
	}
	return closer(func() error {
		cancel()
		cache.Stop()
		return nil
	}), nil
}

// closer is a function that is a Closer.
type closer func() error

func (c closer) Close() error { return c() }
