package gateway_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/gateway"
)

// listenTLS serves a configuration with an answer on two addresses: one with the tls that
// is given, and one without.
func listenTLS(t *testing.T, config string) *bundle {
	t.Helper()
	return listen(t, "listen: [{address: 127.0.0.1:0, tls: "+config+`}, {address: 127.0.0.1:0}]
log: off
routes:
  - {match: {proto: http}, redirect: {to: "https://{host}{path}{query}"}}
  - {match: {path: /**}, answer: {body: hello}}
`)
}

// listen serves a configuration as it is.
func listen(t *testing.T, text string) *bundle {
	t.Helper()
	b := &bundle{file: filepath.Join(t.TempDir(), "gateway.yaml")}
	if err := os.WriteFile(b.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := gateway.Open(b.file, gateway.Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	b.Gateway = g
	b.serve(t)
	return b
}

// writePair writes a self-signed certificate and its key.
func writePair(t *testing.T, dir string, number int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(number), Subject: pkix.Name{CommonName: "a test"},
		DNSNames:    []string{"localhost", "shop.example", "www.shop.example", "other.example"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter:    time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// handshake tells what a handshake has agreed on.
func (b *bundle) handshake(t *testing.T, config *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", strings.TrimPrefix(b.url, "https://"))
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState(), nil
}

func unverified() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

func TestCertificatesAreReadAgainWhenTheyChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := writePair(t, dir, 1)
	b := listenTLS(t, fmt.Sprintf("{cert: %s, key: %s}", cert, key))
	number := func() int64 {
		state, err := b.handshake(t, unverified())
		if err != nil {
			t.Fatal(err)
		}
		return state.PeerCertificates[0].SerialNumber.Int64()
	}
	if n := number(); n != 1 {
		t.Fatal(n)
	}
	if err := os.WriteFile(cert, []byte("half of a"), 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); {
		if n := number(); n != 1 {
			t.Fatalf("a wrong certificate is in use: %d", n)
		}
	}
	writePair(t, dir, 2)
	for end := time.Now().Add(20 * time.Second); number() != 2; {
		if time.Now().After(end) {
			t.Fatal("the new certificate is not in use")
		}
	}
}

func TestTLSIsOfAVersionAndProtocolThatIsSafe(t *testing.T) {
	t.Parallel()
	cert, key := writePair(t, t.TempDir(), 1)
	b := listenTLS(t, fmt.Sprintf("{cert: %s, key: %s}", cert, key))
	old := unverified()
	old.MaxVersion = tls.VersionTLS11
	if state, err := b.handshake(t, old); err == nil {
		t.Errorf("TLS version %x is taken", state.Version)
	}
	weak := unverified()
	weak.MaxVersion, weak.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	if _, err := b.handshake(t, weak); err == nil {
		t.Error("a cipher is taken that HTTP/2 forbids")
	}
	for proto, want := range map[string]string{"h2": "HTTP/2.0", "http/1.1": "HTTP/1.1"} {
		client := unverified()
		client.NextProtos = []string{proto}
		var protocols http.Protocols
		protocols.SetHTTP1(proto != "h2")
		protocols.SetHTTP2(proto == "h2")
		transport := &http.Transport{TLSClientConfig: client, Protocols: &protocols, DisableKeepAlives: true}
		got := b.over(t, transport, "GET /")
		if got.Proto != want || got.body != "hello" || got.TLS.NegotiatedProtocol != proto {
			t.Errorf("%s: %s %q", proto, got.Proto, got.body)
		}
	}
	t.Run("the same framing is refused", func(t *testing.T) {
		t.Parallel()
		conn, err := tls.Dial("tcp", strings.TrimPrefix(b.url, "https://"), unverified())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET / HTTP/1.1\nHost: x\r\n\r\n")
		if got, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 400 ") {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("what is not encrypted is redirected", func(t *testing.T) {
		t.Parallel()
		got := (&bundle{url: b.urls[1]}).do(t, "GET /a?b", "Host: plain.example")
		to := got.Header.Get("Location")
		if got.StatusCode != http.StatusPermanentRedirect || to != "https://plain.example/a?b" {
			t.Error(got.Status, to)
		}
	})
}

func TestALocalAuthorityMakesCertificatesForTheNamesAsked(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ca")
	b := listenTLS(t, "{local: "+dir+"}")
	trust := func() *x509.CertPool {
		text, err := os.ReadFile(filepath.Join(dir, "trust.pem"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "PRIVATE") {
			t.Fatal("the key would be given away with the certificate")
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(text)
		return pool
	}
	pool := trust()
	for _, name := range []string{"localhost", "shop.localhost", "127.0.0.1"} {
		if _, err := b.handshake(t, &tls.Config{RootCAs: pool, ServerName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "authority.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info.Mode(), err)
	}
	again := listenTLS(t, "{local: "+dir+"}")
	if _, err := again.handshake(t, &tls.Config{RootCAs: pool, ServerName: "localhost"}); err != nil {
		t.Errorf("it is not the same after a restart: %v", err)
	}
}

func TestAddressesThatCannotBeListenedOnAreTold(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"{address: ^127.0.0.1}":                                  `"127.0.0.1" is no address to listen on`,
		"{address: ^'127.0.0.1:'}":                               `"127.0.0.1:" is no address to listen on`,
		"{address: ^'[::1]:65536'}":                              `"[::1]:65536" is no address to listen on`,
		"{address: ^'127.0.0.1:-1'}":                             `"127.0.0.1:-1" is no address to listen on`,
		"{address: ^'127.0.0.1:x/y'}":                            `"127.0.0.1:x/y" is no address to listen on`,
		"{address: ':8080'}, {address: ^':8080'}":                ":8080 is listed already",
		"{address: 'localhost:80'}, {address: ^'Localhost:080'}": "Localhost:080 is listed already",
	} {
		toldAtMark(t, "listen: ["+listen+"]\nroutes: [{answer: {}}]", want)
	}
	const right = "listen: [{address: ':8080'}, {address: ':0'}, {address: ':0'}, {address: '[::1]:65535'}]"
	if err := wrong(t, right+"\nroutes: [{answer: {}}]"); err != nil {
		t.Error(err)
	}
}

func TestMistakesOfTLSAreTold(t *testing.T) {
	t.Parallel()
	cert, key := writePair(t, t.TempDir(), 1)
	for config, want := range map[string]string{
		"^tls: {}":                                                       "tls is exactly one of",
		"^tls: {local: ca, cert: a}":                                     "tls is exactly one of",
		"^tls: {cert: a.pem}":                                            "tls needs both cert and key",
		"tls: {cert: ^a.pem, key: " + key + "}":                          "open ",
		"tls: {cert: ^" + key + ", key: b.pem}":                          "open ",
		"tls: {cert: " + cert + ", key: ^b.pem}":                         "open ",
		"tls: {cert: ^" + key + ", key: " + key + "}":                    "tls: failed to find certificate PEM data",
		"tls: {cert: " + cert + ", key: ^" + cert + "}":                  "tls: found a certificate rather than a key",
		"tls: {^acme: {cache: c}}":                                       "acme needs the hosts",
		"tls: {^acme: {hosts: [a.ex]}}":                                  "acme needs cache",
		"tls: {acme: {hosts: [a.ex], cache: c, directory: ^'http://x'}}": "acme's directory is an https URL",
		"tls: {acme: {hosts: [a.ex], cache: c, roots: ^c.pem}}":          "open ",
	} {
		toldAtMark(t, "listen:\n  - address: 127.0.0.1:0\n    "+config+"\nroutes: [{answer: {body: x}}]\n", want)
	}
}
