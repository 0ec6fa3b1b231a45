package plan

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
)

// placeListeners finds where each process listens, as far as the file says it.
func (r *resolver) placeListeners() {
	for _, s := range r.sites {
		switch {
		case s.raw.listen.set():
			r.placeListen(s)
		case s.raw.link.set():
			r.placeLink(s, s.raw.link)
			s.given = true
		case r.raw.link.set():
			r.placeLink(s, r.raw.link)
		}
		if s.raw.reach.set() {
			r.placeReach(s)
		}
		if s.raw.web.v != "" {
			s.Web = r.hostPort("web of process "+s.Name, s.raw.web)
		}
	}
	if r.raw.admin.set() {
		r.plan.Admin = r.hostPort("admin", r.raw.admin)
	}
}

// placeLink is the short form: any free port of the loopback.
func (r *resolver) placeLink(s *site, link placed[string]) {
	s.linkAt = link.at
	if _, ok := r.knownLink(link); !ok {
		s.broken = true
		return
	}
	s.Listener = r.anywhere(link.v, s)
}

// anywhere is a listener at whatever address is free.
func (r *resolver) anywhere(scheme string, s *site) Listener {
	if l, _ := r.model.link(scheme); l.Broker {
		return r.brokered(scheme, s)
	}
	return Listener{Link: scheme, Listen: scheme + "://127.0.0.1:0"}
}

func (r *resolver) placeListen(s *site) {
	listen := s.raw.listen
	s.given, s.linkAt, s.broken = true, listen.at, true
	scheme, written := schemeOf(listen.v)
	if !written {
		r.badListen(s, r.anyLink())
		return
	}
	if known, ok := r.model.withoutTLS(scheme); ok && known.Broker {
		r.listenThroughBroker(s, known, scheme)
		return
	}
	if _, ok := r.knownLink(placed[string]{scheme, listen.at}); !ok {
		return
	}
	a, ok := parseURL(listen.v)
	if !ok {
		r.badListen(s, scheme)
		return
	}
	if link := s.raw.link; link.set() && link.v != scheme {
		r.add(link.at, fmt.Sprintf("process %s has the link %s, but listens with %s", s.Name, quote(link.v), scheme),
			"listen names the link already: remove link, or change one of them")
		return
	}
	r.checkLoopback("listen of process "+s.Name, a, listen.at)
	s.broken, s.address = false, a
	s.Listener = Listener{Link: scheme, Listen: scheme + "://" + a.String(), Reach: a.callable(scheme)}
}

// badListen tells of a URL that nobody can listen on. link is the one that it names, or any.
func (r *resolver) badListen(s *site, link string) {
	what, right := "is not a URL with a link, a host and a port", "127.0.0.1:9001, with port 0 for any free one"
	if u, err := url.Parse(s.raw.listen.v); err == nil {
		if a, ok := parseAddress(u.Host); ok {
			what, right = "says more than a link, a host and a port", a.String()+", which is all that a plan takes here"
		}
	}
	r.add(s.raw.listen.at, fmt.Sprintf("listen of process %s %s", s.Name, what),
		fmt.Sprintf("write it as %s://%s", link, right))
}

// listenThroughBroker tells of a listener on a link whose processes have none. scheme is
// that link's, or its TLS form.
func (r *resolver) listenThroughBroker(s *site, known Link, scheme string) {
	where := "host:port"
	if u, err := url.Parse(s.raw.listen.v); err == nil {
		if a, ok := parseAddress(u.Host); ok {
			where = a.String()
		}
	}
	r.add(s.raw.listen.at,
		fmt.Sprintf("process %s cannot listen with %s: its calls come through the broker", s.Name, scheme),
		fmt.Sprintf(`write "link: %s" instead, and at the top of the plan where the broker is: "broker: %s://%s"`,
			known.Scheme, scheme, where))
}

func (r *resolver) placeReach(s *site) {
	reach := s.raw.reach
	if !s.raw.listen.set() {
		r.add(reach.at, fmt.Sprintf("process %s has reach, but no listen", s.Name),
			"reach says how others find a fixed address: add listen, or remove reach")
		return
	}
	base, options, optional := strings.Cut(reach.v, "?") // of the link, such as http=1
	scheme, _ := schemeOf(base)
	a, ok := parseURL(base)
	if _, err := url.ParseQuery(options); err != nil || optional && options == "" {
		ok = false
	}
	switch {
	case r.refuseTLS(placed[string]{scheme, reach.at}):
	case !ok || a.port == 0 || a.host == "":
		r.add(reach.at, fmt.Sprintf("reach of process %s is not a URL that can be called", s.Name),
			fmt.Sprintf("write it as %s://%s:9001, with a host and a port above 0",
				cmp.Or(s.Link, r.anyLink()), s.Name))
	case s.broken:
	case scheme != s.Link:
		r.add(reach.at,
			fmt.Sprintf("process %s listens with %s, but is reached with %s", s.Name, s.Link, quote(scheme)),
			"use the same link in both")
	default:
		s.Reach = scheme + "://" + a.String() + strings.TrimPrefix(reach.v, base)
	}
}

// hostPort reads an address without a scheme.
func (r *resolver) hostPort(what string, p placed[string]) string {
	a, ok := parseAddress(p.v)
	if !ok {
		r.add(p.at, what+" is not a host and a port", "write it as 127.0.0.1:8080, with port 0 for any free one")
		return ""
	}
	r.checkLoopback(what, a, p.at)
	return a.String()
}

func (r *resolver) checkLoopback(what string, a address, at Position) {
	if !a.loopback() && !r.raw.insecure.v {
		r.add(at, what+" lets other machines in, and nothing checks who they are",
			fmt.Sprintf(`listen on 127.0.0.1:%d, or accept the risk with "insecure: true" at the top of the plan`,
				a.port))
	}
}

// knownLink finds a link that may join processes.
func (r *resolver) knownLink(link placed[string]) (Link, bool) {
	l, ok := r.model.link(link.v)
	switch {
	case !ok && r.refuseTLS(link):
	case !ok:
		r.add(link.at, "there is no link "+quote(link.v), suggest(link.v, r.model.linkNames(), "link"))
	case l.InProcess:
		r.add(link.at, fmt.Sprintf("the link %s joins services of one process, and cannot join processes", link.v),
			"services of one process use it by themselves; here, "+suggest("", r.model.linkNames(), "link"))
		return Link{}, false
	}
	return l, ok
}

// refuseTLS tells whether link is the TLS form of one, and reports it: a plan has no
// certificates yet.
func (r *resolver) refuseTLS(link placed[string]) bool {
	known, ok := r.model.withoutTLS(link.v)
	if !ok || known.Scheme == link.v {
		return false
	}
	what := fmt.Sprintf("%s is the link %s inside TLS, ", link.v, known.Scheme)
	if known.Broker {
		r.add(link.at, what+"which is a matter of the broker",
			fmt.Sprintf(`write %s, and at the top of the plan "broker: %s://host:port"`, known.Scheme, link.v))
		return true
	}
	r.add(link.at, what+"for which a plan has no certificates",
		fmt.Sprintf("write %s; the TLS forms of links are for kit.Listen and kit.Dial", known.Scheme))
	return true
}

// anyLink is a link to name in examples.
func (r *resolver) anyLink() string {
	if names := r.model.linkNames(); len(names) > 0 {
		return names[0]
	}
	return "http"
}
