package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/internal/porttest"
)

func TestStatusOfARunningFleet(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "data", "status.json")
	b := run(t, fleet.Options{App: "chirp", Plan: "http.yaml", StatusFile: file}, child("serve", "web")).ready(t)
	report, err := fleet.ReadStatus(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if report.App != "chirp" || report.Plan != "http.yaml" || report.PID != os.Getpid() || len(report.Processes) != 1 ||
		report.Processes[0].State != fleet.Ready || report.Processes[0].Address != b.of("web").Address {
		t.Errorf("report %+v", report)
	}

	second, err := fleet.New([]fleet.Process{child("serve", "web")}, fleet.Options{StatusFile: file})
	if err != nil {
		t.Fatal(err)
	}
	err = second.Run(t.Context())
	says := fmt.Sprintf("chirp is already running (pid %d, plan http.yaml): stop it first", os.Getpid())
	if !errors.Is(err, fleet.ErrRunning) || !strings.HasPrefix(err.Error(), says) {
		t.Errorf("the second start: %v", err)
	}

	if err := b.end(t); err != nil {
		t.Fatal(err)
	}
	if _, err := fleet.ReadStatus(t.Context(), file); !errors.Is(err, fleet.ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAStaleStatusFileIsReplaced(t *testing.T) {
	t.Parallel()
	stranger := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(stranger.Close)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"app":"other","pid":1,"started":"2001-01-01T00:00:00Z"}`))
	}))
	t.Cleanup(other.Close)
	about := `{"app":"chirp","pid":1,"started":"2000-01-01T00:00:00Z","control":"%s"}`
	for name, text := range map[string]string{
		"nobody listens":              fmt.Sprintf(about, "http://"+porttest.Free(t)),
		"its port is a stranger's":    fmt.Sprintf(about, stranger.URL),
		"its port is another app's":   fmt.Sprintf(about, other.URL),
		"it is empty":                 "",
		"it is no JSON":               "pid 17",
		"its control address is none": fmt.Sprintf(about, "%"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "status.json")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := fleet.ReadStatus(t.Context(), file); !errors.Is(err, fleet.ErrNotRunning) {
				t.Errorf("ReadStatus: %v", err)
			}
			started := time.Now()
			published, err := fleet.Publish(t.Context(), file, func() fleet.Report {
				return fleet.Report{App: "chirp", Started: started, Processes: []fleet.Status{{Process: "monolith"}}}
			})
			if err != nil {
				t.Fatal(err)
			}
			if r, err := fleet.ReadStatus(t.Context(), file); err != nil || r.Processes[0].Process != "monolith" {
				t.Errorf("ReadStatus: %+v, %v", r, err)
			}
			if err := published.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnAppThatHangsIsNotTakenForDead(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	silent, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	file := filepath.Join(t.TempDir(), "status.json")
	text := fmt.Sprintf(`{"app":"chirp","pid":17,"control":"http://%s"}`, silent.Addr())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = fleet.Publish(ctx, file, func() fleet.Report { return fleet.Report{} })
	if err == nil || errors.Is(err, fleet.ErrNotRunning) ||
		!strings.Contains(err.Error(), "chirp (pid 17) does not answer") {
		t.Errorf("Publish: %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error("its file is gone")
	}
}

func TestStatusIsNotForWebPages(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "status.json")
	published, err := fleet.Publish(t.Context(), file, func() fleet.Report { return fleet.Report{App: "chirp"} })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = published.Close() }()
	report, err := fleet.ReadStatus(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, report.Control+"/status", http.NoBody)
	request.Host, request.RequestURI = "evil.example", ""
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("answered %s", response.Status)
	}
}

func TestNoStatusWithoutAFile(t *testing.T) {
	t.Parallel()
	_, err := fleet.ReadStatus(t.Context(), filepath.Join(t.TempDir(), "none"))
	if !errors.Is(err, fleet.ErrNotRunning) {
		t.Error(err)
	}
}
