// Package crowd is people who use Chirp's site, to measure plans with:
//
//	go run ./examples/chirp compare
//
// They come with cookies and forms as browsers do, without pictures and scripts. What
// each of them does is drawn from a seed.
package crowd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/kerf-go/kerf/compare"
)

const (
	people   = 32
	watchers = 8 // of them have the home page open all the time
	friends  = 6 // whom each follows at first
	posts    = 4 // that each has written at first
)

// crowd is all of them.
type crowd struct {
	people    []*person
	screens   []*screen
	transport *http.Transport
	leave     context.CancelFunc // ends the screens
	shown     int                // posts awaited so far
}

var _ compare.Crowd = (*crowd)(nil)

// Begin lets people sign up, follow each other, write a little, and some of them
// open the home page.
func Begin(ctx context.Context, url string, seed uint64) (compare.Crowd, error) {
	c := &crowd{transport: &http.Transport{MaxIdleConnsPerHost: 2 * people}}
	for number := range people {
		c.people = append(c.people, newPerson(number, url, seed, c.transport))
	}
	err := c.everybody(func(p *person) error { return p.arrive(ctx) })
	if err == nil {
		err = c.everybody(func(p *person) error { return p.settle(ctx) })
	}
	if err != nil {
		return nil, err
	}
	open, leave := context.WithCancel(context.WithoutCancel(ctx))
	c.leave = leave
	for _, p := range c.people[:watchers] {
		s, err := p.open(open)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.screens = append(c.screens, s)
	}
	return c, nil
}

func (c *crowd) Size() int { return len(c.people) }

// everybody does something, a few at once: all together would wait for too long.
func (c *crowd) everybody(do func(*person) error) error {
	errs := make([]error, len(c.people))
	turns := make(chan struct{}, 4) //nolint:mnd // enough to keep a site busy
	var all sync.WaitGroup
	for i, p := range c.people {
		all.Go(func() {
			turns <- struct{}{}
			errs[i] = do(p)
			<-turns
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (c *crowd) Act(ctx context.Context, number int) error {
	if number < len(c.screens) {
		if err := c.screens[number].err(); err != nil {
			return err
		}
	}
	return c.people[number].act(ctx)
}

// PostToScreen lets one write whom the first of the watchers always follows.
func (c *crowd) PostToScreen(ctx context.Context) (time.Duration, error) {
	c.shown++
	text := fmt.Sprintf("do you see this, number %d", c.shown)
	seen := c.screens[0].await(text)
	began := time.Now()
	if err := c.people[idol].write(ctx, text); err != nil {
		return 0, err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case at := <-seen:
		return at.Sub(began), nil
	case <-timer.C:
		return 0, fmt.Errorf("a post has not come to its reader's screen after %v", patience)
	case <-c.screens[0].over:
		return 0, c.screens[0].err()
	}
}

func (c *crowd) Close() error {
	c.leave()
	for _, s := range c.screens {
		<-s.over
	}
	c.transport.CloseIdleConnections()
	return nil
}
