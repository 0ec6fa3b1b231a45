package gateway

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/kerf-go/kerf/gateway/auth"
)

// ways makes those of the configuration ready, with routes to the pages of those that have
// some. One that has not changed is taken over from the site before, with the keys that it has fetched.
func (c *compiler) ways() {
	pages := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(c.config.Auth)) {
		config := c.config.Auth[name]
		way, err := c.way(name, config)
		if err != nil {
			c.mistakeOf(err, fmt.Sprintf("auth %s: %v", name, err), "", "auth", name)
			continue
		}
		c.site.ways[name] = way
		c.site.use(way)
		path, handler := way.Pages()
		if path == "" {
			continue
		}
		if other, taken := pages[path]; taken {
			c.mistake(fmt.Sprintf("auth %s: its pages are where those of %s are, below %s", name, other, path),
				"write another path", "auth", name, "oidc", "path")
			continue
		}
		pages[path] = name
		m, err := newMatcher(matchConfig{Path: path + "/**"})
		if err != nil {
			c.mistake(err.Error(), "", "auth", name, "oidc", "path")
			continue
		}
		c.site.routes = append(c.site.routes, &route{name: "auth " + name, match: m, handler: handler})
	}
}

func (c *compiler) way(name string, config auth.Config) (*auth.Way, error) {
	if c.before != nil && c.before.ways[name] != nil && !config.Reads() &&
		reflect.DeepEqual(c.before.config.Auth[name], config) {
		return c.before.ways[name], nil
	}
	return auth.New(name, config, auth.Options{Origin: originOf, Refused: noteError})
}

// originOf is where a client sees the gateway.
func originOf(r *http.Request) string {
	v := visitOf(r.Context())
	return v.client.proto + "://" + cmp.Or(v.client.host, r.Host)
}

// auth lets only requests pass whose sender is known and allowed. Credentials that are for
// the gateway alone are taken off at every route.
func (c *compiler) auth(i int, config routeConfig, rt *route) layer {
	guard := &auth.Guard{Found: noteUser, Refused: noteError}
	for k, name := range config.Auth {
		way := c.site.ways[name]
		if way == nil {
			if _, there := c.config.Auth[name]; !there {
				c.mistake(fmt.Sprintf("there is no way %q to find out who has sent a request", name),
					"add it to auth at the top, or correct the name", "routes", i, "auth", k)
			}
			return nil
		}
		guard.Ways = append(guard.Ways, way)
	}
	for name, way := range c.site.ways {
		// The header of tokens may be an upstream's own at other routes.
		if c.config.Auth[name].JWT == nil || slices.Contains(config.Auth, name) {
			guard.Hide = append(guard.Hide, way)
		}
	}
	if len(config.Auth) == 0 && len(config.Allow) > 0 {
		c.mistake("allow needs to know who has sent a request", "add auth to the route", "routes", i, "allow")
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(config.Allow)) {
		rule, err := rt.rule(name, config.Allow[name])
		if err != nil {
			c.mistake(err.Error(), "", "routes", i, "allow", name)
			return nil
		}
		guard.Rules = append(guard.Rules, rule)
	}
	if rt.cors != nil && rt.cors.credentials {
		guard.Trusted = rt.cors.allows
	}
	if len(guard.Ways) == 0 && len(guard.Hide) == 0 {
		return nil
	}
	return guard.Around
}

// rule reads an entry of allow: a claim and its value, or a variable of the path and the
// {claim} that it has to be.
func (rt *route) rule(name, value string) (auth.Rule, error) {
	claim, isClaim := strings.CutPrefix(value, "{")
	if !isClaim {
		if value == "" {
			return nil, fmt.Errorf("the claim %s has to be something: write its value", name)
		}
		return auth.Claim(name, value), nil
	}
	claim, closed := strings.CutSuffix(claim, "}")
	if !closed || claim == "" {
		return nil, fmt.Errorf("%q names no claim: write one such as {sub}", value)
	}
	about, err := rt.match.variable(name)
	if err != nil {
		return nil, err
	}
	return auth.Owner(claim, func(r *http.Request) string { return about(visitOf(r.Context()).path.canonical) }), nil
}

func noteUser(r *http.Request, c *auth.Caller) {
	if v := visitOf(r.Context()); v != nil {
		v.user, v.caller = c.Subject, c
	}
}
