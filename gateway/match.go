package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/kerf-go/kerf/internal/pathtemplate"
)

// matcher is a Match made ready.
type matcher struct {
	hosts   map[string]bool        // nil: any
	below   []string               // ".example.com"
	path    *pathtemplate.Template // nil: any
	prefix  string                 // of every path that the template matches, so that most are told at once
	proto   string                 // "": any
	methods []string
	headers map[string]string
	query   map[string]string
	cors    bool // takes preflights for requests that it matches
}

func newMatcher(m matchConfig) (*matcher, error) {
	made := &matcher{headers: make(map[string]string), query: m.Query, proto: m.Proto}
	for _, host := range m.Hosts {
		host = strings.ToLower(host)
		if below, ok := strings.CutPrefix(host, "*."); ok {
			made.below = append(made.below, "."+below)
			continue
		}
		if made.hosts == nil {
			made.hosts = make(map[string]bool)
		}
		made.hosts[host] = true
		if strings.Contains(host, ":") { // an address has brackets, which go with a port
			bare := strings.Trim(host, "[]")
			made.hosts[bare], made.hosts["["+bare+"]"] = true, true
		}
	}
	for name, value := range m.Headers {
		made.headers[http.CanonicalHeaderKey(name)] = value
	}
	for _, method := range m.Methods {
		made.methods = append(made.methods, method)
		if method == http.MethodGet {
			made.methods = append(made.methods, http.MethodHead)
		}
	}
	return made, made.setPath(m.Path)
}

// setPath makes the path's template ready. "" is any path.
func (m *matcher) setPath(text string) error {
	switch text {
	case "":
		return nil
	case "/": // a template has a segment at least
		m.path = new(pathtemplate.Template)
		return nil
	}
	var err error
	if m.path, err = pathtemplate.Parse(text); err != nil {
		return err
	}
	if m.path.Verb != "" {
		return fmt.Errorf("path template %q: a colon parts nothing here: write %%3A for it", text)
	}
	for _, segment := range m.path.Segments {
		if segment == "." || segment == ".." {
			return fmt.Errorf("path template %q: no request has dot segments: write the path that they lead to", text)
		}
		if segment == pathtemplate.One || segment == pathtemplate.Several {
			break
		}
		m.prefix += "/" + encodePath(segment)
	}
	for i, segment := range m.path.Segments {
		m.path.Segments[i] = encodePath(segment)
	}
	return nil
}

func (m *matcher) matches(r *http.Request, host, path string) bool {
	if m.cors && isPreflight(r) { // it does not have the headers yet
		return m.matchesHost(host) && m.matchesPath(path) && m.matchesQuery(r.URL) &&
			(m.methods == nil || slices.Contains(m.methods, r.Header.Get(requestMethod)))
	}
	return m.matchesHost(host) && m.matchesPath(path) &&
		(m.proto == "" || m.proto == visitOf(r.Context()).client.proto) &&
		(m.methods == nil || slices.Contains(m.methods, r.Method)) &&
		m.matchesHeaders(r.Header) && m.matchesQuery(r.URL)
}

func (m *matcher) matchesHost(host string) bool {
	if m.hosts == nil && m.below == nil {
		return true
	}
	return m.hosts[host] || slices.ContainsFunc(m.below, func(end string) bool {
		return strings.HasSuffix(host, end) && len(host) > len(end)
	})
}

func (m *matcher) matchesPath(path string) bool {
	if m.path == nil {
		return true
	}
	if !strings.HasPrefix(path, m.prefix) {
		return false
	}
	rest := path
	for _, segment := range m.path.Segments {
		if segment == pathtemplate.Several {
			return true
		}
		if rest == "" {
			return false
		}
		var have string
		have, rest = rest[1:], ""
		if slash := strings.IndexByte(have, '/'); slash >= 0 {
			have, rest = have[:slash], have[slash:]
		}
		if segment == pathtemplate.One && have == "" || segment != pathtemplate.One && segment != have {
			return false
		}
	}
	return rest == "" || rest == "/" && len(m.path.Segments) == 0
}

func (m *matcher) matchesHeaders(h http.Header) bool {
	for name, value := range m.headers {
		if have := h[name]; len(have) == 0 || value != "*" && !slices.Contains(have, value) {
			return false
		}
	}
	return true
}

func (m *matcher) matchesQuery(u *url.URL) bool {
	if len(m.query) == 0 {
		return true
	}
	query := u.Query()
	for name, value := range m.query {
		if have, ok := query[name]; !ok || value != "*" && !slices.Contains(have, value) {
			return false
		}
	}
	return true
}

// fill puts what the match's variables stand for into a text with {names}. more are
// names beside these. encode keeps a value from meaning more than itself.
func (m *matcher) fill(text, path string, more map[string]string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	pairs := make([]string, 0, 2*len(more)) //nolint:mnd // name and value
	for name, value := range more {
		pairs = append(pairs, "{"+name+"}", value)
	}
	if m.path != nil {
		for _, v := range m.path.Variables {
			value := m.path.Raw(v, path)
			if value == "" { // what stands beside it is one slash, not two
				pairs = append(pairs, "/{"+v.Name+"}/", "/")
			}
			pairs = append(pairs, "{"+v.Name+"}", value)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// unknown finds a {name} in a text for which fill has nothing; "": there is none.
func (m *matcher) unknown(text string, more ...string) string {
	for _, name := range braced.FindAllString(text, -1) {
		plain := name[1 : len(name)-1]
		if !slices.Contains(more, plain) && (m.path == nil || !slices.ContainsFunc(m.path.Variables,
			func(v pathtemplate.Variable) bool { return v.Name == plain })) {
			return name
		}
	}
	return ""
}

var braced = regexp.MustCompile(`\{[^}]*\}`)

// hostOf is the host that a request is for, in lower case, without port and final dot.
func hostOf(r *http.Request) string {
	host := r.Host
	if strings.IndexByte(host, ':') >= 0 { // else the error would be a part of the work
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
	}
	host = strings.TrimSuffix(host, ".")
	for i := range len(host) {
		if 'A' <= host[i] && host[i] <= 'Z' {
			return strings.ToLower(host)
		}
	}
	return host
}

// variable gives what finds in a path what a variable stands for, which is one segment, decoded.
func (m *matcher) variable(name string) (func(path string) string, error) {
	if m.path != nil {
		for _, v := range m.path.Variables {
			if v.Name != name {
				continue
			}
			if m.path.Multi(v) {
				return nil, fmt.Errorf("{%s} may hold a slash: only a variable of one segment can be compared", name)
			}
			return func(path string) string {
				value, _ := m.path.Value(v, path) // what is not UTF-8 is nobody
				return value
			}, nil
		}
	}
	return nil, fmt.Errorf("the path of the match has no variable {%s}", name)
}
