package gateway_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/gateway"
)

// wrong gives what is said of a configuration that is wrong.
func wrong(t *testing.T, config string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := gateway.Open(file, gateway.Options{})
	if err == nil {
		_ = g.Close()
	}
	return err
}

// toldAtMark asks whether a configuration is refused where its ^ stands, which is taken out.
func toldAtMark(t *testing.T, config, want string) {
	t.Helper()
	before, after, _ := strings.Cut(config, "^")
	column := len(before) - strings.LastIndexByte(before, '\n')
	want = fmt.Sprintf("gateway.yaml:%d:%d: %s", 1+strings.Count(before, "\n"), column, want)
	if err := wrong(t, before+after); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s:\n%v\nand not %s", config, err, want)
	}
}

func TestValuesThatCannotBeMeantAreTold(t *testing.T) {
	t.Parallel()
	const upstream = "upstreams: {one: {urls: ['http://127.0.0.1:9']%s}}\n"
	for config, want := range map[string]string{
		"limits: {header: -1}":                                                      ":1:18: -1 is negative",
		"limits: {header_time: -5s}":                                                ":1:23: -5s is negative",
		"limits: {idle_time: -1s}":                                                  ":1:21: -1s is negative",
		"limits: {streams: -4}":                                                     ":1:19: -4 is negative",
		"limits: {drain_time: -1s}":                                                 ":1:22: -1s is negative",
		strings.ReplaceAll(upstream, "%s", ", timeout: -1s"):                        ":1:58: -1s is negative",
		strings.ReplaceAll(upstream, "%s", ", host: banana"):                        "write keep or url",
		strings.ReplaceAll(upstream, "%s", ", health: {path: nope}"):                "begins with a slash",
		strings.ReplaceAll(upstream, "%s", ", health: {path: /well, every: -1s}"):   ":1:78: -1s is negative",
		"routes: [{answer: {code: 1000}}]":                                          "1000 is no status of an answer",
		"routes: [{answer: {code: 99}}]":                                            "99 is no status of an answer",
		"routes: [{answer: {body: x}, timeout: -5s}]":                               ":1:39: -5s is negative",
		"routes: [{answer: {body: x}, rewrite: no-slash}]":                          "a path begins with a slash",
		"routes: [{match: {path: '/a/{x}'}, answer: {body: x}, rewrite: '/b/{y}'}]": "nothing stands for {y}",
		"routes: [{redirect: {to: 'https://{hots}{path}'}}]":                        "nothing stands for {hots}",

		"limits: {body: -2}":                                              ":1:16: -2 is negative; write -1 for",
		"limits: {body_time: -1m}":                                        ":1:21: -1m0s is negative; write -1s for",
		"routes: [{answer: {}, limits: {body: -7}}]":                      ":1:38: -7 is negative; write -1 for",
		"routes: [{answer: {}, limits: {body_time: -2s}}]":                ":1:43: -2s is negative; write -1s for",
		"routes: [{answer: {}, cache: {ttl: -1s}}]":                       ":1:36: -1s is negative",
		"routes: [{answer: {}, cache: {stale: {if_error: -1h}}}]":         ":1:49: -1h0m0s is negative",
		"routes: [{answer: {}, cache: {stale: {while_revalidate: -1h}}}]": ":1:57: -1h0m0s is negative",
		"routes: [{answer: {}, cors: {origins: ['*'], max_age: -1s}}]":    ":1:55: -1s is negative",
		"routes: [{split: [{to: one, weight: -1}]}]":                      ":1:37: -1 is negative",
		"routes: [{merge: {size: -1}}]":                                   ":1:25: -1 is negative",
		"routes: [{merge: {parts: {a: {timeout: -1s}}}}]":                 ":1:40: -1s is negative",
		"rates: {all: {requests: 1, per: 1s, burst: -1}}":                 ":1:44: -1 is negative",
		"rates: {all: {requests: 1, per: 1s, patience: -1s}}":             ":1:47: -1s is negative",
		"rates: {all: {requests: 1, per: 1s, keys: -1}}":                  ":1:43: -1 is negative",
		"rates: {all: {requests: 1, per: 1s, share: -0.5}}":               ":1:44: -0.5 is negative",
		"auth: {who: {oidc: {idle: -1s}}}":                                ":1:27: -1s is negative",
	} {
		err := wrong(t, config)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, and not %s", config, err, want)
		}
	}
}

