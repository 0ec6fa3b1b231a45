package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// ErrRunning is wrapped by the errors of Publish and Fleet.Run when the status
// file is that of an app that runs.
var ErrRunning = errors.New("is already running")

// askTimeout bounds a question to a running app. A closed port of Windows takes
// two seconds to be refused.
const askTimeout = 5 * time.Second

// Publish makes a running app known to ReadStatus by a file, until the Closer is
// closed. A Fleet with a StatusFile does so by itself; a single process calls it
// for its own. report is called for each reader, maybe several at once, and must
// fill App, Plan, the same Started each time, and Processes. The file of an app
// that runs is left alone, and the error wraps ErrRunning; that of one that has
// vanished is replaced. The answers are given on a port of the loopback interface,
// to programs of this machine only. ctx bounds Publish itself, not what it leaves.
func Publish(ctx context.Context, file string, report func() Report) (io.Closer, error) {
	if err := makeRoom(ctx, file); err != nil {
		return nil, err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for status: %w", err)
	}
	p := &publication{file: file, gone: make(chan struct{})}
	p.about = report()
	p.about.PID, p.about.Control, p.about.Processes = os.Getpid(), "http://"+listener.Addr().String(), nil
	p.server = &http.Server{Handler: p.handler(listener.Addr().String(), report), ReadHeaderTimeout: askTimeout}
	go func() {
		defer close(p.gone)
		_ = p.server.Serve(listener) // until Close
	}()
	if err := p.write(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// publication is what Publish leaves behind.
type publication struct {
	file   string
	about  Report // without Processes
	server *http.Server
	gone   chan struct{} // closed when the server has ended
}

// Close takes the file away, if it is still this app's, and ends the answers.
func (p *publication) Close() error {
	var err error
	if found, readErr := readFile(p.file); readErr == nil && found.same(p.about) {
		err = os.Remove(p.file)
	}
	err = errors.Join(err, p.server.Close())
	<-p.gone
	return err
}

func (p *publication) handler(host string, report func() Report) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		if r.Host != host { // a web page that had its name resolved to this machine
			http.Error(w, "ask as "+host, http.StatusForbidden)
			return
		}
		now := report()
		now.PID, now.Control = p.about.PID, p.about.Control
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(now) // the reader has gone
	})
	return mux
}

// write puts the file in place in one step, and only if there is none.
func (p *publication) write() error {
	folder := filepath.Dir(p.file)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return fmt.Errorf("folder of the status file: %w", err)
	}
	draft, err := os.CreateTemp(folder, filepath.Base(p.file)+".*")
	if err != nil {
		return fmt.Errorf("write the status file: %w", err)
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	err = errors.Join(json.NewEncoder(draft).Encode(p.about), draft.Close())
	if err == nil {
		err = os.Link(draft.Name(), p.file)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		err = os.Rename(draft.Name(), p.file) // a file system without links
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s %w: it was started at the same time", p.about.name(), ErrRunning)
	}
	if err != nil {
		return fmt.Errorf("write the status file: %w", err)
	}
	return nil
}

// makeRoom removes the file of an app that has vanished.
func makeRoom(ctx context.Context, file string) error {
	found, err := ReadStatus(ctx, file)
	switch {
	case err == nil:
		return fmt.Errorf("%s %w (%s): stop it first, or use another data folder",
			found.name(), ErrRunning, found.owner())
	case !errors.Is(err, ErrNotRunning):
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a stale status file: %w", err)
	}
	return nil
}
