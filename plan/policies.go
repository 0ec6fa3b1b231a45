package plan

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/policy"
)

// Applied is one policy of a method, and why it is so.
type Applied struct {
	Policy string // "retry"
	What   string // in words; "off"
	From   string // the entry: "*", a service or a method; "deadline", the plan's own; "": the default
	At     Position
}

// policyEntry is an entry of policies on its way.
type policyEntry struct {
	pattern placed[string]
	said    *filePolicy
	rank    int // the higher, the more specific
}

// ranks of entries: all, all methods of several services by a pattern with ever more letters, those of
// one, some methods by such a pattern, one method.
const (
	rankAll      = 0
	rankServices = 1 // and one more for each letter
	rankService  = 1 << 19
	rankPattern  = 1<<19 + 2 // and one more for each letter
	rankMethod   = 1 << 20
)

// placePolicies checks the entries of policies, the most specific first.
func (r *resolver) placePolicies() {
	for _, e := range r.raw.policies.v {
		entry := policyEntry{pattern: e.name, said: e.v, rank: r.rankOf(e.name)}
		if entry.rank < 0 {
			continue
		}
		r.checkBalance(entry)
		r.checkUse(entry)
		r.checkDeadline(entry)
		r.checkBounds(e.v)
		r.policies = append(r.policies, entry)
	}
	slices.SortStableFunc(r.policies, func(a, b policyEntry) int { return cmp.Compare(b.rank, a.rank) })
}

// rankOf tells how specific an entry is; -1: it is a mistake.
func (r *resolver) rankOf(name placed[string]) int {
	if name.v == "*" {
		return rankAll
	}
	if !strings.Contains(name.v, "/") {
		service, ok := r.model.service(name.v)
		if ok && !service.Absent && len(service.Methods) == 0 {
			r.servesNothing(name, service)
			return -1
		}
		if ok || r.homes[name.v] != nil {
			return rankService
		}
		r.add(name.at, fmt.Sprintf("policies are for %s, which is no service of the app", quote(name.v)),
			suggest(name.v, r.model.serviceNames(), "service")+
				`; or write "*", or a method, such as pkg.v1.Service/Get*`)
		return -1
	}
	if _, err := path.Match(name.v, ""); err != nil {
		r.add(name.at, quote(name.v)+" is no pattern", "write * for any letters, as in pkg.v1.Service/Get*")
		return -1
	}
	if _, _, ok := r.model.method(name.v); ok {
		return rankMethod
	}
	fits := func(method string) bool { return matches(name.v, method) }
	if !slices.ContainsFunc(r.model.methodNames(), fits) && !r.ofStranger(name.v) {
		r.add(name.at, "the app has no method "+quote(name.v), r.suggestMethod(name.v))
		return -1
	}
	return rankOfPattern(name.v)
}