func TestWhatWouldDoNothingOrAnotherThingIsTold(t *testing.T) {
	t.Parallel()
	const upstream = "upstreams: {one: {urls: ['http://127.0.0.1:9']}}\n"
	for _, c := range [][2]string{
		{"{split: [{to: one, weight: 9223372036854775807}, {to: one, weight: 1}]}", ":2:37: a weight of 92233"},
		{"{proxy: one, match: {path: /a/../b}}", ":2:37: path template \"/a/../b\": no request has dot segments"},
		{"{proxy: one, rewrite: '/a?b=1'}", ":2:32: a path has no query"},
		{"{proxy: one, rewrite: '/a#b'}", ":2:32: '#' stands for itself nowhere"},
		{"{proxy: one, match: {path: '/{a}'}, rewrite: '/{a'}", ":2:55: '{' stands for itself nowhere"},
		{"{proxy: one, rewrite: '/../a'}", ":2:32: the path has dot segments"},
		{"{proxy: one, rewrite: '/%2e%2e/a'}", ":2:32: the path has dot segments"},
		{"{proxy: one, rewrite: '/a%zz'}", ":2:32: the path has a percent sign that encodes nothing"},
		{"{proxy: one, rewrite: \"/a\\nb\"}", ":2:32: the path has an encoded control character"},
		{"{answer: {}, rewrite: /a}", ":2:32: rewrite is of no use here"},
		{"{redirect: {to: /b}, rewrite: /a}", ":2:40: rewrite is of no use here"},
		{"{answer: {}, headers: {request: {set: {A: b}}}}", ":2:33: nobody gets the headers"},
		{"{proxy: one, cache: {vary: ['*']}}", ":2:38: no answer depends on the header \"*\""},
		{"{proxy: one, cache: {vary: [a b]}}", ":2:38: no answer depends on the header \"a b\""},
		{"{proxy: one, cache: {vary: [x_y]}}", ":2:38: no answer depends on the header \"x_y\""},
		{"{proxy: one, cache: {vary: [cookie], cookies: drop}}", ":2:38: no answer depends on the header \"cookie\""},
		{"{proxy: one, compress: {types: [text/html; charset=a]}}", "\"text/html; charset=a\" is no type"},
	} {
		err := wrong(t, upstream+"routes: ["+c[0]+"]")
		if err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v, and not %s", c[0], err, c[1])
		}
	}
	for _, right := range []string{
		"{proxy: one, rewrite: /a b/ä/%20/%2F}", "{proxy: one, match: {path: '/{a=**}'}, rewrite: '/x/{a}'}",
		"{split: [{to: one, weight: 1000000}, {to: one}]}", "{proxy: one, cache: {vary: [Cookie, x-api-version]}}",
	} {
		if err := wrong(t, upstream+"routes: ["+right+"]"); err != nil {
			t.Errorf("%s: %v", right, err)
		}
	}
}

func TestWhatSaysNothingIsTold(t *testing.T) {
	t.Parallel()
	for route, want := range map[string]string{
		"^validate: {}":        "validate says nothing that has to hold",
		"^validate: {body: 5}": "validate says nothing that has to hold",
		"^transform: {}":       "transform says nothing that changes",
		"^transform: {request: {query: {}}, body: 5}": "transform says nothing that changes",
		"compress: {codings: ^[]}":                    "codings has nothing in it",
		"compress: {types: ^[]}":                      "types has nothing in it",
	} {
		toldAtMark(t, "routes: [{answer: {}, "+route+"}]", want)
	}
}

func TestAnswersAndRedirectsThatCannotBeSentAreTold(t *testing.T) {
	t.Parallel()
	for route, want := range map[string]string{
		"answer: {code: 204, body: ^a}":          "an answer with the status 204 has no body",
		"answer: {code: 304, body: ^a}":          "an answer with the status 304 has no body",
		`answer: {type: ^"text/html\n"}`:         `"text/html\n" is no type of a body`,
		"answer: {type: ^text}":                  `"text" is no type of a body`,
		"answer: {type: ^text /html}":            `"text /html" is no type of a body`,
		"answer: {type: ^'text/{html'}":          `"text/{html" is no type of a body`,
		`redirect: {to: ^"/a\nb"}`:               `'\n' stands for itself nowhere in a URL`,
		"redirect: {to: ^/a b}":                  "' ' stands for itself nowhere in a URL",
		"redirect: {to: ^'https://{host}{path'}": "'{' stands for itself nowhere in a URL",
		"redirect: {to: ^'/path}'}":              "'}' stands for itself nowhere in a URL",
	} {
		toldAtMark(t, "routes: [{"+route+"}]", want)
	}
	for _, right := range []string{
		"answer: {code: 204}", "answer: {type: text/html; charset=utf-8}", "answer: {type: image/svg+xml}",
		"redirect: {to: 'https://{host}/a%20b{query}#c'}",
	} {
		if err := wrong(t, "routes: [{"+right+"}]"); err != nil {
			t.Errorf("%s: %v", right, err)
		}
	}
}

