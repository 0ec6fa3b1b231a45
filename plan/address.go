package plan

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// address is a host and a port. The host "" is every address of the machine.
type address struct {
	host string
	port int // 0: any free one
}

// parseAddress reads host:port; IPv6 hosts stand in brackets.
func parseAddress(s string) (address, bool) {
	host, port, err := net.SplitHostPort(s)
	if err != nil || !goodHost(host) {
		return address{}, false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return address{host, int(n)}, err == nil
}

// schemeOf is what a URL begins with, in lower case.
func schemeOf(s string) (scheme string, ok bool) {
	scheme, _, ok = strings.Cut(s, "://")
	return strings.ToLower(scheme), ok
}

// parseURL reads scheme://host:port, and nothing more than that.
func parseURL(s string) (address, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return address{}, false
	}
	if u.Path != "" && u.Path != "/" || u.ForceQuery || u.Opaque != "" {
		return address{}, false
	}
	return parseAddress(u.Host)
}

// goodHost takes IP addresses, names as DNS has them, and "" for every address.
func goodHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return true
	}
	return len(host) <= 253 && strings.Trim(host, wordLetters+".-") == ""
}

func (a address) String() string { return net.JoinHostPort(a.host, strconv.Itoa(a.port)) }

// loopback tells whether only this machine can reach the address. Names other
// than localhost are not looked up: what they mean may change.
func (a address) loopback() bool {
	ip, err := netip.ParseAddr(a.host)
	return a.host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// everywhere tells whether the address is every one of the machine.
func (a address) everywhere() bool {
	ip, err := netip.ParseAddr(a.host)
	return a.host == "" || err == nil && ip.Unmap().IsUnspecified()
}

// clashes tells whether two listeners cannot both have their addresses.
func (a address) clashes(b address) bool {
	return a.port != 0 && a.port == b.port && (a.everywhere() || b.everywhere() || a.place() == b.place())
}

// place gives one spelling to hosts that are the same.
func (a address) place() string {
	if a.host == "localhost" {
		return "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(a.host); err == nil {
		return ip.Unmap().String()
	}
	return strings.ToLower(a.host)
}

// callable is the address under which this machine reaches a listener; "" while
// the port is open.
func (a address) callable(scheme string) string {
	if a.port == 0 {
		return ""
	}
	switch {
	case a.host == "::":
		a.host = "::1"
	case a.everywhere():
		a.host = "127.0.0.1"
	}
	return scheme + "://" + a.String()
}
