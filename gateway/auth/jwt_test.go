package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/kerf-go/kerf/gateway/auth"
	"github.com/kerf-go/kerf/internal/issuertest"
	"github.com/kerf-go/kerf/plan"
)

func tokensOf(i *issuertest.Issuer) auth.Config {
	return auth.Config{JWT: &auth.JWTConfig{Issuer: i.URL, Audience: []string{"api", "other"}, JWKS: i.URL + "/keys"}}
}

// signed makes a token of the issuer's usual claims, with a header and a key of one's own.
func signed(t *testing.T, i *issuertest.Issuer, method jwt.SigningMethod, key any, header map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims{
		"iss": i.URL, "aud": "api", "sub": "mallory", "exp": time.Now().Add(time.Hour).Unix(),
	})
	token.Header["kid"] = "first"
	for name, value := range header {
		token.Header[name] = value
		if value == nil {
			delete(token.Header, name)
		}
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTokensThatAreNotWhatTheySeemAreRefused(t *testing.T) {
	t.Parallel()
	issuer, other := issuertest.New(t), issuertest.New(t)
	s := guarded(t, &auth.Guard{}, tokensOf(issuer))
	public, err := x509.MarshalPKIXPublicKey(issuer.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	own := jose.JSONWebKey{Key: other.Key.Public(), KeyID: "first", Algorithm: "RS256"}
	now, good := time.Now(), issuer.Token(t, nil)
	parts := strings.Split(good, ".")
	raw := func(header, claims string) string {
		e := base64.RawURLEncoding
		return e.EncodeToString([]byte(header)) + "." + e.EncodeToString([]byte(claims)) + "." + parts[2]
	}
	rs := jwt.SigningMethodRS256
	for name, token := range map[string]string{
		"nothing":                      "",
		"no token":                     "x",
		"only dots":                    "..",
		"an encrypted one":             "a.b.c.d.e",
		"base64 of another kind":       strings.Join(parts[:2], ".") + "." + parts[2] + "=",
		"spaces before it":             " " + good,
		"text after it":                good + " " + good,
		"no signature":                 parts[0] + "." + parts[1] + ".",
		"another's claims":             parts[0] + "." + strings.Split(other.Token(t, nil), ".")[1] + "." + parts[2],
		"alg none":                     raw(`{"alg":"none","kid":"first"}`, `{"sub":"mallory"}`),
		"alg None":                     raw(`{"alg":"None","kid":"first"}`, `{"sub":"mallory"}`),
		"alg none, signed so":          signed(t, issuer, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"no alg":                       raw(`{"kid":"first"}`, `{"sub":"mallory"}`),
		"alg that is a list":           raw(`{"alg":["RS256"],"kid":"first"}`, `{"sub":"mallory"}`),
		"the public key as a secret":   signed(t, issuer, jwt.SigningMethodHS256, publicPEM, nil),
		"the key's bytes as a secret":  signed(t, issuer, jwt.SigningMethodHS256, public, nil),
		"its modulus as a secret":      signed(t, issuer, jwt.SigningMethodHS512, issuer.Key.N.Bytes(), nil),
		"an empty secret":              signed(t, issuer, jwt.SigningMethodHS256, []byte{}, nil),
		"another's key":                signed(t, issuer, rs, other.Key, nil),
		"another kind of key":          signed(t, issuer, jwt.SigningMethodES256, curve, nil),
		"an algorithm not of the key":  signed(t, issuer, jwt.SigningMethodPS256, issuer.Key, nil),
		"a longer hash than the key's": signed(t, issuer, jwt.SigningMethodRS512, issuer.Key, nil),
		"a key that it brings along":   signed(t, issuer, rs, other.Key, map[string]any{"jwk": own}),
		"the same, without kid":        signed(t, issuer, rs, other.Key, map[string]any{"jwk": own, "kid": nil}),
		"where its keys are (jku)":     signed(t, issuer, rs, other.Key, map[string]any{"jku": other.URL + "/keys"}),
		"where its keys are (x5u)":     signed(t, issuer, rs, other.Key, map[string]any{"x5u": other.URL + "/keys"}),
		"kid that is a path":           signed(t, issuer, rs, issuer.Key, map[string]any{"kid": "../../../dev/null"}),
		"kid that is SQL":              signed(t, issuer, rs, issuer.Key, map[string]any{"kid": "x' UNION SELECT 'k"}),
		"kid that is a URL":            signed(t, issuer, rs, other.Key, map[string]any{"kid": other.URL + "/keys"}),
		"kid that is no text":          signed(t, issuer, rs, issuer.Key, map[string]any{"kid": []string{"first"}}),
		"kid that is not known":        signed(t, issuer, rs, issuer.Key, map[string]any{"kid": "second"}),
		"crit":                         signed(t, issuer, rs, issuer.Key, map[string]any{"crit": []string{"x"}}),
		"crit, empty":                  signed(t, issuer, rs, issuer.Key, map[string]any{"crit": []string{}}),
		"typ of another use":           signed(t, issuer, rs, issuer.Key, map[string]any{"typ": "logout+jwt"}),
		"a token in a token":           signed(t, issuer, rs, issuer.Key, map[string]any{"cty": "JWT"}),
		"expired":                      issuer.Token(t, jwt.MapClaims{"exp": now.Add(-31 * time.Second).Unix()}),
		"no exp":                       issuer.Token(t, jwt.MapClaims{"exp": nil}),
		"exp that is text":             issuer.Token(t, jwt.MapClaims{"exp": "9999999999"}),
		"exp that is 0":                issuer.Token(t, jwt.MapClaims{"exp": 0}),
		"not yet valid":                issuer.Token(t, jwt.MapClaims{"nbf": now.Add(40 * time.Second).Unix()}),
		"of another issuer":            other.Token(t, nil),
		"in the name of another":       issuer.Token(t, jwt.MapClaims{"iss": other.URL}),
		"iss that is a list":           issuer.Token(t, jwt.MapClaims{"iss": []string{issuer.URL}}),
		"no iss":                       issuer.Token(t, jwt.MapClaims{"iss": nil}),
		"for another":                  issuer.Token(t, jwt.MapClaims{"aud": "apis"}),
		"for several others":           issuer.Token(t, jwt.MapClaims{"aud": []string{"a", "b"}}),
		"for nobody":                   issuer.Token(t, jwt.MapClaims{"aud": nil}),
		"no subject":                   issuer.Token(t, jwt.MapClaims{"sub": nil}),
		"a subject with a line break":  issuer.Token(t, jwt.MapClaims{"sub": "ada\r\nX-Auth-Way: key"}),
		"a subject that is no text":    issuer.Token(t, jwt.MapClaims{"sub": 7}),
		"a huge one":                   issuer.Token(t, jwt.MapClaims{"x": strings.Repeat("x", 8<<10)}),
		"deeply nested claims":         raw(`{"alg":"RS256","kid":"first"}`, strings.Repeat(`{"a":`, 1000)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ask(t, "GET "+s.URL+"/x", "Authorization: Bearer "+token)
			if got.StatusCode != http.StatusUnauthorized || got.Header.Get("Seen-"+auth.SubjectHeader) != "" {
				t.Errorf("%s", got.Status)
			}
			if challenge := got.Header.Get("WWW-Authenticate"); challenge != `Bearer error="invalid_token"` {
				t.Errorf("challenge %q", challenge)
			}
		})
	}
	t.Run("two headers", func(t *testing.T) {
		t.Parallel()
		got := ask(t, "GET "+s.URL+"/x", "Authorization: Bearer "+good, "Authorization: Bearer "+good)
		if got.StatusCode != http.StatusUnauthorized {
			t.Error(got.Status)
		}
	})
	t.Run("no header", func(t *testing.T) {
		t.Parallel()
		for _, header := range []string{"X: 1", "Authorization: Basic YTpi", "Proxy-Authorization: Bearer " + good} {
			got := ask(t, "GET "+s.URL+"/x?access_token="+good, header)
			if got.StatusCode != http.StatusUnauthorized || got.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s: %s", got.Status, got.Header.Get("WWW-Authenticate"))
			}
		}
	})
	t.Run("nobody was asked for another's keys", func(t *testing.T) {
		t.Parallel()
		if n := other.Asked("/keys"); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestValidTokensPass(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	config := tokensOf(issuer)
	config.Claims = []string{"email", "number", "absent", "realm.roles"}
	s := guarded(t, &auth.Guard{}, config)
	now := time.Now()
	for name, claims := range map[string]jwt.MapClaims{
		"a plain one":              {},
		"for several":              {"aud": []string{"x", "other"}},
		"expired within the skew":  {"exp": now.Add(-20 * time.Second).Unix()},
		"not yet valid, within it": {"nbf": now.Add(20 * time.Second).Unix()},
		"with claims that are told": {
			"email": "ädä@x", "number": 12345678901234567, "realm": map[string]any{"roles": []string{"a"}},
		},
		"with claims that are large": {"x": strings.Repeat("x", 5<<10)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ask(t, "GET "+s.URL+"/x", "Authorization: bearer "+issuer.Token(t, claims))
			if got.StatusCode != http.StatusOK || got.Header.Get("Seen-"+auth.SubjectHeader) != "ada" {
				t.Fatalf("%s, %v", got.Status, got.Header)
			}
			if got.Header.Get("Seen-Authorization") != "" {
				t.Error("the upstream sees the token")
			}
			told := got.Header.Get("Seen-" + auth.ClaimsHeader)
			want := "{}"
			if claims["email"] != nil {
				want = `{"email":"\u00e4d\u00e4@x","number":12345678901234567,"realm.roles":["a"]}`
			}
			if told != want {
				t.Errorf("claims %s", told)
			}
		})
	}
}

func TestUnknownKeysDoNotHammerTheIssuer(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	s := guarded(t, &auth.Guard{}, tokensOf(issuer))
	var all sync.WaitGroup
	for k := range 200 {
		all.Go(func() {
			id := map[string]any{"kid": fmt.Sprint("unknown-", k)}
			token := signed(t, issuer, jwt.SigningMethodRS256, issuer.Key, id)
			got := ask(t, "GET "+s.URL+"/x", "Authorization: Bearer "+token)
			if got.StatusCode != http.StatusUnauthorized {
				t.Error(got.Status)
			}
		})
	}
	all.Wait()
	if n := issuer.Asked("/keys"); n != 1 {
		t.Errorf("200 requests with unknown keys have made %d at the issuer", n)
	}
	issuer.Down(true)
	got := ask(t, "GET "+s.URL+"/x", "Authorization: Bearer "+issuer.Token(t, nil))
	if got.StatusCode != http.StatusOK {
		t.Errorf("with the issuer down a known key is not taken: %s", got.Status)
	}
}

func TestTokensOfOthersMakeNoRequests(t *testing.T) {
	t.Parallel()
	issuer, other := issuertest.New(t), issuertest.New(t)
	s := guarded(t, &auth.Guard{}, tokensOf(issuer))
	got := ask(t, "GET "+s.URL+"/x", "Authorization: Bearer "+other.Token(t, nil))
	if n := issuer.Asked("/keys"); n != 0 || got.StatusCode != http.StatusUnauthorized {
		t.Errorf("%s, after %d requests", got.Status, n)
	}
}

func TestWithoutKeysNobodyCanTell(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	issuer.Down(true)
	s := guarded(t, &auth.Guard{}, tokensOf(issuer))
	began := time.Now()
	for range 10 {
		got := ask(t, "GET "+s.URL+"/x", "Authorization: Bearer "+issuer.Token(t, nil))
		if got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Seen-"+auth.SubjectHeader) != "" {
			t.Error(got.Status)
		}
	}
	if n, most := issuer.Asked("/keys"), 1+int(time.Since(began)/time.Second); n > most {
		t.Errorf("10 requests have made %d at an issuer that is down, and not %d", n, most)
	}
	issuer.Down(false)
	for end := time.Now().Add(10 * time.Second); ; {
		got := ask(t, "GET "+s.URL+"/x", "Authorization: Bearer "+issuer.Token(t, nil))
		if got.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the issuer is back, and still %s", got.Status)
		}
	}
}

// What an issuer publishes is taken only as far as it is keys for signatures that all may know.
func TestKeysOfAnIssuerThatCannotBeTaken(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	secret := []byte("a secret of more than 32 bytes, as is needed")
	public := func(id, use string) jose.JSONWebKey {
		return jose.JSONWebKey{Key: issuer.Key.Public(), KeyID: id, Use: use}
	}
	set := func(keys ...jose.JSONWebKey) string {
		text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	good := issuer.Token(t, nil)
	for name, test := range map[string]struct {
		keys  string
		code  int // of the issuer
		token string
		want  int
	}{
		"one for signatures": {set(public("first", "sig")), 200, good, 200},
		"one for encryption": {set(public("first", "enc")), 200, good, 503},
		"a secret": {
			set(jose.JSONWebKey{Key: secret, KeyID: "first", Algorithm: "HS256"}), 200,
			signed(t, issuer, jwt.SigningMethodHS256, secret, nil), 503,
		},
		"more than a hundred": {set(append(slices.Repeat([]jose.JSONWebKey{public("x", "")}, 100),
			public("first", ""))...), 200, good, 401},
		"more than a megabyte": {strings.Repeat(" ", 1<<20) + set(public("first", "")), 200, good, 503},
		"with an error":        {set(public("first", "")), 404, good, 503},
		"elsewhere":            {issuer.URL + "/keys", 302, good, 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if test.code == http.StatusFound {
					w.Header().Set("Location", test.keys)
				}
				w.WriteHeader(test.code)
				_, _ = io.WriteString(w, test.keys)
			}))
			t.Cleanup(at.Close)
			config := tokensOf(issuer)
			config.JWT.JWKS = at.URL
			s := guarded(t, &auth.Guard{}, config)
			if got := ask(t, "GET "+s.URL+"/x", "Authorization: Bearer "+test.token); got.StatusCode != test.want {
				t.Errorf("%s, not %d", got.Status, test.want)
			}
		})
	}
}

