package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kerf-go/kerf/internal/mistake"
	"github.com/kerf-go/kerf/plan"
)

// listeners tells mistakes of addresses that would else be found when they are listened on.
func (c *compiler) listeners() {
	var taken []string
	for i, l := range c.config.Listen {
		c.site.places = append(c.site.places, c.document.Place("listen", i, "address"))
		switch address, ok := plainAddress(l.Address); {
		case !ok:
			c.mistake(fmt.Sprintf("%q is no address to listen on", l.Address), "write one such as 127.0.0.1:8080",
				"listen", i, "address")
		case slices.Contains(taken, address):
			c.mistake(l.Address+" is listed already", "listen on another, or leave it out", "listen", i, "address")
		case !strings.HasSuffix(address, ":0"): // which is another port each time
			taken = append(taken, address)
		}
		if l.TLS == nil {
			continue
		}
		if err := l.TLS.check(); err != nil {
			c.mistakeOf(err, err.Error(), "see docs/gateway/tls.md", "listen", i, "tls")
		}
	}
}

// plainAddress writes an address to listen on in one way. A port is one of the system's names, or a number.
func plainAddress(address string) (string, bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return "", false
	}
	number, err := new(net.Resolver).LookupPort(context.Background(), "tcp", port) // which asks no server
	return net.JoinHostPort(strings.ToLower(host), strconv.Itoa(number)), err == nil
}

func (t *tlsConfig) check() error {
	set := 0
	for _, given := range []bool{t.Cert != "" || t.Key != "", t.Local != "", t.ACME != nil} {
		if given {
			set++
		}
	}
	switch {
	case set != 1:
		return errors.New("tls is exactly one of cert with key, local and acme")
	case t.ACME != nil:
		return mistake.At(t.ACME.check(), "acme")
	case t.Local != "":
		return nil
	case t.Cert == "" || t.Key == "":
		return errors.New("tls needs both cert and key")
	}
	_, err := tls.LoadX509KeyPair(string(t.Cert), string(t.Key))
	if _, bad := readRoots(t.Cert); bad != nil {
		return mistake.At(err, "cert")
	}
	return mistake.At(err, "key")
}

// load makes the certificates ready. The closer ends what gets new ones.
func (t *tlsConfig) load(ctx context.Context, address string, logger *slog.Logger) (*tls.Config, io.Closer, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, CipherSuites: suites}
	switch {
	case t.ACME != nil:
		closer, err := t.ACME.manage(ctx, address, config, logger)
		return config, closer, err
	case t.Local != "":
		authority, err := openAuthority(string(t.Local))
		if err != nil {
			return nil, nil, err
		}
		logger.Info("certificates are of a local authority: trust it to see no warnings", "certificate", authority.file)
		config.GetCertificate = authority.certificate
	default:
		pair := &certFiles{cert: t.Cert, key: t.Key, logger: logger}
		if err := pair.read(); err != nil {
			return nil, nil, err
		}
		config.GetCertificate = pair.certificate
	}
	return config, io.NopCloser(nil), nil
}

// suites of TLS 1.2 are those that HTTP/2 takes (RFC 9113, 9.2.2); TLS 1.3 has no others.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// certFiles are a certificate and its key in files, which are read again when they change.
type certFiles struct {
	cert, key plan.Path
	logger    *slog.Logger

	mu      sync.Mutex // guards what follows
	looked  time.Time
	version [2]fileVersion
	pair    *tls.Certificate
}

type fileVersion struct {
	size     int64
	modified time.Time
}

func (f *certFiles) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) >= lookEvery {
		if err := f.read(); err != nil {
			f.logger.Error("a certificate cannot be read, the one in use stays", "file", f.cert, "error", err)
		}
	}
	return f.pair, nil
}

// read reads the files if they have changed. While only one of them has, they do not go
// together, and are read at the next look.
func (f *certFiles) read() error {
	f.looked = time.Now()
	var version [2]fileVersion
	for i, file := range []plan.Path{f.cert, f.key} {
		info, err := os.Stat(string(file))
		if err != nil {
			return err
		}
		version[i] = fileVersion{info.Size(), info.ModTime()}
	}
	if version == f.version {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(string(f.cert), string(f.key))
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", f.cert, f.key, err)
	}
	f.pair, f.version = &pair, version
	return nil
}

// readRoots reads whom to trust; nil: whom the system trusts.
func readRoots(file plan.Path) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // that is how package tls has it
	}
	text, err := os.ReadFile(string(file))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}
