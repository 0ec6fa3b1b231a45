package gateway

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"net/url"
	"reflect"
	"slices"

	"github.com/kerf-go/kerf/gateway/auth"
	"github.com/kerf-go/kerf/gateway/cache"
	"github.com/kerf-go/kerf/internal/mistake"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/policy"
)

// site is a configuration made ready.
type site struct {
	config    config
	places    []plan.Position // of the addresses to listen on
	admin     plan.Position   // of its address
	trusted   trusted
	routes    []*route
	upstreams map[string]*upstream
	ways      map[string]*auth.Way
	rates     map[string]*limiter
	store     *cache.Store // of answers; nil: no route keeps any
	uses      *uses        // of all sites of a gateway
	used      []io.Closer  // all of the above that must be closed, and files
}

// compiler makes a site of a configuration, and notes every mistake at its place.
type compiler struct {
	document *plan.Document
	config   config
	options  Options
	report   func(upstream string) policy.Observer
	before   *site // nil: there is none
	site     *site
	mistakes plan.Errors

	described []described
	merged    []*merger
	told      *outcomes // nil: no route tells them
	after     []func()  // what can be done once all routes are made
}

func (c *compiler) mistake(what, hint string, way ...any) {
	c.mistakes = append(c.mistakes, plan.Error{Position: c.document.Place(way...), What: what, Hint: hint})
}

// mistakeOf is mistake for an error, which may know its way from there on.
func (c *compiler) mistakeOf(err error, what, hint string, way ...any) {
	c.mistake(what, hint, append(slices.Clip(way), mistake.Way(err)...)...)
}

// compile makes a site, or tells all that is wrong and leaves nothing behind.
func compile(
	d *plan.Document, o Options, report func(upstream string) policy.Observer, before *site,
) (*site, error) {
	c := &compiler{document: d, options: o, report: report, before: before, site: &site{
		upstreams: make(map[string]*upstream), ways: make(map[string]*auth.Way), rates: make(map[string]*limiter),
		uses: &uses{by: make(map[io.Closer]int)},
	}}
	if before != nil {
		c.site.uses = before.uses
	}
	if err := d.Decode(&c.config); err != nil {
		return nil, err
	}
	c.site.config = c.config
	for i, network := range c.config.Trusted {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			c.mistake(fmt.Sprintf("%q is no network", network), "write one such as 10.0.0.0/8", "trusted", i)
		}
		c.site.trusted = append(c.site.trusted, prefix)
	}
	c.checkValues()
	c.listeners()
	for _, name := range slices.Sorted(maps.Keys(c.config.Upstreams)) {
		c.upstream(name, c.config.Upstreams[name])
	}
	c.ways()
	c.rates()
	c.openStore()
	c.checkAdmin()
	for i, config := range c.config.Routes {
		if rt := c.newRoute(i, config); rt != nil {
			c.site.routes = append(c.site.routes, rt)
		}
	}
	for _, do := range c.after {
		do()
	}
	if len(c.config.Routes) == 0 {
		c.mistake("there are no routes",
			"write one, such as routes: [{match: {path: /**}, answer: {body: hello}}]", "routes")
	}
	if len(c.mistakes) > 0 {
		c.site.close(o.Logger)
		slices.SortStableFunc(c.mistakes, func(a, b plan.Error) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, c.mistakes
	}
	return c.site, nil
}

// upstream makes one ready, or takes over that of before, with its connections and what
// its policies know.
func (c *compiler) upstream(name string, config upstreamConfig) {
	if c.before != nil && reflect.DeepEqual(c.before.config.Upstreams[name], config) {
		c.site.upstreams[name] = c.before.upstreams[name]
		c.site.use(c.site.upstreams[name])
		return
	}
	for k, raw := range config.URLs {
		if !isServer(raw) {
			if u, err := url.Parse(raw); err == nil {
				raw = u.Redacted()
			}
			c.mistake(fmt.Sprintf("%q is no server", raw),
				"write one such as http://127.0.0.1:9000 or https://api.example/v2", "upstreams", name, "urls", k)
			return
		}
	}
	observe := c.report(name)
	u, err := newUpstream(config, observe.Replica, policy.NewOutbound(observe))
	if err != nil {
		c.mistakeOf(err, fmt.Sprintf("upstream %s: %v", name, err), "", "upstreams", name)
		return
	}
	c.site.upstreams[name] = u
	c.site.use(u)
}
