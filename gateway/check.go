package gateway

import (
	"fmt"
	"net/http"
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
		if r.Rewrite != "" && r.Rewrite[0] != '/' {
			c.mistake("a path begins with a slash", "", "routes", i, "rewrite")
		}
		if a := r.Answer; a != nil && a.Code != 0 && (a.Code < http.StatusOK || a.Code > mostStatus) {
			c.mistake(fmt.Sprintf("%d is no status of an answer", a.Code), "use one from 200 to 599",
				"routes", i, "answer", "code")
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

const mostStatus = 599 // RFC 9110, 15

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
