package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// algorithms are those of RFC 7518 and 8037 that are taken. "none" is not among them.
var algorithms = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
	"HS256", "HS384", "HS512",
}

const (
	keySetMost = 1 << 20 // bytes
	keysMost   = 100
	rsaLeast   = 2048 // bits (RFC 7518, 3.3)
	hmacLeast  = 32   // bytes (RFC 7518, 3.2)
)

// keySet are the keys of an issuer (RFC 7517).
type keySet []key

// key is one of them, with the algorithms that it is for: a signature by another is not
// even looked at, so that no public key is ever taken for a secret.
type key struct {
	id         string
	algorithms []string
	key        jwt.VerificationKey
}

// find gives the keys with an id, or of a token that names none all that are for its algorithm.
func (s keySet) find(id, algorithm string) []jwt.VerificationKey {
	var found []jwt.VerificationKey
	for _, k := range s {
		if (id == "" || k.id == id) && slices.Contains(k.algorithms, algorithm) {
			found = append(found, k.key)
		}
	}
	return found
}

// parseKeys reads a JSON Web Key Set. Keys that are for something else, or of a kind that is
// not known, are passed over. Secrets are taken only from files.
func parseKeys(text []byte, secrets bool) (keySet, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("no JSON Web Key Set: %w", err)
	}
	var set keySet
	problem := errors.New("it has none")
	for _, one := range raw.Keys[:min(len(raw.Keys), keysMost)] {
		k, err := parseKey(one, secrets)
		if err != nil {
			problem = err
			continue
		}
		set = append(set, k)
	}
	if len(set) == 0 {
		return nil, fmt.Errorf("no key of the JSON Web Key Set can be used: %w", problem)
	}
	return set, nil
}

func parseKey(text []byte, secrets bool) (key, error) {
	var k jose.JSONWebKey
	if err := json.Unmarshal(text, &k); err != nil {
		return key{}, err
	}
	if k.Use != "" && k.Use != "sig" {
		return key{}, fmt.Errorf("key %q is not for signatures", k.KeyID)
	}
	fit, err := fitting(k.Key)
	if err != nil {
		return key{}, fmt.Errorf("key %q %w", k.KeyID, err)
	}
	if _, secret := k.Key.([]byte); secret && (!secrets || k.Algorithm == "") {
		return key{}, fmt.Errorf("key %q is secret: it has to be in a file, with its alg", k.KeyID)
	}
	if k.Algorithm != "" {
		if !slices.Contains(fit, k.Algorithm) {
			return key{}, fmt.Errorf("key %q is not for the algorithm %q", k.KeyID, k.Algorithm)
		}
		fit = []string{k.Algorithm}
	}
	return key{k.KeyID, fit, k.Key}, nil
}

// fitting are the algorithms that a key can be used with.
func fitting(k any) ([]string, error) {
	switch k := k.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < rsaLeast {
			return nil, fmt.Errorf("has %d bits: at least %d", k.N.BitLen(), rsaLeast)
		}
		return algorithms[:6], nil
	case *ecdsa.PublicKey:
		switch k.Curve.Params().BitSize {
		case 256:
			return []string{"ES256"}, nil
		case 384:
			return []string{"ES384"}, nil
		case 521:
			return []string{"ES512"}, nil
		}
	case ed25519.PublicKey:
		return []string{"EdDSA"}, nil
	case []byte:
		if len(k) < hmacLeast {
			return nil, fmt.Errorf("has %d bytes: at least %d", len(k), hmacLeast)
		}
		return []string{"HS256", "HS384", "HS512"}, nil
	}
	return nil, errors.New("is of no kind that signatures are checked with: private keys are not taken")
}

func readKeys(file string) (keySet, error) {
	text, err := os.ReadFile(file) //nolint:gosec // whoever configures it may choose
	if err != nil {
		return nil, err
	}
	set, err := parseKeys(text, true)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return set, nil
}

func fetchKeys(ctx context.Context, client *http.Client, from string) (keySet, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json, application/jwk-set+json")
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", from, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, keySetMost))
	if err != nil {
		return nil, err
	}
	set, err := parseKeys(text, false)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return set, nil
}

// newClient makes one for a server whose word is trusted. It follows no redirects, and
// keeps no idle connection: it is rarely used.
func newClient(server string) (*http.Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLocal(u.Hostname())) {
		return nil, errors.New("is to be a URL with https://, or with http:// on this machine")
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: fetchTime}).DialContext,
			TLSHandshakeTimeout: fetchTime, ResponseHeaderTimeout: fetchTime, DisableKeepAlives: true,
			ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       2 * fetchTime, //nolint:mnd // with its body
	}, nil
}

func isLocal(host string) bool {
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.IsLoopback()
}
