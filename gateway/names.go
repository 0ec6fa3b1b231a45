package gateway

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// checkNames tells of names of hosts, methods and headers that no request has, or that a route
// cannot change.
func (c *compiler) checkNames() {
	for i, l := range c.config.Listen {
		if l.TLS != nil && l.TLS.ACME != nil {
			c.checkCertified(l.TLS.ACME.Hosts, "listen", i, "tls", "acme", "hosts")
		}
	}
	for i, r := range c.config.Routes {
		for k, host := range r.Match.Hosts {
			c.checkHost(host, "routes", i, "match", "hosts", k)
		}
		c.checkMethods(r.Match.Methods, "routes", i, "match", "methods")
		if r.CORS != nil {
			c.checkMethods(r.CORS.Methods, "routes", i, "cors", "methods")
		}
		for name := range r.Match.Headers {
			if !isReceived(name) {
				c.mistake(fmt.Sprintf("no request has the header %q", name),
					"write a header's name with hyphens, or hosts for the host", "routes", i, "match", "headers", name)
			}
		}
		c.checkHeaders(r.Headers.Request, "routes", i, "headers", "request")
		c.checkHeaders(r.Headers.Response, "routes", i, "headers", "response")
	}
}

// isReceived tells of headers that requests may have: those with an underscore are refused, and net/http
// takes Host from among them.
func isReceived(name string) bool {
	return httpguts.ValidHeaderFieldName(name) && !strings.Contains(name, "_") &&
		http.CanonicalHeaderKey(name) != "Host"
}

// checkHost takes a host as requests name it, less its port, or all below one.
func (c *compiler) checkHost(host string, way ...any) {
	if name, isBelow := strings.CutPrefix(host, "*."); isHostName(name) || !isBelow && isIP(host) {
		return
	}
	hint := "write one such as shop.example, or *.shop.example for those below it"
	switch {
	case host == "*":
		hint = "leave hosts out for any"
	case strings.Contains(host, "://") || strings.Contains(host, "/"):
		hint = "leave scheme and path out"
	case strings.Contains(host, ":"):
		hint = "leave the port out: it does not matter"
	case strings.HasSuffix(host, "."):
		hint = "leave the last dot out: it does not matter"
	case strings.ContainsFunc(host, func(r rune) bool { return r > '~' }):
		hint = "write it as browsers send it, with labels such as xn--bcher-kva"
	}
	c.mistake(fmt.Sprintf("no request is for the host %q", host), hint, way...)
}

func isHostName(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r > '~' || !isAlphanumeric(byte(r)) && r != '-' && r != '_' && r != '.'
	}) && !slices.Contains(strings.Split(s, "."), "")
}

// isIP tells of addresses, those of version 6 with brackets or without.
func isIP(s string) bool {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return false
		}
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

// checkCertified takes hosts of which each can show by a handshake that it is here.
func (c *compiler) checkCertified(hosts []string, way ...any) {
	for k, host := range hosts {
		at := append(slices.Clip(way), k)
		if strings.HasPrefix(host, "*.") {
			c.mistake(fmt.Sprintf("no handshake can show that %q is here", host), "list each host", at...)
			continue
		}
		c.checkHost(host, at...)
	}
}

func (c *compiler) checkMethods(methods []string, way ...any) {
	for k, m := range methods {
		at := append(slices.Clip(way), k)
		switch upper := strings.ToUpper(m); {
		case !isToken([]byte(m)):
			c.mistake(fmt.Sprintf("%q is no method", m), "write one word, such as GET", at...)
		case m != upper:
			c.mistake(fmt.Sprintf("no request has the method %q", m), "write "+upper, at...)
		case m == http.MethodConnect || m == http.MethodTrace:
			c.mistake(m+" is refused on all routes", "leave it out", at...)
		}
	}
}

// checkReading tells of methods of a match that its action refuses.
func (c *compiler) checkReading(i int, action string) {
	for k, m := range c.config.Routes[i].Match.Methods {
		if m != http.MethodGet && m != http.MethodHead {
			c.mistake(action+" no "+m, "leave it out", "routes", i, "match", "methods", k)
		}
	}
}

func (c *compiler) checkHeaders(h headerChangeConfig, way ...any) {
	for k, name := range h.Remove {
		c.checkHeader(name, "", append(slices.Clip(way), "remove", k)...)
	}
	for name, value := range h.Set {
		c.checkHeader(name, value, append(slices.Clip(way), "set", name)...)
	}
}

// checkHeader takes headers that are a request's or an answer's own, and values of one line.
func (c *compiler) checkHeader(name, value string, way ...any) {
	hint := ""
	switch canonical := http.CanonicalHeaderKey(name); {
	case !httpguts.ValidHeaderFieldName(name):
		hint = "a name has letters, digits and -"
	case canonical == "Host":
		hint = "an upstream gets its own with host: url"
	case slices.Contains(connectionHeaders, canonical):
		hint = "leave it out: it is of each connection"
	case !httpguts.ValidHeaderFieldValue(value):
		c.mistake(fmt.Sprintf("%q cannot stand in a header", value), "use one line of text", way...)
	}
	if hint != "" {
		c.mistake(fmt.Sprintf("the header %q cannot be changed", name), hint, way...)
	}
}

var connectionHeaders = []string{
	"Connection", "Content-Length", "Host", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding",
	"Upgrade",
}
