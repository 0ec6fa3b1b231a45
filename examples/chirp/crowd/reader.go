package crowd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Readers are people without a screen that stays open. They are safe for concurrent use: of
// several requests at once, each is another's.
type Readers struct {
	free      chan *person
	transport *http.Transport
}

// Arrive lets so many sign up.
func Arrive(ctx context.Context, url string, people int) (*Readers, error) {
	r := &Readers{free: make(chan *person, people), transport: &http.Transport{MaxIdleConnsPerHost: people}}
	for number := range people {
		p := newPerson(number, url, 1, r.transport)
		if err := p.arrive(ctx); err != nil {
			r.Leave()
			return nil, fmt.Errorf("%s signs up: %w", p.name, err)
		}
		r.free <- p
	}
	return r, nil
}

// Look reads a page. What shows that something is missing is an error.
func (r *Readers) Look(ctx context.Context, path string) error {
	return r.with(ctx, func(p *person) error { return p.look(ctx, path) })
}

// Write sends a post.
func (r *Readers) Write(ctx context.Context, text string) error {
	return r.with(ctx, func(p *person) error { return p.write(ctx, text) })
}

// LogIn takes a new session.
func (r *Readers) LogIn(ctx context.Context) error {
	return r.with(ctx, func(p *person) error {
		return errors.Join(p.enter(ctx, "/login", p.name), p.look(ctx, "/"))
	})
}

func (r *Readers) with(ctx context.Context, do func(*person) error) error {
	select {
	case p := <-r.free:
		defer func() { r.free <- p }()
		return do(p)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Leave closes their connections. Nobody may be under way.
func (r *Readers) Leave() { r.transport.CloseIdleConnections() }
