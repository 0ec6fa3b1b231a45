package natsbroker_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/broker"
	"github.com/kerf-go/kerf/broker/natsbroker"
)

func start(t *testing.T, folder, address string) broker.Server {
	t.Helper()
	b, err := natsbroker.Driver{}.Start(soon(t), options(folder, address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Stop(context.Background()) })
	return b
}

func options(folder, address string) broker.Options {
	return broker.Options{Folder: folder, Address: address, Logger: slog.New(slog.DiscardHandler)}
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func connect(t *testing.T, b broker.Server) jetstream.JetStream {
	t.Helper()
	c, err := nats.Connect(b.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	js, err := jetstream.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

//nolint:paralleltest // goroutines of other tests would count as leaks
func TestABrokerLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	b := start(t, t.TempDir(), "127.0.0.1:0")
	if err := b.Stop(soon(t)); err != nil {
		t.Error(err)
	}
	if err := b.Stop(soon(t)); err != nil {
		t.Error(err)
	}
	if c, err := new(net.Dialer).DialContext(t.Context(), "tcp", b.Address()); err == nil {
		_ = c.Close()
		t.Error("it still listens")
	}
}

func TestWhatIsStoredIsThereAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	b := start(t, folder, "127.0.0.1:0")
	js := connect(t, b)
	if _, err := js.CreateStream(soon(t), jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(soon(t), "s", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(soon(t)); err != nil {
		t.Fatal(err)
	}
	s, err := connect(t, start(t, folder, b.Address())).Stream(soon(t), "s")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := s.GetMsg(soon(t), 1); err != nil || string(m.Data) != "kept" {
		t.Errorf("%v, %v", m, err)
	}
}

func TestAStartThatCannotBeSaysWhy(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	b := start(t, folder, "127.0.0.1:0")
	for name, c := range map[string]struct {
		o    broker.Options
		want string
	}{
		"a folder that another has": {options(folder, "127.0.0.1:0"), "use another folder"},
		"an address that is taken":  {options(t.TempDir(), b.Address()), "address already in use"},
		"an address that is none":   {options(t.TempDir(), "here"), "the broker's address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := natsbroker.Driver{}.Start(soon(t), c.o)
			if err == nil {
				_ = s.Stop(soon(t))
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAClientThatFallsSilentIsGivenUp(t *testing.T) {
	t.Parallel()
	b := start(t, t.TempDir(), "127.0.0.1:0")
	c, err := new(net.Dialer).DialContext(soon(t), "tcp", b.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err = io.WriteString(c, "CONNECT {}\r\nSUB x 1\r\n"); err != nil {
		t.Fatal(err)
	}
	const most = 15 * time.Second // two pings are missed, and a third is due
	if err = c.SetReadDeadline(time.Now().Add(most)); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(said), "Stale Connection") {
		t.Errorf("within %v: %v, and it said %q", most, err, said)
	}
}