// writeKeys makes a file of a key set.
func writeKeys(t *testing.T, keys ...jose.JSONWebKey) plan.Path {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return plan.Path(file)
}

func TestASecretIsForItsOwnAlgorithm(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	secret := []byte("a secret of more than 32 bytes, as is needed")
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file := writeKeys(t, jose.JSONWebKey{Key: secret, KeyID: "secret", Algorithm: "HS256"},
		jose.JSONWebKey{Key: curve.Public(), KeyID: "curve"}, jose.JSONWebKey{Key: issuer.Key.Public(), KeyID: "first"})
	s := guarded(t, &auth.Guard{}, auth.Config{JWT: &auth.JWTConfig{
		Issuer: issuer.URL, Audience: []string{"api"}, File: file,
		Algorithms: []string{"HS256", "HS512", "ES384", "RS256"},
	}})
	for name, test := range map[string]struct {
		method jwt.SigningMethod
		key    any
		id     any
		code   int
	}{
		"the secret":                          {jwt.SigningMethodHS256, secret, "secret", 200},
		"the secret, without its id":          {jwt.SigningMethodHS256, secret, nil, 200},
		"the secret by another algorithm":     {jwt.SigningMethodHS512, secret, "secret", 401},
		"a public key":                        {jwt.SigningMethodES384, curve, "curve", 200},
		"a key that says no algorithm":        {jwt.SigningMethodRS256, issuer.Key, "first", 200},
		"an algorithm that is not taken here": {jwt.SigningMethodRS512, issuer.Key, "first", 401},
		"the secret in another's name":        {jwt.SigningMethodHS256, secret, "first", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := signed(t, issuer, test.method, test.key, map[string]any{"kid": test.id})
			if got := ask(t, "GET "+s.URL+"/x", "Authorization: Bearer "+token); got.StatusCode != test.code {
				t.Errorf("%s, not %d", got.Status, test.code)
			}
		})
	}
}

