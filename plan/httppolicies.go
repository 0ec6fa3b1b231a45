package plan

import (
	"reflect"

	"github.com/goccy/go-yaml/ast"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/policy"
)

// HTTPPolicies are what a configuration says of the policies towards HTTP servers that do the same:
// bulkhead, breaker, retry and balance, each as in an entry of a plan's policies. As a field of what
// Document.Decode or DecodeConfig fills it is held to the same rules, and each mistake has its place.
// The zero value says nothing, so that the defaults hold.
type HTTPPolicies struct {
	settings *policy.Settings // nil: nothing is said
	balance  balance.Options
}

// Settings are the policies, defaults where nothing is said.
func (p *HTTPPolicies) Settings() policy.Settings {
	if p.settings == nil {
		return policy.Defaults()
	}
	return *p.settings
}

// Balance tells which servers take no requests. It says nothing of health checks.
func (p *HTTPPolicies) Balance() balance.Options { return p.balance }

// UnmarshalYAML is for the decoder, and for values that fit.
func (p *HTTPPolicies) UnmarshalYAML(n ast.Node) error {
	r := new(reader)
	p.read(r, "policies", n)
	return r.err()
}

func (p *HTTPPolicies) read(r *reader, path string, n ast.Node) {
	said := new(filePolicy)
	r.object(path, r.place(n), n, httpPolicies{said})
	r.checkBounds(said)
	s := policy.Defaults()
	take(&s.Bulkhead, said.bulkhead)
	take(&s.Breaker, said.breaker)
	take(&s.Retry, said.retry)
	p.settings, p.balance = &s, balance.Options{}
	switch of := said.balance; {
	case of.v != nil:
		p.balance = *of.v
	case of.set():
		p.balance = balance.Off()
	}
}

func take[T any](into **T, said placed[*T]) {
	if said.set() {
		*into = said.v
	}
}

// httpPolicies are an entry of policies, less what means nothing for HTTP or is said elsewhere.
type httpPolicies struct{ *filePolicy }

func (p httpPolicies) keys() []key {
	all := withHints(append(p.filePolicy.keys(), key{name: waitKey}), map[string]string{
		deadlineKey: "write a timeout of the upstream for an answer to begin, or of a route for the whole",
		"idle":      "leave it out: limits and a route's timeout bound streams",
		"hedge":     "leave it out: what is slow at one server is asked of another after retry: {timeout: ...}",
		"fallback":  "leave it out: a route's cache may answer with stale: {if_error: ...}",
		"admission": outboundOnly,
		"rate":      "add one to rates, and name it in the route",
		waitKey:     "leave it out: an HTTP server answers at once; a route with call may lead to a queue",
	})
	for i := range all {
		if all[i].name == balancePolicy {
			all[i].slot = switched(&p.balance, true, httpBalanceKeys)
		}
	}
	return all
}

const outboundOnly = "leave it out: bulkhead bounds what is under way"

func httpBalanceKeys(b *balance.Options) []key {
	return withHints(balanceKeys(b), map[string]string{
		"health": "write health: {path: /healthz, every: 1s} beside policies",
	})
}

// withHints refuses some keys, and tells what to do instead.
func withHints(all []key, hints map[string]string) []key {
	for i := range all {
		if hint := hints[all[i].name]; hint != "" {
			all[i].slot = elsewhere{hint}
		}
	}
	return all
}

// elsewhere is a slot for a key that is not taken where it stands.
type elsewhere struct{ hint string }

func (s elsewhere) read(r *reader, path string, n ast.Node) {
	r.add(r.place(n), path+" is not for HTTP servers", s.hint)
}

func (elsewhere) schema() rules { return rules{"not": rules{}} }

// fitPolicies finds the mistakes. Numbers that come from the environment or a file are text until then.
func (f *fitter) fitPolicies(path string, n ast.Node) ast.Node {
	n = f.numbers(n)
	new(HTTPPolicies).read(f.reader, path, n)
	return n
}

func (f *fitter) numbers(n ast.Node) ast.Node {
	if m, ok := n.(ast.MapNode); ok { // which expand has made
		for i := m.MapRange(); i.Next(); {
			i.KeyValue().Value = f.numbers(i.Value())
		}
		return n
	}
	text, _ := asText(n)
	if typed := typedNode(text, n.GetToken(), reflect.TypeFor[uint64]()); f.secret[n] && typed != nil {
		f.secret[typed] = true
		return typed
	}
	return n
}
