package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/examples/chirp/story"
)

// begin starts a monolith that the end of the test drains.
func begin(t *testing.T) story.Site {
	t.Helper()
	m, err := start(t.Context(), options{
		data: t.TempDir(), web: "127.0.0.1:0", logger: slog.New(slog.NewJSONHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := m.stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return story.Site{URL: m.url(), Clients: m.clients}
}

func TestStoryInABrowser(t *testing.T) {
	t.Parallel()
	story.Browse(t, story.NewBrowser(t), begin(t))
}

func TestNothingBadIsStored(t *testing.T) {
	t.Parallel()
	story.Misbehave(t, begin(t))
}

func TestScriptsInFieldsAreInert(t *testing.T) {
	t.Parallel()
	story.Inject(t, begin(t))
}

// TestDrain is not parallel: it counts goroutines.
func TestDrain(t *testing.T) { //nolint:paralleltest // see above
	ignore := goleak.IgnoreCurrent()
	ctx, interrupt := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	data := t.TempDir()
	go func() { ended <- run(ctx, []string{"--data", data, "--web", "127.0.0.1:0"}, in, t.Output()) }()
	lines := bufio.NewScanner(out)
	site := ""
	for site == "" && lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "  site  "); ok {
			site = url
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	v := story.NewVisitor(t, "ann", site)
	v.SignUp("ann", "a saw with 32 teeth")
	live := v.Stream("/live")
	interrupt()
	if rest, err := io.ReadAll(live); err != nil {
		t.Errorf("the live stream broke off after %q: %v", rest, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("drain: %v", err)
	}
	_ = in.Close()
	goleak.VerifyNone(t, ignore)
}