func TestMistakesOfTokensAreTold(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	one := []string{"api"}
	for want, config := range map[string]auth.JWTConfig{
		"needs issuer and audience":         {Issuer: "i", File: "f"},
		"write either jwks, a URL, or file": {Issuer: "i", Audience: one},
		"is to be a URL with https://":      {Issuer: "i", Audience: one, JWKS: "http://id.example/keys"},
		`no algorithm "none"`:               {Issuer: "i", Audience: one, JWKS: "x", Algorithms: []string{"none"}},
		"has 1024 bits: at least 2048": {
			Issuer: "i", Audience: one, File: writeKeys(t, jose.JSONWebKey{Key: small.Public()}),
		},
		"private keys are not taken": {
			Issuer: "i", Audience: one, File: writeKeys(t, jose.JSONWebKey{Key: small}),
		},
		"has to be in a file, with its alg": {
			Issuer: "i", Audience: one, File: writeKeys(t, jose.JSONWebKey{Key: make([]byte, 32)}),
		},
		"has 8 bytes: at least 32": {
			Issuer: "i", Audience: one, File: writeKeys(t, jose.JSONWebKey{Key: make([]byte, 8), Algorithm: "HS256"}),
		},
		`is not for the algorithm "ES256"`: {
			Issuer: "i", Audience: one, File: writeKeys(t, jose.JSONWebKey{Key: make([]byte, 64), Algorithm: "ES256"}),
		},
	} {
		_, err := auth.New("way", auth.Config{JWT: &config}, auth.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
}

func FuzzToken(f *testing.F) {
	issuer := issuertest.New(f)
	good := issuer.Token(f, nil)
	f.Add("Bearer " + good)
	f.Add("Bearer " + strings.Replace(good, ".", ".=", 1))
	f.Add("bearer  eyJhbGciOiJub25lIn0.e30.")
	file := filepath.Join(f.TempDir(), "keys.json")
	if err := os.WriteFile(file, issuer.KeySet(), 0o600); err != nil {
		f.Fatal(err)
	}
	way, err := auth.New("way", auth.Config{JWT: &auth.JWTConfig{
		Issuer: issuer.URL, Audience: []string{"api"}, File: plan.Path(file),
	}}, auth.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		_, token, _ := strings.Cut(header, " ")
		passed := false
		g := auth.Guard{Ways: []*auth.Way{way}}
		r := &http.Request{Method: http.MethodGet, Header: http.Header{"Authorization": {header}}}
		g.Around(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true })).ServeHTTP(discard{}, r)
		if passed != (token == good && strings.EqualFold(header[:min(len(header), 7)], "bearer ")) {
			t.Errorf("%q passed: %t", header, passed)
		}
	})
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