func TestMethodsThatARouteNeverAnswersAreTold(t *testing.T) {
	t.Parallel()
	for route, want := range map[string]string{
		"merge: {parts: {a: {proxy: one, get: /}}}, match: {methods: [GET, ^POST]}":          "a merge answers no POST",
		"files: {root: /}, match: {methods: [HEAD, ^PUT]}":                                   "files answer no PUT",
		"answer: {}, match: {methods: [GET]}, cors: {origins: ['*'], methods: [HEAD, ^PUT]}": "the route's match has",
	} {
		toldAtMark(t, "upstreams: {one: {urls: ['http://127.0.0.1:9']}}\nroutes: [{"+route+"}]", want)
	}
	for _, right := range []string{
		"merge: {parts: {a: {proxy: one, get: /}}}, match: {methods: [GET, HEAD]}",
		"files: {root: /}, match: {methods: [GET]}",
		"answer: {}, match: {methods: [GET, PUT]}, cors: {origins: ['*'], methods: [HEAD, PUT]}",
		"answer: {}, match: {methods: [GET]}, cors: {origins: ['*'], methods: ['*']}",
	} {
		if err := wrong(t, "upstreams: {one: {urls: ['http://127.0.0.1:9']}}\nroutes: [{"+right+"}]"); err != nil {
			t.Errorf("%s: %v", right, err)
		}
	}
}

func TestAFallbackThatIsNotThereIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"none.html", ".", "../index.html", "index.html/a"} {
		toldAtMark(t, "routes: [{files: {root: "+dir+", fallback: ^"+name+"}}]", "the folder has no file \""+name+"\"")
	}
	for _, name := range []string{"index.html", "/index.html", "''"} {
		if err := wrong(t, "routes: [{files: {root: "+dir+", fallback: "+name+"}}]"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatCannotBeOpenedIsToldWithItsPlace(t *testing.T) {
	t.Parallel()
	err := wrong(t, "routes: [{answer: {}}]\nlog: /none/at/all.log")
	if err == nil || !strings.Contains(err.Error(), "gateway.yaml:2:6: access log: open /none/at/all.log: no such") {
		t.Error(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	config := "listen: [{address: 127.0.0.1:0}]\nlog: off\nadmin: TAKEN\nroutes: [{answer: {}}]\n"
	config = strings.Replace(config, "TAKEN", taken.Addr().String(), 1)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := gateway.Open(file, gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	_, err = g.Listen(t.Context(), g)
	if err == nil || !strings.Contains(err.Error(), "gateway.yaml:3:8: listen for admin") {
		t.Error(err)
	}
}

func TestURLsOfUpstreamsThatNameNoServerAreTold(t *testing.T) {
	t.Parallel()
	const config = "upstreams: {one: {urls: ['http://a', 'URL']}}\nroutes: [{proxy: one}]"
	for _, url := range []string{
		"", "127.0.0.1:9000", "ftp://a", "http://a?b", "http://a/?", "http://u:p@a", "http://a/b#c", "http://a:0",
		"http://a:99999", "http://:80", "http://a/b/../c", "http://a/%2e%2e/c",
	} {
		shown := strings.Replace(url, ":p@", ":xxxxx@", 1)
		err := wrong(t, strings.Replace(config, "URL", url, 1))
		if err == nil || !strings.Contains(err.Error(), `gateway.yaml:1:38: "`+shown+`" is no server; write one`) {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"https://a:443/v1/", "HTTP://[::1]:80", "http://a/b%2Fc"} {
		if err := wrong(t, strings.Replace(config, "URL", url, 1)); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestAMistakeOfARateIsToldAtItsKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"per: 0s": "per must be", "requests: 0": "requests must be", "by: foo": "by is client",
		"store: foo": "a store in", "burst: 400000000000": "a burst must",
	} {
		config := "rates:\n  one:\n    requests: 1\n    per: 1s\n"
		name, _, _ := strings.Cut(key, ":")
		for line := range strings.SplitSeq(config, "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), name+":") {
				config = strings.Replace(config, line+"\n", "", 1)
			}
		}
		config += "    " + key + "\nroutes: [{rate: [one], answer: {}}]"
		line, column := strings.Count(config, "\n"), len("    : ")+len(name)+1
		at := fmt.Sprintf("gateway.yaml:%d:%d: rate one: %s", line, column, want)
		if err := wrong(t, config); err == nil || !strings.Contains(err.Error(), at) {
			t.Errorf("%s: %v, not %s", key, err, at)
		}
	}
}

func TestARouteThatCallsNobodyIsTold(t *testing.T) {
	t.Parallel()
	err := wrong(t, "routes: [{call: []}]")
	if err == nil || !strings.Contains(err.Error(), "gateway.yaml:1:17: there is no service to call") {
		t.Error(err)
	}
}
