package gateway

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/transcode"
)

// route is a Route made ready.
type route struct {
	name    string
	match   *matcher
	rewrite string
	headers headerChanges
	timeout time.Duration
	paths   pathsConfig
	cors    *cors // nil: none
	limits  bodyLimits
	handler http.Handler
}

// newRoute makes a route ready. Mistakes are told at their places, and then it is nil.
func (c *compiler) newRoute(i int, config routeConfig) *route {
	m, err := newMatcher(config.Match)
	if err != nil {
		c.mistake(err.Error(), "see the documentation of routes", "routes", i, "match", "path")
		return nil
	}
	if p := config.Match.Proto; p != "" && !isScheme(p) {
		c.mistake(fmt.Sprintf("proto is %q", p), "write http or https", "routes", i, "match", "proto")
		return nil
	}
	if name := m.unknown(config.Rewrite); name != "" {
		c.mistake("nothing stands for "+name, "use the names of the path's template", "routes", i, "rewrite")
	}
	rt := &route{
		name: cmp.Or(config.Name, strconv.Itoa(i+1)), match: m, rewrite: config.Rewrite,
		timeout: config.Timeout, paths: config.Paths,
		limits:  newBodyLimits(c.config.Limits, config),
		headers: headerChanges{newHeaderChange(config.Headers.Request), newHeaderChange(config.Headers.Response)},
	}
	rt.cors = c.cors(i, config, m)
	action := c.action(i, config, rt)
	if action == nil {
		return nil
	}
	for _, layer := range slices.Backward(c.layers(i, config, rt)) {
		if layer != nil {
			action = layer(action)
		}
	}
	rt.handler = action
	return rt
}

// layer puts something around what answers.
type layer func(next http.Handler) http.Handler

// layers are what a route asks for, in the order in which a request passes them. One
// that it does not ask for is nil.
func (c *compiler) layers(i int, config routeConfig, rt *route) []layer {
	return []layer{
		rt.headers.outer(),
		rt.cors.layer(),
		c.rate(i, config.Rate, false),
		c.auth(i, config, rt),
		c.rate(i, config.Rate, true),
		c.validate(i, config.Validate),
		c.cache(i, config),
		c.compress(i, config),
		c.transform(i, config.Transform, rt),
		timeout(config.Timeout),
		rt.headers.layer(),
	}
}

// actions are the keys of what may answer.
const actions = "proxy, split, call, outcomes, merge, openapi, pages, files, redirect and answer"

// action is what answers in the end; nil: there was a mistake.
func (c *compiler) action(i int, config routeConfig, rt *route) (action http.Handler) {
	var set []string
	try := func(name string, given bool, build func() http.Handler) {
		if given {
			set = append(set, name)
			action = build()
		}
	}
	try("proxy", config.Proxy != "", func() http.Handler {
		return c.proxy(rt, []shareConfig{{config.Proxy, 1}}, "routes", i, "proxy")
	})
	try("split", config.Split != nil, func() http.Handler { return c.proxy(rt, config.Split, "routes", i, "split") })
	try("call", config.Call != nil, func() http.Handler { return c.call(i, config.Call, rt) })
	try("files", config.Files != nil, func() http.Handler { return c.files(i, *config.Files, rt) })
	try("redirect", config.Redirect != nil, func() http.Handler { return c.redirect(i, *config.Redirect, rt) })
	try("answer", config.Answer != nil, func() http.Handler { return c.answer(i, *config.Answer) })
	try("outcomes", config.Outcomes, func() http.Handler { return c.newOutcomes(i, rt) })
	try("pages", config.Pages, func() http.Handler { return c.pages(i, rt) })
	try("openapi", config.OpenAPI != nil, func() http.Handler { return c.openapi(i, *config.OpenAPI) })
	try("merge", config.Merge != nil, func() http.Handler { return c.merge(i, *config.Merge, config.Timeout, rt) })
	switch len(set) {
	case 0:
		c.mistake("the route does not say what answers", "give it one of "+actions, "routes", i)
	case 1:
		return action
	default:
		c.mistake("the route has "+strings.Join(set, " and "), "only one can answer", "routes", i)
	}
	return nil
}

