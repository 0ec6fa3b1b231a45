package gateway_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/gateway"
	"github.com/kerf-go/kerf/internal/issuertest"
	"github.com/kerf-go/kerf/plan"
	"github.com/kerf-go/kerf/transcode"
)

func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// sees is an upstream that tells what it is told of the caller, and what credentials it sees.
func sees(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name := range strings.FieldsSeq("X-Auth-Subject X-Auth-Way X-Auth-Claims Authorization Cookie X-Api-Key") {
			for _, value := range r.Header[name] {
				fmt.Fprintf(w, "%s: %s\n", name, value)
			}
		}
		fmt.Fprint(w, r.RequestURI)
	}))
	t.Cleanup(s.Close)
	return s
}

const ways = `
auth:
  token: {jwt: {issuer: "{issuer}", audience: [api], jwks: "{issuer}/keys"}, claims: [scope]}
  key: {keys: {query: key, header: X-Api-Key, list: [{name: batch, sha256: "{hash}", claims: {scope: posts.write}}]}}
  login: {oidc: {issuer: "{issuer}", client_id: x, key: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=}}
`

func withWays(issuer *issuertest.Issuer, config string) string {
	return strings.NewReplacer("{issuer}", issuer.URL, "{hash}", hashOf("the key")).Replace(ways + config)
}

func TestRoutesAskWhoCalls(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	b := setup(t, withWays(issuer, `
upstreams: {up: {urls: ["{up}"]}}
routes:
  - {match: {path: /open/**}, proxy: up}
  - match: {path: "/accounts/{id}/posts", methods: [GET, POST]}
    proxy: up
    auth: [token, key]
    allow: {id: "{sub}", scope: posts.write}
    paths: {encoded_slash: true}
    cors:
      origins: [app.example, "https://*.shop.example"]
      headers: [Authorization]
      credentials: true
      expose: [X-Total]
  - {match: {path: /token/**}, proxy: up, auth: [token]}
  - {match: {path: /pages/**}, proxy: up, auth: [login, token]}
`), map[string]*httptest.Server{"up": sees(t)})
	bearer := func(claims jwt.MapClaims) string { return "Authorization: Bearer " + issuer.Token(t, claims) }
	writer := jwt.MapClaims{"scope": "posts.read posts.write"}
	for name, test := range map[string]struct {
		request string
		headers []string
		code    int
		want    string
	}{
		"the owner": {
			"GET /accounts/ada/posts?a=1",
			[]string{bearer(writer)},
			200,
			"X-Auth-Subject: ada\nX-Auth-Way: token\nX-Auth-Claims: {\"scope\":\"posts.read posts.write\"}\n" +
				"/accounts/ada/posts?a=1",
		},
		"the owner, encoded": {
			"GET /accounts/%61d%61/posts", []string{bearer(writer)}, 200, "X-Auth-Subject: ada\n",
		},
		"an owner with a slash": {
			"GET /accounts/a%2Fb/posts",
			[]string{bearer(jwt.MapClaims{"sub": "a/b", "scope": "posts.write"})},
			200, "X-Auth-Subject: a/b\n",
		},
		"somebody else":     {"GET /accounts/eve/posts", []string{bearer(writer)}, 403, "not allowed"},
		"the owner of more": {"GET /accounts/ada;x=1/posts", []string{bearer(writer)}, 403, "not allowed"},
		"without the scope": {"GET /accounts/ada/posts", []string{bearer(nil)}, 403, "not allowed"},
		"nobody":            {"GET /accounts/ada/posts", nil, 401, "credentials are missing"},
		"a wrong token": {
			"GET /accounts/ada/posts", []string{"Authorization: Bearer x"}, 401, "not valid",
		},
		"a key": {
			"GET /accounts/batch/posts?key=the%20key&b=2", nil,
			200, "X-Auth-Subject: batch\nX-Auth-Way: key\n/accounts/batch/posts?b=2",
		},
		"a token where it is for others": {
			"GET /open/x", []string{"Authorization: Bearer x"}, 200, "Authorization: Bearer x\n/open/x",
		},
		"what a client says it is": {
			"GET /open/x", []string{"X-Auth-Subject: ada", "x-auth-way: token", "X-Auth-Claims: {}"}, 200, "/open/x",
		},
		"our cookies and keys elsewhere": {
			"GET /open/x?key=the%20key",
			[]string{"Cookie: a=1; session=x; __Host-session=y; session_ABC=z; b=2", "X-Api-Key: the key"},
			200, "Cookie: a=1; b=2\n/open/x",
		},
		"a browser": {"GET /pages/x?a=1", []string{"Accept: text/html"}, 302, ""},
		"a program": {"GET /pages/x", nil, 401, "credentials are missing"},
		"the page":  {"GET /auth/login", nil, 302, ""},
		"no page":   {"GET /auth/x", nil, 404, "no such page"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := b.do(t, test.request, test.headers...)
			if got.StatusCode != test.code || test.code == 200 && !strings.HasPrefix(got.body, test.want) ||
				!strings.Contains(got.body, test.want) {
				t.Errorf("%s: %q, not %d: %q", got.Status, got.body, test.code, test.want)
			}
		})
	}
	t.Run("and pages of which sites", func(t *testing.T) {
		t.Parallel()
		testPreflights(t, b, bearer(writer))
	})
}

