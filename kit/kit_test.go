package kit_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/broker"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/link"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

// echo answers a call with what it was given, and with what it knows of it.
type echo struct {
	linktestv1.UnimplementedExerciseServer
}

func (echo) Unary(ctx context.Context, m *linktestv1.Message) (*linktestv1.Message, error) {
	if _, bounded := ctx.Deadline(); bounded {
		return nil, errors.New("somebody has set a deadline")
	}
	return m, nil
}

func (echo) Tell(context.Context, *linktestv1.Message) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

//nolint:paralleltest // goroutines of other tests would count as leaks
func TestEverySchemeIsListenedOnAndDialled(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) }) // the last of all
	for _, l := range kit.Batteries().Links {
		url := l.Scheme() + "://127.0.0.1:0"
		switch {
		case l.Scheme() == "inproc":
			url = "inproc://"
		case l.Capabilities().Broker:
			url = l.Scheme() + "://" + brokerOf(t, l.Scheme()) + "/subject"
		}
		server, err := kit.Listen(t.Context(), url, link.ListenOptions{})
		if err != nil {
			t.Fatalf("listen on %s: %v", url, err)
		}
		linktestv1.RegisterExerciseServer(server, echo{})
		served := make(chan error, 1)
		go func() { served <- server.Serve() }()
		conn, err := kit.Dial(server.URL(), link.DialOptions{})
		if err != nil {
			t.Fatalf("dial %s: %v", server.URL(), err)
		}
		answer, err := linktestv1.NewExerciseClient(conn).Unary(t.Context(), &linktestv1.Message{Text: "hi"})
		if err != nil || answer.GetText() != "hi" {
			t.Errorf("over %s: %v, %v", server.URL(), answer, err)
		}
		if err := errors.Join(conn.Close(), server.Shutdown(t.Context()), <-served); err != nil {
			t.Errorf("%s: %v", server.URL(), err)
		}
	}
}

// brokerOf starts the broker that comes with Kerf for a link.
func brokerOf(t *testing.T, scheme string) (address string) {
	t.Helper()
	for _, driver := range kit.Batteries().Brokers {
		if driver.Scheme() != scheme {
			continue
		}
		o := broker.Options{Folder: t.TempDir(), Address: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)}
		b, err := driver.Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Stop(context.Background()) })
		return b.Address()
	}
	t.Fatalf("no broker for %s", scheme)
	return ""
}

func TestWrongURLsSayWhatIsRight(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"pigeon://127.0.0.1:1": "no link for pigeon://: there are inproc, http",
		"127.0.0.1:1":          "first path segment in URL cannot contain colon",
		"localhost:1":          "no link for localhost://",
		"":                     "no link for ://: there are inproc, http",
		"inproc://":            "write inproc://NAME",
		"http://":              "write http://host:port",
	} {
		if _, err := kit.Dial(url, link.DialOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("dial %q: got %v, want %q", url, err, want)
		}
	}
	_, err := kit.Listen(t.Context(), "pigeon://127.0.0.1:1", link.ListenOptions{})
	if err == nil || !strings.Contains(err.Error(), "no link for pigeon://") {
		t.Errorf("listen: %v", err)
	}
	_, err = kit.Listen(t.Context(), "https://127.0.0.1:0", link.ListenOptions{})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("the TLS form of a scheme: %v", err)
	}
}

// pigeon is a link that an app brings.
type pigeon struct{ link.Link }

func (pigeon) Scheme() string { return "pigeon" }

func TestAnAppMayBringLinks(t *testing.T) {
	t.Parallel()
	app := kerf.App{
		Name: "own", Links: []link.Link{pigeon{kit.Batteries().Links[1]}},
		Services: []kerf.Service{{
			Name: "echo", Serves: []*grpc.ServiceDesc{&linktestv1.Exercise_ServiceDesc},
			New: func(context.Context, *kerf.Host) error { return nil },
		}},
	}
	found := false
	for _, l := range kit.Batteries().Model(app).Links {
		found = found || l.Scheme == "pigeon" && l.Streams && !l.InProcess
	}
	if !found {
		t.Error("plans do not know the app's own link")
	}
	if err := kit.Run(t.Context(), app, []string{"version"}, io.Discard, io.Discard); err != nil {
		t.Error(err)
	}
}
