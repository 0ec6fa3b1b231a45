package gateway_test

import (
	"strings"
	"testing"
)

func TestNamesThatCannotBeMeantAreTold(t *testing.T) {
	t.Parallel()
	for route, want := range map[string]string{
		"headers: {request: {set: {Host: a}}}":               `:1:55: the header "Host" cannot be changed; an upstream`,
		"headers: {request: {set: {content-length: '1'}}}":   `"content-length" cannot be changed; leave it out`,
		"headers: {request: {remove: [X-A, Connection]}}":    `:1:57: the header "Connection" cannot be changed; leave`,
		"headers: {request: {remove: [Transfer-Encoding]}}":  `the header "Transfer-Encoding" cannot be changed`,
		"headers: {request: {set: {Bad Name: a}}}":           `the header "Bad Name" cannot be changed; a name has`,
		`headers: {request: {set: {a: "b\r\nc: d"}}}`:        `"b\r\nc: d" cannot stand in a header; use one line`,
		"headers: {response: {set: {Upgrade: h2c}}}":         `the header "Upgrade" cannot be changed; leave it out`,
		"headers: {response: {set: {'': a}}}":                `the header "" cannot be changed`,
		"headers: {response: {remove: [Bad Name]}}":          `the header "Bad Name" cannot be changed`,
		`headers: {response: {set: {a: "b\nc"}}}`:            "cannot stand in a header",
		"transform: {request: {headers: {remove: [a, te]}}}": `:1:67: the header "te" cannot be changed; leave it out`,
		"match: {headers: {host: a.example}}":                `no request has the header "host"; write a`,
		"match: {headers: {Bad Name: a}}":                    `no request has the header "Bad Name"`,
		"match: {headers: {x_y: '*'}}":                       `:1:46: no request has the header "x_y"; write a`,
		"match: {methods: [GET, post]}":                      `:1:46: no request has the method "post"; write POST`,
		"match: {methods: ['GET POST']}":                     `"GET POST" is no method; write one word`,
		"match: {methods: ['']}":                             `"" is no method`,
		"match: {methods: [TRACE]}":                          "TRACE is refused on all routes",
		"cors: {origins: ['*'], methods: [get]}":             `no request has the method "get"; write GET`,
		"match: {hosts: ['*.*.x']}":                          `:1:39: no request is for the host "*.*.x"; write one`,
		"match: {hosts: [a b]}":                              `no request is for the host "a b"`,
		"match: {hosts: ['*x']}":                             `no request is for the host "*x"; write one such`,
		"match: {hosts: ['*']}":                              "leave hosts out for any",
		"match: {hosts: ['']}":                               `no request is for the host ""`,
		"match: {hosts: ['*.']}":                             `no request is for the host "*."`,
		"match: {hosts: [a..b]}":                             `no request is for the host "a..b"`,
		"match: {hosts: ['a.example:80']}":                   "leave the port out",
		"match: {hosts: ['https://a.example']}":              "leave scheme and path out",
		"match: {hosts: [a.example.]}":                       "leave the last dot out",
		"match: {hosts: [bücher.example]}":                   "xn--bcher-kva",
		"match: {hosts: ['[::1']}":                           `no request is for the host "[::1"`,
	} {
		if err := wrong(t, "routes: [{answer: {}, "+route+"}]"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nand not %s", route, err, want)
		}
	}
	const acme = "listen: [{address: '127.0.0.1:0', tls: {acme: {cache: c, hosts: [%s]}}}]\nroutes: [{answer: {}}]"
	for host, want := range map[string]string{
		"'*.a.example'": "list each host", "'a:1'": "leave the port out", "a b": "no request is for the host",
	} {
		err := wrong(t, strings.Replace(acme, "%s", host, 1))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ":1:66: ") {
			t.Errorf("%s: %v\nand not %s", host, err, want)
		}
	}
}

func TestNamesThatMayBeMeantAreTaken(t *testing.T) {
	t.Parallel()
	const config = `
limits: {body: -1, body_time: -1s}
upstreams: {up: {urls: ["http://127.0.0.1:1"]}}
routes:
  - match:
      hosts: [a.example, "*.A.example", 127.0.0.1, localhost, my_host, "::1", "[::2]"]
      methods: [GET, PURGE, M-SEARCH]
      headers: {upgrade: websocket, x-y: "*"}
    proxy: up
    limits: {body: -1, body_time: -1s}
    headers: {request: {set: {x_y: "a\tb", Cookie: ""}, remove: [Expect]}, response: {set: {Date: x}}}
`
	if err := wrong(t, config); err != nil {
		t.Error(err)
	}
}

func TestHostsAreMatchedWhetherTheyHaveAPortOrNot(t *testing.T) {
	t.Parallel()
	b := setup(t, `routes: [{match: {hosts: ["::1", a.example]}, answer: {body: here}}]`, nil)
	for _, host := range []string{"[::1]", "[::1]:80", "a.example", "A.example:8080", "a.example."} {
		if got := b.do(t, "GET /", "Host: "+host); got.body != "here" {
			t.Errorf("%s: %s", host, got.Status)
		}
	}
}
