package gateway

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/kerf-go/kerf/gateway/rate"
	"github.com/kerf-go/kerf/internal/mistake"
)

// limiter is a rate made ready.
type limiter struct {
	*rate.Limiter
	rate.Store

	byUser bool // or by what else is known only after authentication
}

var rateName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// rates makes all rates ready, or takes over those of before, with what they have counted.
func (c *compiler) rates() {
	for _, name := range slices.Sorted(maps.Keys(c.config.Rates)) {
		config := c.config.Rates[name]
		if c.before != nil && reflect.DeepEqual(c.before.config.Rates[name], config) {
			c.site.rates[name] = c.before.rates[name]
			c.site.use(c.site.rates[name])
			continue
		}
		if !rateName.MatchString(name) {
			c.mistake(fmt.Sprintf("%q cannot be shown in a header", name),
				"use letters, digits, _, - and dots", "rates", name)
			continue
		}
		made, err := c.newLimiter(name, config)
		if err != nil {
			c.mistakeOf(err, fmt.Sprintf("rate %s: %v", name, err), "", "rates", name)
			continue
		}
		c.site.rates[name] = made
		c.site.use(made)
	}
}

func (c *compiler) newLimiter(name string, config rateConfig) (*limiter, error) {
	limit := rate.Limit{Requests: config.Requests, Per: config.Per, Burst: config.Burst}
	if err := limit.Check(); err != nil {
		return nil, err
	}
	key, byUser, err := rateKey(config.By)
	if err != nil {
		return nil, mistake.At(err, "by")
	}
	made := &limiter{byUser: byUser}
	switch config.Store {
	case "", "local":
		if err := config.checkLocal(); err != nil {
			return nil, err
		}
		made.Store = rate.NewLocal(limit, config.Keys)
	default:
		made.Store, err = rate.NewShared(config.Store, name, limit, rate.Options{
			Patience: config.Patience, Share: config.Share, Keys: config.Keys, Logger: c.options.Logger,
		})
		if err != nil {
			return nil, err
		}
	}
	made.Limiter = rate.NewLimiter(name, made.Store, key)
	return made, nil
}

// checkLocal tells of what counts only with a store in Redis.
func (c rateConfig) checkLocal() error {
	var key string
	switch {
	case c.Patience > 0:
		key = "patience"
	case c.Share > 0:
		key = "share"
	default:
		return nil
	}
	return mistake.At(fmt.Errorf("%s is of no use without Redis: name that in store, or leave %s out", key, key), key)
}

// rateKey tells whose a request is. One who says nothing of it is taken by his address:
// leaving it out is no way around a limit.
func rateKey(by string) (key rate.Key, byUser bool, err error) {
	client := rate.ByClient(ClientAddr)
	kind, name, _ := strings.Cut(by, " ")
	switch {
	case by == "" || by == "client":
		return client, false, nil
	case by == "route":
		return rate.ByName("route", routeOf, client), false, nil
	case by == "user":
		return rate.ByName("user", userOf, client), true, nil
	case by == "key":
		return rate.ByName("key", keyOf, client), true, nil
	case kind == "claim" && name != "" && !strings.Contains(name, " "):
		return rate.ByText("claim", claimOf(name), client), true, nil
	case kind == "header" && isReceived(name):
		return rate.ByHeader(name, client), false, nil
	case kind == "header" && isToken([]byte(name)):
		return nil, false, fmt.Errorf("no request has the header %q: write another, with hyphens", name)
	}
	return nil, false,
		fmt.Errorf("by is client, user, key, route or such as claim tenant or header X-Name, not %q", by)
}

// keyOf is the name of the key that a request has.
func keyOf(r *http.Request) string {
	if c := visitOf(r.Context()).caller; c != nil {
		return c.Key()
	}
	return ""
}

func claimOf(name string) func(*http.Request) string {
	return func(r *http.Request) string {
		if c := visitOf(r.Context()).caller; c != nil {
			return c.Text(name)
		}
		return ""
	}
}

func routeOf(r *http.Request) string { return visitOf(r.Context()).route.name }

func userOf(r *http.Request) string { return visitOf(r.Context()).user }

// rate holds requests of a route to its rates: to those by user, key or claim after authentication,
// to all others before it.
func (c *compiler) rate(i int, names []string, byUser bool) layer {
	var all []*rate.Limiter
	for k, name := range names {
		made := c.site.rates[name]
		switch {
		case made != nil && made.byUser == byUser:
			all = append(all, made.Limiter)
		case made == nil && !byUser: // told once
			if _, there := c.config.Rates[name]; !there {
				c.mistake(fmt.Sprintf("there is no rate %q", name),
					"add it to rates, or correct the name", "routes", i, "rate", k)
			}
		}
	}
	if all == nil {
		return nil
	}
	return func(next http.Handler) http.Handler { return rate.Handler(next, all...) }
}
