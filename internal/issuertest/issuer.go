// Package issuertest gives tests an issuer of tokens, which is an OpenID provider too, on
// loopback.
//
//	issuer := issuertest.New(t)
//	token := issuer.Token(t, jwt.MapClaims{"sub": "ada"}) // valid for an hour, for the audience "api"
package issuertest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// ClientID and ClientSecret are those of the one client that may ask it to log people in.
const (
	ClientID     = "gateway"
	ClientSecret = "of the gateway"
)

// Issuer signs tokens by a key that it publishes at /keys, and logs people in at once.
type Issuer struct {
	URL string
	Key *rsa.PrivateKey

	mu     sync.Mutex      // guards what follows
	id     string          // of the key
	by     *rsa.PrivateKey // signs
	asked  map[string]int
	down   bool
	person jwt.MapClaims
	codes  map[string]url.Values // what each code was given out for
}

// New starts one that ends with the test.
func New(tb testing.TB) *Issuer {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	i := &Issuer{
		Key: key, by: key, id: "first", asked: make(map[string]int), codes: make(map[string]url.Values),
		person: jwt.MapClaims{"sub": "ada"},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", i.configuration)
	mux.HandleFunc("/keys", i.keys)
	mux.HandleFunc("/authorize", i.authorize)
	mux.HandleFunc("/token", i.token)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.asked[r.URL.Path]++
		down := i.down
		i.mu.Unlock()
		if down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	tb.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// Down makes it refuse all requests, or answer again.
func (i *Issuer) Down(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Rename gives the key another id.
func (i *Issuer) Rename(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.id = id
}

// Sign makes it sign by another key than it publishes.
func (i *Issuer) Sign(by *rsa.PrivateKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.by = by
}

// Is says who logs in from now on.
func (i *Issuer) Is(person jwt.MapClaims) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.person = person
}

// Asked counts the requests for a path.
func (i *Issuer) Asked(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[path]
}

// Token signs claims, with those that a valid token has beside them. One that is nil is left out.
func (i *Issuer) Token(tb testing.TB, claims jwt.MapClaims) string {
	tb.Helper()
	text, err := i.sign(claims)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func (i *Issuer) sign(claims jwt.MapClaims) (string, error) {
	all := jwt.MapClaims{
		"iss": i.URL, "aud": "api", "sub": "ada", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, all)
	i.mu.Lock()
	token.Header["kid"] = i.id
	by := i.by
	i.mu.Unlock()
	return token.SignedString(by)
}

// KeySet is what it publishes.
func (i *Issuer) KeySet() []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: i.Key.Public(), KeyID: i.id, Use: "sig", Algorithm: "RS256"},
	}})
	if err != nil {
		return nil
	}
	return text
}

func (i *Issuer) keys(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(i.KeySet()) }

func (i *Issuer) configuration(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{
		"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token",
		"jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

// authorize sends a browser back at once, with a code.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != ClientID || q.Get("response_type") != "code" ||
		q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	code := rand.Text()
	i.mu.Lock()
	i.codes[code] = q
	i.mu.Unlock()
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {i.URL}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound) //nolint:gosec // whoever asks is a test
}

// token takes each code once, from whom it was given out for.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	code := r.FormValue("code")
	i.mu.Lock()
	q, there := i.codes[code]
	delete(i.codes, code)
	claims := maps.Clone(i.person)
	i.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	if !there || id != ClientID || secret != ClientSecret || r.FormValue("redirect_uri") != q.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != q.Get("code_challenge") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error": "invalid_grant"}`))
		return
	}
	if _, forged := claims["nonce"]; !forged {
		claims["nonce"] = q.Get("nonce")
	}
	if _, forged := claims["aud"]; !forged {
		claims["aud"] = ClientID
	}
	text, err := i.sign(claims)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	writeJSON(w, map[string]any{
		"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 3600, "id_token": text,
	})
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
}
