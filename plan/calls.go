package plan

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// checkMethods gathers what the plan says of methods; what a process says of its
// own methods goes before what the plan says of all.
func (r *resolver) checkMethods() {
	r.rules = map[string]*rule{}
	for _, m := range r.raw.methods.v {
		r.checkMethod(m.name, m.v, nil)
	}
	for _, s := range r.sites {
		for _, m := range s.raw.methods.v {
			r.checkMethod(m.name, m.v, s)
		}
	}
}

// checkMethod checks one entry; s is the process that has it, if one has.
func (r *resolver) checkMethod(name placed[string], said *fileMethod, s *site) {
	owner, method, ok := r.model.method(name.v)
	if !ok && r.ofStranger(name.v) {
		return
	}
	if !ok {
		r.add(name.at, "the app has no method "+quote(name.v), r.suggestMethod(name.v))
		return
	}
	if home := r.homes[owner]; s != nil && home != nil && home != s {
		r.add(name.at, fmt.Sprintf("process %s does not serve %s: service %s is in process %s",
			s.Name, name.v, owner, home.Name),
			fmt.Sprintf("move the entry to process %s, or to methods at the top of the plan", home.Name))
	}
	known := r.rules[name.v]
	if known == nil {
		known = &rule{}
		r.rules[name.v] = known
	}
	if said.deadline.set() {
		known.deadline = said.deadline
	}
	if said.share.set() {
		known.share = said.share
	}
	if said.link.set() {
		known.link = said.link
		if l, ok := r.knownLink(said.link); ok {
			r.checkStream(method, l, said.link)
		}
	}
	if said.wait.set() {
		known.wait = said.wait
		r.checkAnswer(method, said.wait)
	}
}

// ofStranger tells of methods that a service may have which the model does not know.
func (r *resolver) ofStranger(method string) bool {
	service, _, _ := strings.Cut(method, "/")
	known := slices.ContainsFunc(r.model.Services, func(s Service) bool { return slices.Contains(s.Serves, service) })
	return r.strangers && !known
}

