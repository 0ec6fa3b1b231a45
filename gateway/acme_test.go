package gateway_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/kerf-go/kerf/internal/porttest"
)

// Certificates come from an authority that speaks ACME: pebble, Let's Encrypt's own for
// tests, which looks whether the gateway answers for the host.
func TestCertificatesComeFromAnAuthority(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: it builds pebble, an authority for tests, for which -short leaves no time")
	}
	dir := t.TempDir()
	address := porttest.Free(t)
	directory, manage, roots := pebble(t, dir, address)
	cache := filepath.Join(dir, "cache")
	b := listen(t, strings.NewReplacer("0.0.0.0:443", address, "https://acme.example/dir", directory+"/dir",
		"acme-root.pem", roots, "/var/lib/kerf/acme", cache).Replace(acmeOfPage(t)))
	pool := issuers(t, manage, roots)
	client := &tls.Config{RootCAs: pool, ServerName: "shop.example", NextProtos: []string{"h2"}}
	var state tls.ConnectionState
	var err error
	for end := time.Now().Add(time.Minute); ; {
		if state, err = b.handshake(t, client); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("there is no certificate: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if state.NegotiatedProtocol != "h2" {
		t.Error(state.NegotiatedProtocol)
	}
	if _, err := b.handshake(t, &tls.Config{RootCAs: pool, ServerName: "other.example"}); err == nil {
		t.Error("there is a certificate for a host that is not configured")
	}
}

// acmeOfPage is the configuration of the page about TLS.
func acmeOfPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(pages + "/tls.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml acme\n")
	text, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatal("the page has no such configuration")
	}
	return text + "log: off\n"
}

// pebble runs an authority that looks for hosts at an address. It tells its URL, another
// where it tells of itself, and whose word to take for both.
func pebble(t *testing.T, dir, hosts string) (url, manage, roots string) {
	t.Helper()
	program := filepath.Join(dir, "pebble")
	build := exec.CommandContext(t.Context(), "go", "build", "-modfile=../tools/go.mod", "-o", program,
		"github.com/letsencrypt/pebble/v2/cmd/pebble")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cert, key := writePair(t, dir, 1)
	listen, manage := porttest.Free(t), porttest.Free(t)
	_, port, err := net.SplitHostPort(hosts)
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": manage, "certificate": cert, "privateKey": key,
		"tlsPort": json.Number(port), "keyAlgorithm": "ecdsa",
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), program, "-config", file, "-dnsserver", nameserver(t))
	run.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	out := new(bytes.Buffer)
	run.Stdout, run.Stderr = out, out
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		run.Process.Kill()
		run.Wait()
		if t.Failed() {
			t.Log(out)
		}
	})
	for end := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", listen)
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return "https://" + listen, "https://" + manage, cert
}

// issuers are the roots of what a pebble issues, which it makes at each start.
func issuers(t *testing.T, manage, roots string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(roots)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Get(manage + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	issued := x509.NewCertPool()
	if !issued.AppendCertsFromPEM(text) {
		t.Fatalf("%q is no certificate", text)
	}
	return issued
}

// nameserver answers every question for an address with 127.0.0.1, over TCP.
func nameserver(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(func() { listener.Close() })
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(10 * time.Second))
				for resolve(conn) == nil {
				}
			})
		}
	})
	return listener.Addr().String()
}

func resolve(conn net.Conn) error {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	question := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, question); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return err
	}
	m.Response, m.Additionals = true, nil
	for _, q := range m.Questions {
		if q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			})
		}
	}
	answer, err := m.AppendPack(make([]byte, len(size)))
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint16(answer, uint16(len(answer)-len(size)))
	_, err = conn.Write(answer)
	return err
}
