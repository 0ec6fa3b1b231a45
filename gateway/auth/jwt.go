package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/kerf-go/kerf/internal/mistake"
	"github.com/kerf-go/kerf/plan"
)

// JWTConfig takes JSON Web Tokens (RFC 7519) of one issuer, in the header
// "Authorization: Bearer TOKEN" and nowhere else.
type JWTConfig struct {
	Issuer     string    `yaml:"issuer"`     // iss has to be this
	Audience   []string  `yaml:"audience"`   // aud has to be, or hold, one of these
	JWKS       string    `yaml:"jwks"`       // the URL of the issuer's keys: https://, or http:// on this machine
	File       plan.Path `yaml:"file"`       // or a file with them
	Algorithms []string  `yaml:"algorithms"` // of those that the keys are for; default: all
}

const (
	tokenMost = 8 << 10 // bytes
	clockSkew = 30 * time.Second
)

// tokens are the JWTs of an issuer.
type tokens struct {
	issuer     string
	algorithms []string
	parser     *jwt.Parser
	keys       func(ctx context.Context, id, algorithm string) ([]jwt.VerificationKey, error)
	fetched    *fetched[keySet] // nil: from a file
}

func newTokens(c JWTConfig) (*tokens, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	t := &tokens{issuer: c.Issuer, algorithms: c.Algorithms}
	if len(t.algorithms) == 0 {
		t.algorithms = algorithms
	}
	t.parser = jwt.NewParser(jwt.WithValidMethods(t.algorithms), jwt.WithIssuer(c.Issuer),
		jwt.WithAudience(c.Audience...), jwt.WithExpirationRequired(), jwt.WithLeeway(clockSkew),
		jwt.WithJSONNumber(), jwt.WithStrictDecoding())
	if c.File != "" {
		set, err := readKeys(string(c.File))
		if err != nil {
			return nil, mistake.At(fmt.Errorf("jwt: %w", err), "file")
		}
		t.keys = func(_ context.Context, id, algorithm string) ([]jwt.VerificationKey, error) {
			return set.find(id, algorithm), nil
		}
		return t, nil
	}
	client, err := newClient(c.JWKS)
	if err != nil {
		return nil, mistake.At(fmt.Errorf("jwt: jwks %w", err), "jwks")
	}
	t.fetched = newFetched(func(ctx context.Context) (keySet, error) { return fetchKeys(ctx, client, c.JWKS) })
	t.keys = t.fetchedKeys
	return t, nil
}

// check looks at all but the keys.
func (c JWTConfig) check() error {
	needs := errors.New("jwt needs issuer and audience: a token that is meant for others must not do here")
	if c.Issuer == "" {
		return mistake.At(needs, "issuer")
	}
	if len(c.Audience) == 0 {
		return mistake.At(needs, "audience")
	}
	if i := slices.Index(c.Audience, ""); i >= 0 {
		return mistake.At(needs, "audience", i)
	}
	if (c.JWKS == "") == (c.File == "") {
		return mistake.At(errors.New("jwt needs the issuer's keys: write either jwks, a URL, or file"), "file")
	}
	for i, a := range c.Algorithms {
		if !slices.Contains(algorithms, a) {
			return mistake.At(fmt.Errorf("jwt: there is no algorithm %q: name some of %s", a,
				strings.Join(algorithms, ", ")), "algorithms", i)
		}
		if c.JWKS != "" && strings.HasPrefix(a, "HS") {
			return mistake.At(fmt.Errorf("jwt: %s is by secrets, which are only taken from a file: "+
				"leave it out, or write file instead of jwks", a), "algorithms", i)
		}
	}
	return nil
}

func (t *tokens) close() {
	if t.fetched != nil {
		t.fetched.close()
	}
}

// fetchedKeys finds those that a token may be signed with. One that is not known may be new.
func (t *tokens) fetchedKeys(ctx context.Context, id, algorithm string) ([]jwt.VerificationKey, error) {
	var found []jwt.VerificationKey
	set, err := t.fetched.find(ctx, func(s keySet) bool {
		found = s.find(id, algorithm)
		return len(found) > 0
	})
	if err != nil {
		return nil, unavailable(err)
	}
	if len(found) == 0 {
		found = set.find(id, algorithm)
	}
	return found, nil
}

func (t *tokens) find(r *http.Request) (*Caller, error) {
	text, err := bearer(r.Header)
	if err != nil {
		return nil, err
	}
	claims := jwt.MapClaims{}
	_, err = t.parser.ParseWithClaims(text, claims, func(token *jwt.Token) (any, error) {
		return t.verifier(r.Context(), token)
	})
	if err != nil {
		if known := (*refused)(nil); errors.As(err, &known) {
			return nil, known
		}
		return nil, wrong("%w", err)
	}
	subject, _ := claims.GetSubject() // one that is no text is none
	return &Caller{Subject: subject, Claims: claims}, nil
}

// verifier finds the keys that may have signed a token. Of the token's header only alg and
// kid count: a key that it brings along (jwk, x5c), or tells the way to (jku, x5u), is nobody's.
func (t *tokens) verifier(ctx context.Context, token *jwt.Token) (any, error) {
	// Before its keys are asked for: tokens of another issuer make us ask nobody.
	if issuer, err := token.Claims.GetIssuer(); err != nil || issuer != t.issuer {
		return nil, wrong("the token is of another issuer")
	}
	if _, ok := token.Header["crit"]; ok {
		return nil, wrong("the token demands extensions")
	}
	switch kind, _ := token.Header["typ"].(string); strings.TrimPrefix(strings.ToLower(kind), "application/") {
	case "", "jwt", "at+jwt":
	default:
		return nil, wrong("the token is for something else: typ is %.40q", kind)
	}
	if _, ok := token.Header["cty"]; ok {
		return nil, wrong("the token holds no claims, but something else")
	}
	id, ok := token.Header["kid"].(string)
	if _, there := token.Header["kid"]; there && !ok {
		return nil, wrong("the token's kid is no text")
	}
	keys, err := t.keys(ctx, id, token.Method.Alg())
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, wrong("no key %.40q is known for %s", id, token.Method.Alg())
	}
	return jwt.VerificationKeySet{Keys: keys}, nil
}

// bearer takes the token out of the Authorization header (RFC 6750, 2.1).
func bearer(h http.Header) (string, error) {
	values := h["Authorization"]
	if len(values) == 0 {
		return "", errNone
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	switch {
	case len(values) > 1:
		return "", wrong("there are several Authorization headers")
	case !strings.EqualFold(scheme, "Bearer"):
		return "", errNone
	case len(token) > tokenMost:
		return "", wrong("the token has %d bytes: at most %d", len(token), tokenMost)
	}
	return token, nil
}

func (t *tokens) hide(r *http.Request) { delete(r.Header, "Authorization") }

func (t *tokens) challenge(given bool) string {
	if given {
		return `Bearer error="invalid_token"`
	}
	return "Bearer"
}
