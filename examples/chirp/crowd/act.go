package crowd

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// habits are what a person does, and how often of a thousand times. Log-ins and
// sign-ups are rare, as in life, and dear: each hashes a password.
var habits = []struct {
	times int
	do    func(*person, context.Context) error
}{
	{400, func(p *person, ctx context.Context) error { return p.look(ctx, "/") }},
	{100, func(p *person, ctx context.Context) error { return p.look(ctx, "/public") }},
	{140, func(p *person, ctx context.Context) error { return p.look(ctx, "/@"+nameOf(p.someone())) }},
	{60, (*person).lookAtPost},
	{100, (*person).search},
	{110, func(p *person, ctx context.Context) error { return p.write(ctx, p.phrase()) }},
	{50, func(p *person, ctx context.Context) error { return p.follow(ctx, p.someone()) }},
	{34, (*person).tireOf},
	{4, (*person).logInAnew},
	{2, (*person).bringGuest},
}

// act makes one request.
func (p *person) act(ctx context.Context) error {
	if next := p.next; next != nil {
		p.next = nil
		return next(p, ctx)
	}
	at := p.random.IntN(1000) //nolint:mnd // what the habits add up to
	for _, h := range habits {
		if at -= h.times; at < 0 {
			return h.do(p, ctx)
		}
	}
	return p.look(ctx, "/")
}

func (p *person) lookAtPost(ctx context.Context) error {
	if len(p.known) == 0 {
		return p.look(ctx, "/public")
	}
	return p.look(ctx, p.known[p.random.IntN(len(p.known))])
}

func (p *person) search(ctx context.Context) error {
	return p.look(ctx, "/search?q="+url.QueryEscape(p.word()))
}

// tireOf stops following somebody, but the idol that the measurement needs.
func (p *person) tireOf(ctx context.Context) error {
	if whom := p.someone(); whom != idol {
		return p.unfollow(ctx, whom)
	}
	return p.look(ctx, "/")
}

// logInAnew takes a new session: the next page tells its token.
func (p *person) logInAnew(ctx context.Context) error {
	p.next = func(p *person, ctx context.Context) error { return p.look(ctx, "/") }
	return p.enter(ctx, "/login", p.name)
}

// bringGuest lets somebody else sign up on a browser of his own.
func (p *person) bringGuest(ctx context.Context) error {
	p.guests++
	guest := newPerson(p.number, p.site, 0, p.client.Transport)
	name := fmt.Sprintf("guest%02dof%02d", p.guests, p.number)
	p.next = func(_ *person, ctx context.Context) error { return guest.enter(ctx, "/signup", name) }
	return guest.look(ctx, "/signup")
}

const words = `saw kerf blade board plank dust cut joint grain knot oak ash elm pine glue nail rule bench plane
mallet chisel clamp file rasp drill hinge dowel tenon miter veneer`

// phrase is what people write: a handful of words.
func (p *person) phrase() string {
	said := make([]string, 3+p.random.IntN(12)) //nolint:mnd // well within 141 characters
	for i := range said {
		said[i] = p.word()
	}
	return strings.Join(said, " ")
}

func (p *person) word() string {
	all := strings.Fields(words)
	return all[p.random.IntN(len(all))]
}
