package tcplink_test

import (
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/linktest"
	"github.com/kerf-go/kerf/link/tcplink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCallsOverTCPBehaveAsGRPC(t *testing.T) { //nolint:paralleltest // its first cases count goroutines
	linktest.Exercise(t, linktest.Subject{Link: tcplink.Link{}, URL: "tcp://127.0.0.1:0"})
}

func TestWrongURLsSayWhatIsRight(t *testing.T) {
	t.Parallel()
	for rawURL, want := range map[string]string{
		"grpc://127.0.0.1:1":    "write tcp://host:port or tls+tcp://host:port",
		"tcp://127.0.0.1":       "write tcp://host:port",
		"tls+tcp://:1":          "write tls+tcp://host:port",
		"tcp://127.0.0.1:1/x":   "write tcp://host:port",
		"tcp://127.0.0.1:1?x=1": "write tcp://host:port",
		"tcp://x@127.0.0.1:1":   "write tcp://host:port",
	} {
		u, err := url.Parse(rawURL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = (tcplink.Link{}).Dial(u, link.DialOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("dial %s: got %v, want %q", rawURL, err, want)
		}
		_, err = tcplink.Link{}.Listen(t.Context(), u, link.ListenOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("listen on %s: got %v, want %q", rawURL, err, want)
		}
	}
	u := &url.URL{Scheme: "tls+tcp", Host: "127.0.0.1:0"}
	if _, err := (tcplink.Link{}).Listen(t.Context(), u, link.ListenOptions{}); err == nil {
		t.Error("it listens inside TLS without a certificate")
	}
}
