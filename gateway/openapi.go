package gateway

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/kerf-go/kerf/transcode"
	"github.com/kerf-go/kerf/transcode/openapi"
)

// described are the operations of a route that calls services.
type described struct {
	route    *route
	services []transcode.Service
	all      []transcode.Operation
}

// openapi answers with the document of what the configuration's calls serve, or with a page that
// shows it. The document can be made only once all routes are.
func (c *compiler) openapi(i int, config openapiConfig) http.Handler {
	if config.Page != "" {
		return openapi.Page(config.Page)
	}
	for k, name := range config.Services {
		if _, ok := c.options.Services[name]; !ok {
			c.mistake(fmt.Sprintf("there is no service %q to describe", name),
				"name one that the gateway's service has in its Calls", "routes", i, "openapi", "services", k)
		}
	}
	d := new(document)
	c.after = append(c.after, func() {
		text, err := openapi.Document(openapi.Info{
			Title: config.Title, Version: config.Version, Description: config.Description,
		}, c.served(config.Services), c.merges(config.Services)...)
		if err != nil {
			c.mistake(err.Error(), "", "routes", i, "openapi")
		}
		d.text = text
	})
	return d
}

// wanted are the full names of services.
func (c *compiler) wanted(services []string) map[string]bool {
	wanted := make(map[string]bool)
	for _, name := range services {
		for _, s := range c.options.Services[name] {
			wanted[string(s.Desc.FullName())] = true
		}
	}
	return wanted
}

// served are the operations that a route leads to, of all services unless some are named.
func (c *compiler) served(services []string) []transcode.Operation {
	wanted := c.wanted(services)
	var all []transcode.Operation
	for _, d := range c.described {
		for _, o := range d.all {
			if (services == nil || wanted[string(o.Method.Parent().FullName())]) && c.leads(d.route, o.Verb, o.Path) {
				all = append(all, o)
			}
		}
	}
	return all
}

var inBraces = regexp.MustCompile(`\{[^}]*\}`)

// leads tells whether requests for a path, with names in braces, come to a route: whether no other
// takes them all before.
func (c *compiler) leads(to *route, verb, path string) bool {
	path = inBraces.ReplaceAllString(path, "1")
	for _, rt := range c.site.routes {
		m := rt.match
		if !m.matchesPath(path) || m.methods != nil && !slices.Contains(m.methods, verb) {
			continue
		}
		if rt == to {
			return true
		}
		if m.hosts == nil && m.below == nil && len(m.headers) == 0 && len(m.query) == 0 {
			return false
		}
	}
	return false
}

// document is one that is always the same.
type document struct{ text []byte }

func (d *document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(d.text)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodHead {
		_, _ = w.Write(d.text) //nolint:gosec // the client is gone if this fails
	}
}