func testPreflights(t *testing.T, b *bundle, token string) {
	t.Helper()
	asks := func(origin, method string) answer {
		return b.do(t, "OPTIONS /accounts/ada/posts", "Origin: "+origin, "Access-Control-Request-Method: "+method)
	}
	for origin, allowed := range map[string]bool{
		"https://app.example": true, "https://a.shop.example": true, "https://a.b.shop.example": true,
		"http://app.example": false, "https://app.example.evil": false, "https://shop.example": false,
		"https://evilshop.example": false, "https://evil.example/.shop.example": false, "null": false,
		"https://app.example:8443": false, "https://APP.example": false,
	} {
		got := asks(origin, "POST")
		if h := got.Header; allowed {
			if got.StatusCode != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != origin ||
				h.Get("Access-Control-Allow-Methods") != "GET, HEAD, POST" ||
				h.Get("Access-Control-Allow-Headers") != "Authorization" ||
				h.Get("Access-Control-Allow-Credentials") != "true" || h.Get("Access-Control-Max-Age") != "600" {
				t.Errorf("%s: %s %v", origin, got.Status, h)
			}
		} else if got.StatusCode != http.StatusForbidden || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %s %v", origin, got.Status, h)
		}
		if got.Header.Get("Vary") != "Origin" {
			t.Errorf("%s: Vary %q", origin, got.Header.Get("Vary"))
		}
		got = b.do(t, "GET /accounts/ada/posts", "Origin: "+origin, token)
		if h := got.Header; got.StatusCode != http.StatusOK || h.Get("Vary") != "Origin" ||
			(h.Get("Access-Control-Allow-Origin") == origin) != allowed ||
			(h.Get("Access-Control-Expose-Headers") == "X-Total") != allowed {
			t.Errorf("%s: %s %v", origin, got.Status, h)
		}
	}
	if got := asks("https://app.example", "DELETE"); got.StatusCode != http.StatusNotFound {
		t.Errorf("a method that no route has: %s", got.Status)
	}
	got := b.do(t, "GET /accounts/ada/posts", "Origin: https://app.example")
	if got.StatusCode != http.StatusUnauthorized || got.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("pages cannot read that nobody is logged in: %s %v", got.Status, got.Header)
	}
}

