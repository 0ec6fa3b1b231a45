package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
)

// ErrNotRunning is wrapped by ReadStatus's error when there is no status file, or
// nobody behind it any more.
var ErrNotRunning = errors.New("not running")

// ReadStatus asks the app that has published itself in a file how it does. The
// error wraps ErrNotRunning if there is none; another error means that it cannot
// be told, for example since the app exists and does not answer within ctx or 5 s.
func ReadStatus(ctx context.Context, file string) (Report, error) {
	found, err := readFile(file)
	if err != nil {
		return Report{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	now, err := ask(ctx, found)
	var slow net.Error
	switch {
	case ctx.Err() != nil, errors.As(err, &slow) && slow.Timeout():
		return Report{}, fmt.Errorf("%s (%s) does not answer: end it, or remove %s: %w",
			found.name(), found.owner(), file, err)
	case err != nil:
		return Report{}, fmt.Errorf("%w: %s has left %s behind: %w", ErrNotRunning, found.owner(), file, err)
	case !now.same(found):
		return Report{}, fmt.Errorf("%w: %s has left %s behind, and its port belongs to another now",
			ErrNotRunning, found.owner(), file)
	}
	return now, nil
}

// readFile gives what the file says; one that cannot be understood is as good as none.
func readFile(file string) (Report, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the caller's own file
	if errors.Is(err, fs.ErrNotExist) {
		return Report{}, fmt.Errorf("%w: there is no %s", ErrNotRunning, file)
	}
	if err != nil {
		return Report{}, fmt.Errorf("read the status file: %w", err)
	}
	var found Report
	if err := json.Unmarshal(text, &found); err != nil {
		return Report{}, fmt.Errorf("%w: %s is no status file: %w", ErrNotRunning, file, err)
	}
	return found, nil
}

func ask(ctx context.Context, found Report) (now Report, err error) {
	response, err := get(ctx, found.Control+"/status")
	if err != nil {
		return Report{}, fmt.Errorf("ask for its status: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode != http.StatusOK {
		return Report{}, fmt.Errorf("ask for its status: %s", response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(&now); err != nil {
		return Report{}, fmt.Errorf("understand its status: %w", err)
	}
	return now, nil
}

// get asks a program of this machine.
func get(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy: it is on this machine
	return transport.RoundTrip(request)
}

func (r Report) name() string { return cmp.Or(r.App, "this app") }

func (r Report) owner() string {
	if r.Plan == "" {
		return fmt.Sprintf("pid %d", r.PID)
	}
	return fmt.Sprintf("pid %d, plan %s", r.PID, r.Plan)
}
