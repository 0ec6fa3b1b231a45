package crowd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// screen is a home page that stays open, on which new posts appear.
type screen struct {
	over chan struct{} // closed when it shows no more

	mu     sync.Mutex // guards the fields below
	text   string     // that is awaited
	seen   chan time.Time
	reason error
}

// open returns once the site sends.
func (p *person) open(ctx context.Context) (*screen, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.site+"/live", nil)
	if err != nil {
		return nil, err
	}
	patient := p.client
	patient.Timeout = 0
	answer, err := patient.Do(request) //nolint:bodyclose // it is closed where it is read
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("GET /live: status %d", answer.StatusCode), answer.Body.Close())
	}
	s := &screen{over: make(chan struct{})}
	go func() {
		defer close(s.over)
		defer answer.Body.Close() //nolint:errcheck // nothing more is wanted of it
		s.read(bufio.NewScanner(answer.Body))
	}()
	return s, nil
}

func (s *screen) read(lines *bufio.Scanner) {
	for lines.Scan() {
		if lines.Text() == "event: paused" {
			s.fail(errors.New("live updates are paused"))
			return
		}
		s.mu.Lock()
		if s.text != "" && strings.Contains(lines.Text(), s.text) {
			s.seen <- time.Now() // it has room
			s.text = ""
		}
		s.mu.Unlock()
	}
	s.fail(fmt.Errorf("live updates ended: %w", errors.Join(errors.New("end of stream"), lines.Err())))
}

func (s *screen) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reason = err
}

func (s *screen) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}

// await tells when a text appears.
func (s *screen) await(text string) <-chan time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.seen = text, make(chan time.Time, 1)
	return s.seen
}
