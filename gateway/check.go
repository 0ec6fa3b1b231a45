package gateway

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// checkValues tells of values that have the right form and cannot be meant.
func (c *compiler) checkValues() {
	c.checkNumbers(reflect.ValueOf(c.config))
	c.checkNames()
	for name, u := range c.config.Upstreams {
		if u.Host != "" && u.Host != "keep" && u.Host != "url" {
			c.mistake(fmt.Sprintf("host is %q", u.Host), "write keep or url", "upstreams", name, "host")
		}
		c.checkPolicies(name, u)
		if u.Health == nil {
			continue
		}
		if !strings.HasPrefix(u.Health.Path, "/") {
			c.mistake("the path of a health check begins with a slash", "", "upstreams", name, "health", "path")
		}
	}
	for i, r := range c.config.Routes {
		c.checkRewrite(i, r)
		c.checkShares(i, r.Split)
		if h := r.Headers.Request; (h.Set != nil || h.Remove != nil) && r.isOwn() {
			c.mistake("nobody gets the headers of these requests", "leave it out: the gateway answers by itself",
				"routes", i, "headers", "request")
		}
	}
}

// checkPolicies tells of policies that the rest of an upstream makes void.
func (c *compiler) checkPolicies(name string, u upstreamConfig) {
	balance, retry := u.Policies.Balance(), u.Policies.Settings().Retry
	switch {
	case u.Health != nil && balance.PassOver < 0:
		c.mistake("with balance: off all servers take requests, whatever health finds",
			"leave out one of them", "upstreams", name, "policies", "balance")
	case u.Health == nil && balance.Silence > 0:
		c.mistake("balance has a silence, and without health nobody notices it",
			"leave out silence, or write health: {path: /healthz}", "upstreams", name, "policies", "balance")
	}
	if retry != nil && retry.Timeout >= u.timeout() {
		c.mistake(fmt.Sprintf("no attempt takes %v, since the upstream's timeout is %v", retry.Timeout, u.timeout()),
			"write a longer timeout of the upstream, or leave out that of retry",
			"upstreams", name, "policies", "retry")
	}
}

// isOwn tells of routes that the gateway answers out of itself.
func (r routeConfig) isOwn() bool {
	return r.Files != nil || r.Redirect != nil || r.Answer != nil || r.OpenAPI != nil || r.Outcomes
}

// checkRewrite tells of a path that no upstream understands as it is meant, or that nothing reads.
func (c *compiler) checkRewrite(i int, r routeConfig) {
	if r.Rewrite == "" {
		return
	}
	wrong := func(what, hint string) { c.mistake(what, hint, "routes", i, "rewrite") }
	if r.Proxy == "" && r.Split == nil && r.Files == nil {
		wrong("rewrite is of no use here", "leave it out: only proxy, split and files read it")
	}
	if r.Rewrite[0] != '/' {
		wrong("a path begins with a slash", "")
		return
	}
	text := braced.ReplaceAllString(r.Rewrite, "x")
	switch at := strings.IndexAny(text, "?#{}"); {
	case at < 0:
	case text[at] == '?':
		wrong("a path has no query", "leave it out, and add what it has by transform: {request: {query: {add: ...}}}")
	default:
		wrong(fmt.Sprintf("%q stands for itself nowhere in a path", text[at]), "encode it, or leave it out")
	}
	var encoded strings.Builder
	for k := range len(text) {
		if text[k] == '%' { // the operator has encoded this himself
			encoded.WriteByte('%')
			continue
		}
		encoded.WriteString(encodePath(text[k : k+1]))
	}
	if _, err := parsePath(encoded.String()); err != nil {
		wrong(err.Error(), "write the path as upstreams are to have it")
	}
}

// mostWeight leaves room for the sum of weights.
const mostWeight = 1_000_000

func (c *compiler) checkShares(i int, shares []shareConfig) {
	for k, s := range shares {
		if s.Weight > mostWeight {
			c.mistake(fmt.Sprintf("a weight of %d is too much", s.Weight), fmt.Sprintf("use at most %d", mostWeight),
				"routes", i, "split", k, "weight")
		}
	}
}

// checkNumbers tells of numbers and times below zero, wherever they stand.
func (c *compiler) checkNumbers(v reflect.Value, way ...any) {
	at := func(step any) []any { return append(slices.Clip(way), step) }
	switch v.Kind() { //nolint:exhaustive // the others hold no numbers
	case reflect.Pointer:
		if !v.IsNil() {
			c.checkNumbers(v.Elem(), way...)
		}
	case reflect.Struct:
		for field, value := range v.Fields() {
			if key := field.Tag.Get("yaml"); key != "" {
				c.checkNumbers(value, at(key)...)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			c.checkNumbers(v.Index(i), at(i)...)
		}
	case reflect.Map:
		for name, value := range v.Seq2() {
			c.checkNumbers(value, at(name.String())...)
		}
	case reflect.Int, reflect.Int64:
		if v.Int() < 0 {
			c.negative(v, way...)
		}
	case reflect.Float64:
		if !(v.Float() >= 0) { // also if it is no number
			c.negative(v, way...)
		}
	}
}

// unlimited are the values below zero that have a meaning: no limit of bodies.
var unlimited = map[any]struct {
	value int64
	text  string
}{"body": {-1, "-1"}, "body_time": {int64(-time.Second), "-1s"}}

func (c *compiler) negative(v reflect.Value, way ...any) {
	hint := "leave it out for the default"
	if last := len(way) - 1; last > 0 && way[last-1] == "limits" {
		none, able := unlimited[way[last]]
		switch {
		case able && v.Int() == none.value:
			return
		case able:
			hint = "write " + none.text + " for no limit, or leave it out for the default"
		}
	}
	c.mistake(fmt.Sprintf("%v is negative", v), hint, way...)
}