func TestAnUpstreamDoesNotSayWhoMayRead(t *testing.T) {
	t.Parallel()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://evil.example")
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		w.Header().Set("Vary", "Accept, origin")
	}))
	t.Cleanup(up.Close)
	b := setup(t, `
upstreams: {up: {urls: ["{up}"]}}
routes:
  - {match: {path: /some}, proxy: up, cors: {origins: [https://app.example]}}
  - {match: {path: /all}, proxy: up, cors: {origins: ["*"]}}
`, map[string]*httptest.Server{"up": up})
	for path, want := range map[string]string{"/some": "", "/all": "*"} {
		h := b.do(t, "GET "+path, "Origin: https://evil.example").Header
		if h.Get("Access-Control-Allow-Origin") != want || h.Get("Access-Control-Allow-Credentials") != "" ||
			len(h.Values("Vary")) != 1 {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestAMistakeOfAWayIsToldAtItsKey(t *testing.T) {
	t.Parallel()
	const hash = "sha256: abababababababababababababababababababababababababababababababab"
	const log = "client_id: c, issuer: 'https://i', "
	file := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(file, []byte("list:\n  - {name: a, sha256: ab}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for way, want := range map[string]string{
		"jwt: {audience: [a], issuer: ^''}":                                 "jwt needs issuer",
		"jwt: {issuer: i, audience: [a, ^'']}":                              "jwt needs issuer and audience",
		"jwt: {issuer: i, audience: ^[]}":                                   "jwt needs issuer and audience",
		"^jwt: {issuer: i, audience: [a]}":                                  "jwt needs the issuer's keys",
		"jwt: {issuer: i, audience: [a], jwks: x, file: ^y}":                "jwt needs the issuer's keys",
		"jwt: {issuer: i, audience: [a], jwks: ^ftp}":                       "jwt: jwks is to be",
		"jwt: {issuer: i, audience: [a], file: ^none.json}":                 "jwt: open",
		"jwt: {issuer: i, audience: [a], jwks: x, algorithms: [ES256, ^b]}": `jwt: there is no algorithm "b"`,
		"^keys: {}":                       "keys: there are none",
		"keys: {header: ^a b}":            `keys: "a b" is no header`,
		"keys: {header: ^cookie}":         "keys: the header Cookie is for something else",
		"keys: {file: ^none.yaml}":        "keys: open",
		"keys: {file: ^" + file + "}":     file + ":2:23: keys: a has no sha256",
		"keys: {list: [^{" + hash + "}]}": `keys: "" is no name`,
		"keys: {list: [{name: a, " + hash + "}, {name: b, sha256: ^ab}]}":               "keys: b has no sha256",
		"keys: {list: [{name: a, " + hash + "}, {name: b, sha256: ^" + hash[8:] + "}]}": "keys: a and b have",
		"^oidc: {}": "oidc needs client_id",
		"oidc: {client_id: c, issuer: ^i, key: KEY}":                     "oidc: issuer is to be",
		"oidc: {" + log + "key: ^k}":                                     "oidc: key is to be",
		"oidc: {" + log + "path: ^a}":                                    `oidc: "a" is no path`,
		"oidc: {" + log + "home: ^a}":                                    "oidc: home is to be",
		"oidc: {" + log + "cookie: ^a b}":                                `oidc: "a b" is no name`,
		"oidc: {" + log + "idle: ^1s}":                                   "oidc: idle is to be a minute",
		"jwt: {issuer: i, audience: [a], jwks: x, algorithms: [^HS256]}": "jwt: HS256 is by secrets",
		"oidc: {" + log + "idle: ^13h}":                                  "oidc: no session is idle for 13h0m0s, since",
		"oidc: {" + log + "idle: ^2h, lifetime: 1h}":                     "oidc: no session is idle for 2h0m0s",
		"oidc: {" + log + "lifetime: ^1s}":                               "oidc: lifetime is to be a minute",
		"oidc: {" + log + "url: ^a}":                                     "oidc: url is to be",
	} {
		way = strings.Replace(way, "KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", 1)
		toldAtMark(t, "auth: {one: {"+way+"}}\nroutes: [{answer: {}}]", "auth one: "+want)
	}
}

func TestMistakesOfAuthHaveTheirPlaces(t *testing.T) {
	t.Parallel()
	d, err := plan.ReadDocument("gateway.yaml", []byte(`auth:
  none: {}
  a: {oidc: {issuer: "https://x", client_id: x, key: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=}}
  b: {oidc: {issuer: "https://x", client_id: x, key: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=}}
routes:
  - {answer: {}, auth: [c]}
  - {answer: {}, allow: {scope: x}}
  - {answer: {}, auth: [a], allow: {id: "{sub}"}}
  - {answer: {}, auth: [a], match: {path: "/{id=**}"}, allow: {id: "{sub}"}}
  - {answer: {}, auth: [a], allow: {id: ""}}
  - {answer: {}, auth: [a], match: {path: "/{id}"}, allow: {id: "{sub"}}
  - {answer: {}, cors: {origins: []}}
  - {answer: {}, cors: {origins: ["*"], credentials: true}}
  - {answer: {}, cors: {origins: ["https://a/b", "*.com", "https://a.*.com", "null", "https://A.com"]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = gateway.New(d, gateway.Options{})
	if err == nil {
		t.Fatal("it is taken")
	}
	for i, want := range []string{
		"2:3: auth none: it has exactly one of jwt, keys and oidc", "4:7: auth b: its pages are where those of a are",
		`6:25: there is no way "c"`, "7:18: allow needs to know", "8:41: the path of the match has no variable {id}",
		"9:68: {id} may hold a slash", "10:41: the claim id has to be something", `11:65: "{sub" names no claim`,
		"12:18: cors needs origins", "13:54: no credentials come from pages of all sites",
		`14:35: "https://a/b" is the origin of no page`,
		`"https://*.com"`, `"https://a.*.com"`, `"https://null"`, `"https://A.com"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %q is not told in:\n%v", i, want, err)
		}
	}
}

func TestAReloadKeepsTheIssuersKeys(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	config := withWays(issuer, "routes:\n  - {answer: {body: one}, auth: [token]}\n")
	b := setup(t, config, nil)
	token := "Authorization: Bearer " + issuer.Token(t, nil)
	reload := func(text string) {
		t.Helper()
		d, err := plan.ReadDocument("gateway.yaml", []byte("log: off\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Reload(d); err != nil {
			t.Fatal(err)
		}
	}
	reload(config) // nothing was fetched yet
	if got := b.do(t, "GET /", token); got.body != "one" {
		t.Fatalf("%s", got.Status)
	}
	issuer.Down(true)
	reload(strings.Replace(config, "body: one", "body: two", 1))
	if got := b.do(t, "GET /", token); got.body != "two" {
		t.Errorf("after a reload: %s %q", got.Status, got.body)
	}
	reload(strings.Replace(config, "audience: [api]", "audience: [other]", 1))
	if got := b.do(t, "GET /", token); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a way that has changed keeps what it had: %s", got.Status)
	}
}

// heard is a conn that tells the metadata of its calls.
type heard struct {
	grpc.ClientConnInterface
	md chan metadata.MD
}

func (h heard) Invoke(ctx context.Context, _ string, _, _ any, _ ...grpc.CallOption) error {
	md, _ := metadata.FromOutgoingContext(ctx)
	h.md <- md
	return nil
}

func TestServicesAndTheLogAreToldWhoCalls(t *testing.T) {
	t.Parallel()
	conn := heard{md: make(chan metadata.MD, 1)}
	desc := healthpb.File_grpc_health_v1_health_proto.Services().ByName("Health")
	log := filepath.Join(t.TempDir(), "access.log")
	issuer := issuertest.New(t)
	d, err := plan.ReadDocument("gateway.yaml", []byte(
		withWays(issuer, "routes:\n  - {call: [health], auth: [token, key]}\nlog: "+log)))
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(d, gateway.Options{
		Logger:   slog.New(slog.NewTextHandler(t.Output(), nil)),
		Services: map[string][]transcode.Service{"health": {{Desc: desc, Conn: conn}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"X-Api-Key: the key", "X-Api-Key: wrong"} {
		r := httptest.NewRequest(http.MethodPost, "/grpc.health.v1.Health/Check", strings.NewReader("{}"))
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer x")
		r.Header.Set("X-Auth-Subject", "eve")
		r.Header.Set(name, value)
		g.ServeHTTP(httptest.NewRecorder(), r)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	md := <-conn.md
	if subject := md.Get("x-auth-subject"); len(subject) != 1 || subject[0] != "batch" ||
		md.Get("authorization") != nil || md.Get("x-api-key") != nil {
		t.Errorf("the service hears %v", md)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	if len(lines) != 2 || !bytes.Contains(lines[0], []byte(`"user":"batch"`)) ||
		!bytes.Contains(lines[1], []byte(`"error":"the credentials are not valid: `)) ||
		bytes.Contains(text, []byte("the key")) {
		t.Errorf("%s", text)
	}
}

func TestASessionMayLastLessThanItMayBeIdleOtherwise(t *testing.T) {
	t.Parallel()
	const way = "auth: {one: {oidc: {client_id: c, issuer: 'https://i', lifetime: 30m, " +
		"key: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=}}}"
	if err := wrong(t, way+"\nroutes: [{answer: {}}]"); err != nil {
		t.Error(err)
	}
}
