package docs

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/natslink"
	"github.com/kerf-go/kerf/link/tcplink"
	"github.com/kerf-go/kerf/link/udplink"
)

const natsClient = "links/natsclient.py"

// What the clients call, and what they print.
const (
	check          = "/grpc.health.v1.Health/Check"
	serving        = "{\"status\":\"SERVING\"}\n"
	unknownService = "status 5: unknown service\n"
)

// The pages of the links are good enough if a client can be written from them.

func TestTheTCPClientOfThePageSpeaksToAServer(t *testing.T) {
	t.Parallel()
	checkGoClient(t, tcplink.Link{})
}

func TestTheUDPClientOfThePageSpeaksToAServer(t *testing.T) {
	t.Parallel()
	checkGoClient(t, udplink.Link{})
}

func checkGoClient(t *testing.T, l link.Link) {
	t.Helper()
	name, prefix := l.Scheme()+"client", l.Scheme()+"://"
	checkClient(t, "links/"+name+"/main.go")
	address := strings.TrimPrefix(serveHealth(t, l, prefix+"127.0.0.1:0"), prefix)
	client := goClient(t, name)
	call := func(method, request string) (string, error) { return run(t, client, address, method, request) }
	if out, err := call(check, "{}"); err != nil || out != serving {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := call(check, `{"service": "x"}`); err == nil || out != unknownService {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTheNATSClientOfThePageSpeaksToAServer(t *testing.T) {
	t.Parallel()
	checkClient(t, natsClient)
	python := python(t)
	const subject = "kerf.docs.health"
	broker := startBroker(t)
	serveHealth(t, natslink.Link{}, "nats://"+broker+"/"+subject)
	call := func(subject, method, request string) (string, error) {
		return run(t, python, natsClient, broker, subject, method, request)
	}
	if out, err := call(subject, check, "{}"); err != nil || out != serving {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := call(subject, check, `{"service": "x"}`); err == nil || out != unknownService {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := call("kerf.docs.nobody", check, "{}"); err == nil || !strings.HasPrefix(out, "nobody serves") {
		t.Errorf("%v: %s", err, out)
	}
}

// startBroker runs a NATS broker until the test ends, and gives its host and port.
func startBroker(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.WaitForShutdown)
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the broker is not ready")
	}
	return s.Addr().String()
}

// checkClient makes sure that a client is small and its own.
func checkClient(t *testing.T, file string) {
	t.Helper()
	const most = 80
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines > most {
		t.Errorf("%s has %d lines: at most %d", file, lines, most)
	}
	if strings.Contains(string(text), "kerf-go/kerf") {
		t.Errorf("%s imports Kerf: it is to be written from the page alone", file)
	}
}

// serveHealth serves the health service on a link, and gives its URL.
func serveHealth(t *testing.T, l link.Link, listen string) string {
	t.Helper()
	u, err := url.Parse(listen)
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Listen(t.Context(), u, link.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	healthv1.RegisterHealthServer(server, health.NewServer())
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		<-served
	})
	return server.URL()
}

func output(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", c, err, out)
	}
	return string(out)
}