func (c *compiler) proxy(rt *route, shares []shareConfig, way ...any) http.Handler {
	var made []share
	total := 0
	for _, s := range shares {
		u := c.site.upstreams[s.To]
		if u == nil {
			c.noUpstream(s.To, way...)
			return nil
		}
		total += s.Weight
		made = append(made, share{u, s.Weight})
	}
	if total == 0 {
		c.mistake("no share has a weight", "give one a weight of 1 or more", way...)
		return nil
	}
	return newProxy(made, rt)
}

// noUpstream tells of a name that is no upstream's. Of one with a mistake of its own there
// has been word.
func (c *compiler) noUpstream(name string, way ...any) {
	if _, there := c.config.Upstreams[name]; !there {
		c.mistake(fmt.Sprintf("there is no upstream %q", name), "add it to upstreams, or correct the name", way...)
	}
}

// services are those of the app with these names.
func (c *compiler) services(names []string, way ...any) (services []transcode.Service, ok bool) {
	for k, name := range names {
		found, ok := c.options.Services[name]
		if !ok {
			c.mistake(fmt.Sprintf("there is no service %q to call", name),
				"name one that the gateway's service has in its Calls", append(slices.Clip(way), k)...)
			return nil, false
		}
		for _, s := range found {
			s.Conn = discreet{s.Conn}
			services = append(services, s)
		}
	}
	return services, true
}

// transcoder answers JSON by the methods of services; nil: there was a mistake.
func (c *compiler) transcoder(services []transcode.Service, o transcode.Options, way ...any) *transcode.Handler {
	h, err := transcode.New(services, o)
	if err != nil {
		c.mistake(err.Error(), "change the annotations of these methods", way...)
		return nil
	}
	return h
}

// pages answers by those of the same process.
func (c *compiler) pages(i int, rt *route) http.Handler {
	if c.options.Pages == nil || len(c.config.Listen) > 0 {
		c.mistake("there are no pages that the gateway stands before",
			"place it as a service of a plan's process, and let it listen on the process's web address",
			"routes", i, "pages")
		return nil
	}
	return forwarding(c.options.Pages, rt)
}

// call answers by the methods of services.
func (c *compiler) call(i int, names []string, rt *route) http.Handler {
	if len(names) == 0 {
		c.mistake("there is no service to call", "name one that the gateway's service has in its Calls",
			"routes", i, "call")
		return nil
	}
	services, ok := c.services(names, "routes", i, "call")
	if !ok {
		return nil
	}
	services = c.rules(i, services)
	var o transcode.Options
	if slices.ContainsFunc(c.config.Routes, func(r routeConfig) bool { return r.Outcomes }) {
		o.Accepted = c.location
	}
	h := c.transcoder(services, o, "routes", i, "call")
	if h == nil {
		return nil
	}
	c.described = append(c.described, described{rt, services, h.Operations()})
	calls, err := newRPC(services, h, link.ListenOptions{Logger: c.options.Logger})
	if err != nil {
		c.mistake(err.Error(), "name each service once", "routes", i, "call")
		return nil
	}
	return forwarding(calls, rt)
}

func timeout(after time.Duration) layer {
	if after == 0 {
		return nil
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), after)
			defer cancel()
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// check refuses paths that the route does not take.
func (rt *route) check(p path) error {
	switch {
	case p.encodedSlash && !rt.paths.EncodedSlash:
		return status.Error(codes.InvalidArgument, "the path has an encoded slash, which is not taken here")
	case p.emptySegment && !rt.paths.EmptySegment:
		return status.Error(codes.InvalidArgument, "the path has an empty segment, which is not taken here")
	}
	return nil
}

// upstreamPath is the path that an upstream is asked for.
func (rt *route) upstreamPath(r *http.Request) string {
	v := visitOf(r.Context())
	if rt.rewrite == "" {
		return v.path.canonical
	}
	return rt.match.fill(rt.rewrite, v.path.canonical, nil)
}
