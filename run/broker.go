package run

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/kerf-go/kerf/broker"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/plan"
)

// brokerWait bounds how long a process waits at its start for a broker to be there.
const brokerWait = 20 * time.Second

// openBroker finds the broker of the plan's links, or runs it: in the process that is
// there for that, or within the only one of the plan.
func (p *Process) openBroker(ctx context.Context) error {
	if _, own := p.options.Plan.EmbeddedBroker(); !own {
		return nil
	}
	var address string
	if p.options.Plan.BrokerApart() && p.spec.Name != plan.BrokerProcess {
		urls, err := p.options.Directory.await(ctx, plan.BrokerProcess, anyScheme, brokerWait)
		if err != nil {
			return fmt.Errorf("process %s: %w", p.spec.Name, err)
		}
		address = hostOf(urls[0])
	} else {
		if err := p.runBroker(ctx); err != nil {
			return err
		}
		address = p.broker.Address()
	}
	p.options.Plan = p.options.Plan.At(address)
	p.options.Directory.fill(reaches(p.options.Plan))
	p.spec, _ = p.options.Plan.Process(p.spec.Name)
	return nil
}

// listenThrough listens on a broker, in the place that the process had before if it can.
func (p *Process) listenThrough(ctx context.Context, rawURL string) (link.Server, error) {
	say := func() { p.tel.Logger().InfoContext(ctx, "waiting for the broker", "at", hostOf(rawURL)) }
	return waiting(ctx, schemeOf(rawURL), say, func(ctx context.Context) (link.Server, error) {
		for _, before := range p.options.Listen { // it names the process among those of its subject
			if subject, _, _ := strings.Cut(before, "?"); subject != rawURL {
				continue
			}
			if s, err := p.listenOn(ctx, before); err == nil {
				return s, nil
			}
		}
		return p.listenOn(ctx, rawURL)
	})
}

// awaitBroker waits for the broker of a plan that runs by itself. So it is told once
// that there is none, and not by each process.
func (c *commands) awaitBroker(ctx context.Context, p *plan.Plan) error {
	u, err := url.Parse(p.Broker)
	if err != nil || u.Host == "" {
		return nil //nolint:nilerr // it is the app's own, or no link needs one
	}
	u = u.JoinPath(c.app.Name + ".-fleet") // a name that no process can have
	o := link.ListenOptions{Logger: slog.New(slog.DiscardHandler)}
	say := func() { fmt.Fprintf(c.stderr, "waiting for the broker at %s\n", u.Host) }
	s, err := waiting(ctx, u.Scheme, say, func(ctx context.Context) (link.Server, error) {
		return c.batteries.with(c.app).Listen(ctx, u.String(), o)
	})
	if err != nil {
		return err
	}
	return s.Close()
}

// waiting listens on a broker, and waits in bounds for one that is away: it may be
// coming back. If that takes its time it says so.
func waiting(
	ctx context.Context, scheme string, say func(), listen func(context.Context) (link.Server, error),
) (link.Server, error) {
	const pause, silence = 100 * time.Millisecond, time.Second
	ctx, cancel := context.WithTimeout(ctx, brokerWait)
	defer cancel()
	ticker, silent := time.NewTicker(pause), time.NewTimer(silence)
	defer ticker.Stop()
	defer silent.Stop()
	for {
		s, err := listen(ctx)
		if err == nil {
			return s, nil
		}
		select {
		case <-silent.C:
			say()
		case <-ticker.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w; start the broker, or say in the plan where it is (broker: %s://host:port)",
				err, scheme)
		}
	}
}

// runBroker starts the broker, where it was before if it was.
func (p *Process) runBroker(ctx context.Context) error {
	driver, err := p.options.Batteries.broker(p.options.Plan)
	if err != nil {
		return err
	}
	o := broker.Options{Folder: p.options.Data, Logger: p.tel.Logger()}
	if !p.options.Plan.BrokerApart() {
		o.Folder = brokerFolder(p.options.Plan, p.options.Data)
	}
	for _, before := range p.options.Listen {
		if schemeOf(before) == driver.Scheme() {
			o.Address = hostOf(before)
			p.broker, err = retake(ctx, func() (broker.Server, error) { return driver.Start(ctx, o) })
			if err == nil {
				break
			}
		}
	}
	if p.broker == nil {
		o.Address = "127.0.0.1:0"
		if p.broker, err = driver.Start(ctx, o); err != nil {
			return err
		}
	}
	p.closers.add(p.broker.Stop)
	p.brokerURL = driver.Scheme() + "://" + p.broker.Address()
	return nil
}

// brokerFolder is where an embedded broker keeps its data: what the plan says, else a
// part of the app's folder.
func brokerFolder(p *plan.Plan, data string) string {
	folder, _ := p.EmbeddedBroker()
	return cmp.Or(filepath.FromSlash(folder), filepath.Join(data, "broker"))
}

// broker finds the one for the plan's links.
func (b Batteries) broker(p *plan.Plan) (broker.Driver, error) {
	for _, driver := range b.Brokers {
		if driver.Scheme() == brokerLink(p) {
			return driver, nil
		}
	}
	return nil, fmt.Errorf("this program brings no broker along for the link %s", brokerLink(p))
}

// brokerLink is the link for which the embedded broker is there.
func brokerLink(p *plan.Plan) string {
	for _, q := range p.Processes {
		for _, l := range append([]plan.Listener{q.Listener}, q.More...) {
			if hostOf(l.Listen) == plan.BrokerProcess {
				return l.Link
			}
		}
	}
	return ""
}

// reaches are the addresses that a plan knows.
func reaches(p *plan.Plan) map[string][]string {
	urls := make(map[string][]string)
	for _, process := range p.Processes {
		for _, l := range append([]plan.Listener{process.Listener}, process.More...) {
			if l.Reach != "" {
				urls[process.Name] = append(urls[process.Name], l.Reach)
			}
		}
	}
	return urls
}

// withPassword adds to the URL of a listener on a broker outside what the plan has of
// its user: listeners do not show it.
func withPassword(p *plan.Plan, rawURL string) string {
	outside, err := url.Parse(p.Broker)
	if err != nil || outside.User == nil {
		return rawURL
	}
	u, err := url.Parse(rawURL)
	if err != nil || u.Host != outside.Host || u.Scheme != outside.Scheme {
		return rawURL
	}
	u.User = outside.User
	return u.String()
}

func hostOf(rawURL string) string {
	_, rest, _ := strings.Cut(rawURL, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}