func (r *resolver) suggestMethod(got string) string {
	got = strings.TrimPrefix(got, "/")
	service, method, _ := strings.Cut(got, "/")
	names, same := r.model.methodNames(), []string(nil)
	for _, n := range names {
		if s, m, _ := strings.Cut(n, "/"); s == service {
			same = append(same, m)
		}
	}
	if best, ok := nearest(method, same); ok {
		return fmt.Sprintf("did you mean %s/%s?", service, best)
	}
	if len(same) > 0 {
		return fmt.Sprintf("%s has %s", service, joined(same, "and"))
	}
	if best, ok := nearest(got, names); ok {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "write it as package.Service/Method, as the .proto file has it"
}

func (r *resolver) checkStream(m Method, l Link, named placed[string]) {
	if !m.streams() || l.Streams {
		return
	}
	var able []string
	for _, other := range r.model.Links {
		if other.Streams && !other.InProcess {
			able = append(able, other.Scheme)
		}
	}
	hint := "put caller and callee into one process"
	if len(able) > 0 {
		hint = fmt.Sprintf("name one that does (%s) for this method, under methods; or %s", listed(able), hint)
	}
	r.add(named.at, fmt.Sprintf("%s is a %s, and the link %s carries no streams", m.Name, m.kind(), l.Scheme), hint)
}

// connect finds the way of every call, and with it which processes must listen.
func (r *resolver) connect() {
	called := map[*site]bool{}
	var others methodPolicy
	r.settle("", Method{}, &others)
	r.plan.others = others.settings
	for _, to := range r.model.Services {
		for _, m := range to.Methods {
			r.plan.methods[m.Name] = r.policy(to.Name, m)
		}
	}
	r.tellMisfits()
	for _, from := range r.model.Services {
		for _, name := range from.Calls {
			to, known := r.model.service(name)
			if a, b := r.homes[from.Name], r.homes[name]; known && a != nil && b != nil {
				r.connectPair(from, to, a, b, called)
			}
		}
	}
	r.settleBalance()
	for _, s := range r.sites {
		switch {
		case r.strangers:
			r.listenToStrangers(s)
		case !s.given && !called[s]:
			s.Listener = Listener{}
		}
	}
}

// listenToStrangers makes a process listen on all that the plan says of it: services
// that the model does not know may call it.
func (r *resolver) listenToStrangers(s *site) {
	for _, name := range s.Services {
		service, _ := r.model.service(name)
		for _, m := range service.Methods {
			if rule := r.rules[m.Name]; rule != nil && rule.link.set() {
				r.listenOn(s, rule.link.v)
			}
		}
	}
}

// listenOn adds a listener for a link, if there is none.
func (r *resolver) listenOn(s *site, link string) {
	has := slices.ContainsFunc(s.More, func(l Listener) bool { return l.Link == link })
	if link != s.Link && !has {
		s.More = append(s.More, r.anywhere(link, s))
	}
}

func (r *resolver) policy(owner string, m Method) methodPolicy {
	var p methodPolicy
	if rule := r.rules[m.Name]; rule != nil {
		p.shared, p.wait = rule.share.v, rule.wait.v
	}
	said, from := r.deadlineOf(owner, m)
	p.deadline = said.v
	if said.v > 0 || !m.streams() {
		p.applied = []Applied{{deadlineKey, deadlineText(said.v), from, said.at}}
	}
	r.settle(owner, m, &p)
	return p
}

// deadlineOf is how long callers of a method wait, and which entry says so; "": none does.
func (r *resolver) deadlineOf(owner string, m Method) (said placed[time.Duration], from string) {
	if rule := r.rules[m.Name]; rule != nil && rule.deadline.set() {
		return rule.deadline, m.Name
	}
	if m.streams() {
		return said, ""
	}
	for _, e := range r.entriesOf(owner, m) {
		if e.said.deadline.set() {
			return e.said.deadline, e.pattern.v
		}
	}
	if r.raw.deadline.set() {
		return r.raw.deadline, deadlineKey
	}
	return placed[time.Duration]{v: r.plan.deadline}, ""
}

// connectPair adds the calls of one service to another.
func (r *resolver) connectPair(from, to Service, a, b *site, called map[*site]bool) {
	for _, m := range to.Methods {
		policy := r.plan.methods[m.Name]
		c := Call{
			From: from.Name, To: to.Name, FromProcess: a.Name, ToProcess: b.Name,
			Method: m.Name, Kind: m.kind(), Deadline: policy.deadline, Wait: policy.wait,
		}
		if a == b {
			c.Link, c.Shared = r.inProcess(), policy.shared
		} else {
			c.Link = r.reach(from, m, b, called)
		}
		r.checkQueue(c)
		r.plan.Calls = append(r.plan.Calls, c)
	}
}

func (r *resolver) inProcess() string {
	for _, l := range r.model.Links {
		if l.InProcess {
			return l.Scheme
		}
	}
	return "inproc"
}

// reach finds the link of a call into another process, and notes in the process
// that it needs it.
func (r *resolver) reach(from Service, m Method, to *site, called map[*site]bool) string {
	rule := r.rules[m.Name]
	if rule != nil && rule.link.set() && rule.link.v != to.Link {
		r.listenOn(to, rule.link.v)
		return rule.link.v
	}
	called[to] = true
	if to.Link == "" && !to.broken {
		r.add(to.at, fmt.Sprintf("service %s calls process %s from another process, but %s has no link",
			from.Name, to.Name, to.Name),
			fmt.Sprintf(`add "link: %s" to the process, or to the top of the plan`, r.anyLink()))
		to.broken = true
	}
	if l, ok := r.model.link(to.Link); ok && to.Link != "" {
		r.checkStream(m, l, placed[string]{to.Link, to.linkAt})
	}
	r.checkBothWays(m, to)
	return to.Link
}

// checkBothWays refuses a stream that HTTP/1.1, for which a reach may ask, cannot carry.
func (r *resolver) checkBothWays(m Method, to *site) {
	_, options, _ := strings.Cut(to.Reach, "?")
	asked, err := url.ParseQuery(options)
	if err != nil || !m.ClientStream || !m.ServerStream || to.Link != "http" {
		return
	}
	if version := asked.Get("http"); version == "1" || version == "1.1" {
		r.add(to.raw.reach.at, m.Name+" streams in both directions, which HTTP/1.1 cannot",
			fmt.Sprintf("leave http=%s out of reach, or name another link for this method, under methods", version))
	}
}
