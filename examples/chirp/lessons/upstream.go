package lessons

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/demo"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

const (
	upstreamRate    = 50 // requests a second
	upstreamFailsIn = 10
	upstreamTimeout = 500 * time.Millisecond
	upstreamOpens   = 1500 * time.Millisecond // the breaker's window, and what the first ones wait
	upstreamBack    = 2 * time.Second         // twice as long as it is open
)

// upstreamPolicies are those of a lesson that lasts for seconds: what counts as lately is a second.
func upstreamPolicies() policy.Settings {
	s := policy.Defaults()
	s.Breaker = &policy.Breaker{Calls: 10, Window: time.Second, Open: time.Second}
	return s
}

// upstream lets web ask an HTTP server that is no service of the app: first by a bare client, then through policies.
func upstream(ctx context.Context, s *demo.Stage) error {
	settings := policy.Settings{}
	all, err := twice(s, func(plan string) (asked, error) {
		a, err := ask(ctx, s, plan, settings)
		settings = upstreamPolicies()
		return a, err
	})
	if err != nil {
		return err
	}
	off, on := all[0], all[len(all)-1]
	s.Columns([]string{"without: fails", "hangs", "after", "with: fails", "hangs", "after"}[:3*len(all)]...)
	var phases []demo.Calls
	for _, a := range all {
		phases = append(phases, a.fails, a.hangs, a.after)
	}
	pages(s, phases)
	failed := len(on.fails.Failed())
	s.Claimf(len(on.fails) > 0 && failed == 0,
		"while it answers every %dth request with 503, %d of %d fail (none)", upstreamFailsIn, failed, len(on.fails))
	refused := slices.DeleteFunc(on.hangs.Failed(), func(c demo.Call) bool { return link.Ran(c.Err) != link.NeverSent })
	s.Claimf(len(refused) > len(on.hangs)/2 && refused.Quantile(0.5) < upstreamTimeout/50,
		"while it hangs, %d of %d are refused (more than half), half of them within %s (less than %v, and not %v)",
		len(refused), len(on.hangs), half(refused), upstreamTimeout/50, upstreamTimeout)
	s.Claimf(s.Bare() || len(off.fails.Failed()) > 0 && off.hangs.Quantile(0.5) >= upstreamTimeout,
		"by a bare client %d of %d fail, and half of those that hang wait %v at least",
		len(off.fails.Failed()), len(off.fails), off.hangs.Quantile(0.5).Round(time.Millisecond))
	s.Claimf(on.after.Answered() == 100, "from %v after the end of it on, %.4g %% are answered (all)",
		upstreamBack, on.after.Answered())
	return nil
}

// asked is what became of requests while the upstream failed now and then, while it hung, and after that.
type asked struct{ fails, hangs, after demo.Calls }

func ask(ctx context.Context, s *demo.Stage, plan string, settings policy.Settings) (asked, error) {
	server := new(moody)
	url, err := serve(ctx, s, server)
	if err != nil {
		return asked{}, err
	}
	client := &http.Client{Timeout: upstreamTimeout}
	app := s.App()
	app.Services = slices.Clone(app.Services)
	web := slices.IndexFunc(app.Services, func(s kerf.Service) bool { return s.Name == "web" })
	app.Services[web].Upstreams = []string{"weather"}
	start := app.Services[web].New
	app.Services[web].New = func(ctx context.Context, h *kerf.Host) error {
		client.Transport = h.Upstream("weather", nil, settings)
		return start(ctx, h)
	}
	system, err := s.Inside(ctx, plan, app)
	if err != nil {
		return asked{}, err
	}
	s.Sayf("web asks an HTTP server %d times a second, which answers every %dth request with 503",
		upstreamRate, upstreamFailsIn)
	load := demo.Begin(ctx, upstreamRate, func(ctx context.Context) error { return get(ctx, client, url) })
	defer load.End()
	if err := demo.Wait(ctx, s.Part); err != nil {
		return asked{}, err
	}
	hangs := load.Now()
	server.hangs.Store(true)
	s.Sayf("it hangs")
	if err := demo.Wait(ctx, upstreamOpens+s.Part); err != nil {
		return asked{}, err
	}
	healed := load.Now()
	server.healed.Store(true)
	server.hangs.Store(false)
	s.Sayf("it works as it should")
	if err := demo.Wait(ctx, upstreamBack+s.Part/2); err != nil {
		return asked{}, err
	}
	over, calls := load.Now(), load.End()
	return asked{
		fails: calls.Between(0, hangs-upstreamTimeout), hangs: calls.Between(hangs+upstreamOpens, healed),
		after: calls.Between(healed+upstreamBack, over),
	}, system.Stop()
}

func get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the upstream answers %s", response.Status)
	}
	return nil
}

// moody is a server that knows nothing of Kerf.
type moody struct {
	requests      atomic.Int64
	hangs, healed atomic.Bool
}

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case m.hangs.Load():
		<-r.Context().Done()
	case !m.healed.Load() && m.requests.Add(1)%upstreamFailsIn == 0:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}
