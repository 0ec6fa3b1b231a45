package gateway

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/kerf-go/kerf/internal/pathtemplate"
	"github.com/kerf-go/kerf/transcode/openapi"
)

// merges are what the merges of the configuration are to those who read its document: of all services
// unless some are named, and then of those whose parts are theirs.
func (c *compiler) merges(services []string) []openapi.Merged {
	var all []openapi.Merged
	wanted := c.wanted(services)
	for _, m := range c.merged {
		foreign := slices.ContainsFunc(m.parts, func(p *part) bool {
			return p.answers == nil || !wanted[string(p.answers.Method.Parent().FullName())]
		})
		if m.route.match.path == nil || services != nil && foreign {
			continue
		}
		if d := m.describe(); c.leads(m.route, http.MethodGet, d.Path) {
			all = append(all, d)
		}
	}
	return all
}

func (m *merger) describe() openapi.Merged {
	d := openapi.Merged{ID: m.route.name}
	if _, err := strconv.Atoi(d.ID); err == nil { // its place in the list
		d.ID = "merge." + d.ID
	}
	d.Path, d.Open = m.route.match.described()
	needed := m.needed()
	for _, p := range m.parts {
		d.Parts = append(d.Parts, openapi.Part{Name: p.name, Optional: p.optional, Of: p.answers, Field: p.field})
		if needed[p.name] {
			d.Query = append(d.Query, p.get.parameters()...)
		} else {
			d.May = append(d.May, p.get.parameters()...)
		}
	}
	slices.Sort(d.Query)
	d.Query = slices.Compact(d.Query)
	slices.Sort(d.May)
	d.May = slices.DeleteFunc(slices.Compact(d.May), func(name string) bool { return slices.Contains(d.Query, name) })
	return d
}

// needed are the parts without which there is no answer: those that are required, and what these need.
func (m *merger) needed() map[string]bool {
	all := make(map[string]bool)
	var need func(name string)
	need = func(name string) {
		all[name] = true
		i := slices.IndexFunc(m.parts, func(p *part) bool { return p.name == name })
		for _, other := range m.parts[i].get.parts() {
			need(other)
		}
	}
	for _, p := range m.parts {
		if !p.optional {
			need(p.name)
		}
	}
	return all
}

// parameters are those of the query that a blank has.
func (b *blank) parameters() []string {
	var all []string
	for _, p := range b.pieces {
		if p.kind == fromQuery {
			all = append(all, p.name)
		}
	}
	return all
}

// described is the path with a name in braces for each star, the name of its variable if that is one
// segment; open tells that the last stands for any number of segments.
func (m *matcher) described() (path string, open bool) {
	taken := make(map[string]bool)
	for i, segment := range m.path.Segments {
		if segment == pathtemplate.One || segment == pathtemplate.Several {
			base := "any"
			for _, v := range m.path.Variables {
				if i >= v.From && i < v.To {
					base = v.Name
				}
			}
			name := base
			for n := 2; taken[name]; n++ {
				name = base + strconv.Itoa(n)
			}
			taken[name] = true
			segment = "{" + name + "}"
		}
		path += "/" + segment
	}
	if path == "" {
		path = "/"
	}
	return path, m.path.Rest()
}