func rankOfPattern(pattern string) int {
	letters := len(strings.ReplaceAll(pattern, "*", ""))
	service, method, _ := strings.Cut(pattern, "/")
	switch {
	case strings.Trim(method, "*") != "":
		return rankPattern + letters
	case strings.ContainsAny(service, `*?[\`):
		return rankServices + letters
	default:
		return rankService + 1 // it is one service's, too, and says so by its methods
	}
}

// ofMethods tells whether an entry names methods, and not a service.
func (e policyEntry) ofMethods() bool { return strings.Contains(e.pattern.v, "/") }

// The reasons why a method cannot have what may let it run twice, or what hides that it did not
// run, and what to do about it.
const (
	unmarked    = "marked idempotent, so that it might run twice"
	effects     = "marked as without side effects"
	markToHedge = "mark it option idempotency_level = NO_SIDE_EFFECTS in its .proto, or "
	markToRetry = "mark it option idempotency_level = IDEMPOTENT in its .proto, or leave retry out: what was never " +
		"sent is repeated anyway"
)

// checkUse refuses what an entry for a service or a pattern says in vain, as none of its methods
// can have it.
func (r *resolver) checkUse(e policyEntry) {
	if e.rank == rankAll || e.rank == rankMethod || r.strangers {
		return
	}
	idempotent, readOnly, streams := false, false, false
	for _, s := range r.model.Services {
		for _, m := range s.Methods {
			if e.about(s.Name, m) {
				idempotent, readOnly = idempotent || m.Idempotent, readOnly || m.ReadOnly
				streams = streams || m.streams()
			}
		}
	}
	none := "no method of " + e.pattern.v + " is "
	if e.said.hedge.v != nil && !idempotent {
		r.add(e.said.hedge.at, none+unmarked, markToHedge+"leave hedge out")
	}
	if e.said.fallback.v != nil && e.said.fallback.v.Last && !readOnly {
		r.add(e.said.fallback.at, none+effects, markToHedge+"leave fallback out")
	}
	if e.said.retry.v != nil && !idempotent && e.ofMethods() { // a service may well have other attempts
		r.add(e.said.retry.at, none+unmarked, markToRetry)
	}
	if e.said.idle.v != nil && !streams {
		r.add(e.said.idle.at, none+"a stream", "leave idle out: the deadline bounds other calls")
	}
}

// about tells whether an entry is about a method of a service.
func (e policyEntry) about(owner string, m Method) bool {
	return e.rank == rankAll || e.pattern.v == owner || matches(e.pattern.v, m.Name)
}

// matches tells whether a pattern fits a method.
func matches(pattern, method string) bool {
	ok, _ := path.Match(pattern, method)
	return ok
}

// entriesOf are the entries about a method of a service, the most specific first.
func (r *resolver) entriesOf(owner string, m Method) []policyEntry {
	var all []policyEntry
	for _, e := range r.policies {
		if e.about(owner, m) {
			all = append(all, e)
		}
	}
	return all
}

// origin is where a policy of a method comes from.
type origin struct {
	entry policyEntry
	at    Position
}

// settling is a method on its way to its policies.
type settling struct {
	*resolver
	owner   string
	method  Method
	entries []policyEntry     // about the method
	origins map[string]origin // by policy; the defaults have none
	lacks   []string          // policies that it cannot have
	policy.Settings
}

// settle gives a method its policies: of each the most specific that is said, whole, or
// else the default. A method without a name stands for those that the app does not have.
func (r *resolver) settle(owner string, m Method, p *methodPolicy) {
	s := &settling{r, owner, m, r.entriesOf(owner, m), map[string]origin{}, nil, policy.Defaults()}
	s.Idempotent = m.Idempotent
	choose(s, "bulkhead", &s.Bulkhead, func(f *filePolicy) placed[*policy.Bulkhead] { return f.bulkhead })
	choose(s, "breaker", &s.Breaker, func(f *filePolicy) placed[*policy.Breaker] { return f.breaker })
	choose(s, retryPolicy, &s.Retry, func(f *filePolicy) placed[*policy.Retry] { return f.retry })
	choose(s, hedgePolicy, &s.Hedge, func(f *filePolicy) placed[*policy.Hedge] { return f.hedge })
	choose(s, fallbackPolicy, &s.Fallback, func(f *filePolicy) placed[*policy.Fallback] { return f.fallback })
	choose(s, "idle", &s.Idle, func(f *filePolicy) placed[*policy.Idle] { return f.idle })
	choose(s, "admission", &s.Admission, func(f *filePolicy) placed[*policy.Admission] { return f.admission })
	choose(s, "rate", &s.Rate, func(f *filePolicy) placed[*policy.Rate] { return f.rate })
	s.scope(p.wait)
	if m.Name == "" {
		s.Hedge, s.Fallback = nil, nil // nobody knows what it does
	} else {
		s.fit(p)
	}
	p.settings, p.applied, p.without = s.Settings, append(p.applied, s.applied()...), s.lacks
}

// choose takes the most specific that is said of one policy.
func choose[T any](s *settling, name string, into **T, of func(*filePolicy) placed[*T]) {
	for _, e := range s.entries {
		said := of(e.said)
		if !said.set() {
			continue
		}
		*into = nil
		if said.v != nil {
			own := *said.v
			*into = &own
		}
		s.origins[name] = origin{e, said.at}
		return
	}
}

// scope lets the methods of one entry share what is counted. A queue takes requests whether or not
// the callee is there: how it fares says nothing of the callee, nor the other way round.
func (s *settling) scope(wait link.Wait) {
	taker := ""
	if wait == link.Accepted {
		taker = " " + wait.String()
	}
	if s.Bulkhead != nil {
		s.Bulkhead.Scope = strings.TrimSpace(s.origins["bulkhead"].entry.pattern.v + taker)
	}
	if s.Breaker != nil {
		s.Breaker.Scope = strings.TrimSpace(s.origins["breaker"].entry.pattern.v + taker)
	}
	if s.Admission != nil {
		s.Admission.Scope = s.origins["admission"].entry.pattern.v
	}
	if s.Rate != nil {
		s.Rate.Scope = s.origins["rate"].entry.pattern.v
	}
}

// fit takes away what a method cannot have, and refuses it where it was asked for by name.
func (s *settling) fit(p *methodPolicy) {
	if s.method.streams() {
		kind := "is a " + s.method.kind()
		without(s, retryPolicy, &s.Retry, kind+", of which nothing is repeated", "")
		without(s, hedgePolicy, &s.Hedge, kind+", of which nothing is repeated", "")
		without(s, fallbackPolicy, &s.Fallback, kind+", for which nobody else answers", "")
		without(s, "bulkhead", &s.Bulkhead, kind+", which rather waits than works", "")
		without(s, "admission", &s.Admission, kind+", which rather waits than works", "")
	}
	if !s.method.streams() {
		without(s, "idle", &s.Idle, "is no stream: the deadline bounds it", "")
	}
	if !s.method.Idempotent {
		without(s, hedgePolicy, &s.Hedge, "is not "+unmarked, markToHedge)
		if s.Retry != nil {
			s.refuse(retryPolicy, "is not "+unmarked, markToRetry)
		}
	}
	if p.wait != link.Reply {
		unheard := "is " + p.wait.String() + ", and nobody waits for its answer"
		without(s, hedgePolicy, &s.Hedge, unheard, "")
		without(s, fallbackPolicy, &s.Fallback, unheard, "")
	}
	s.fitTimes(p)
	s.fitFallback()
	s.fitLast()
}

// without takes away a policy that the method cannot have, and refuses it if it was asked
// for by name.
func without[T any](s *settling, name string, has **T, why, instead string) {
	if *has != nil {
		s.refuse(name, why, instead+"leave "+name+" out")
	}
	delete(s.origins, name)
	*has = nil
	s.lacks = append(s.lacks, name)
}

// refuse tells that the entry for this very method has a policy that it cannot have.
func (s *settling) refuse(name, why, hint string) {
	if from, said := s.origins[name]; said && from.entry.rank == rankMethod {
		s.add(from.at, s.method.Name+" "+why, hint)
	}
}

// applied lists the policies in the order in which a call meets them. What is off by
// default is left out.
func (s *settling) applied() []Applied {
	all := make([]Applied, 0, 8)
	add := func(name string, on bool, what fmt.Stringer) {
		from, said := s.origins[name]
		switch {
		case on:
			all = append(all, Applied{name, what.String(), from.entry.pattern.v, from.at})
		case said:
			all = append(all, Applied{name, off, from.entry.pattern.v, from.at})
		}
	}
	add(fallbackPolicy, s.Fallback != nil, s.Fallback)
	add("bulkhead", s.Bulkhead != nil, s.Bulkhead)
	add("breaker", s.Breaker != nil, s.Breaker)
	add(retryPolicy, s.Retry != nil, s.retried())
	add(hedgePolicy, s.Hedge != nil, s.Hedge)
	add("idle", s.Idle != nil, s.Idle)
	add("rate", s.Rate != nil, s.Rate)
	add("admission", s.Admission != nil, s.Admission)
	return all
}

// retried is retry in words: of a method that is not idempotent it is less than what was said.
func (s *settling) retried() fmt.Stringer {
	if s.Retry == nil || s.Idempotent {
		return s.Retry
	}
	safe := *s.Retry
	safe.Timeout = 0 // which is of idempotent methods
	return neverSent{safe}
}

// neverSent is retry of a method that must not run twice.
type neverSent struct{ policy.Retry }

func (n neverSent) String() string { return n.Retry.String() + ", only of what was never sent" }

// Policy gives the policies of a method, with or without a leading slash; of methods that
// the app does not have they are those of "*", or the defaults.
func (p *Plan) Policy(method string) policy.Settings {
	if m, ok := p.methods[strings.TrimPrefix(method, "/")]; ok {
		return m.settings
	}
	return p.others
}

// Applied tells which policies a method has and where they come from, in the order in which
// a call meets them. What is off by default is left out.
func (p *Plan) Applied(method string) []Applied {
	return p.methods[strings.TrimPrefix(method, "/")].applied
}
