package auth

import (
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/internal/mistake"
)

// Config is a way to find out who has sent a request: exactly one of JWT, Keys and OIDC.
type Config struct {
	JWT  *JWTConfig  `yaml:"jwt"`  // a token in the Authorization header
	Keys *KeysConfig `yaml:"keys"` // keys that are handed out
	OIDC *OIDCConfig `yaml:"oidc"` // a log-in of people with browsers

	Claims []string `yaml:"claims"` // those that the upstream is told in X-Auth-Claims; none
	Pass   bool     `yaml:"pass"`   // leaves the credentials in the request, for an upstream that wants them
}

// Reads tells whether the way depends on a file beside its configuration.
func (c Config) Reads() bool {
	return c.JWT != nil && c.JWT.File != "" || c.Keys != nil && c.Keys.File != ""
}

// Options are what ways need to know. Their zero value is valid.
type Options struct {
	// Origin is where a client sees the gateway, such as https://api.example. nil: what the
	// connection and the Host header say.
	Origin func(*http.Request) string
	// Refused is told why somebody could not log in; may be nil.
	Refused func(r *http.Request, reason error)
}

// Way finds out by one kind of credentials who has sent a request. It is safe for
// concurrent use.
type Way struct {
	name        string
	claims      []string
	pass        bool
	credentials credentials
}

// credentials are one kind of them.
type credentials interface {
	// find gives errNone for a request without any, a status Unauthenticated for wrong ones, and
	// Unavailable if nobody can tell.
	find(r *http.Request) (*Caller, error)
	// hide takes them off a request.
	hide(r *http.Request)
	// challenge is the WWW-Authenticate header that asks for them. given tells whether the
	// request had some, which are wrong.
	challenge(given bool) string
	// close ends what goes on in the background.
	close()
}

// New makes a way ready. It asks nobody yet, so that an issuer that is down keeps nothing
// from starting.
func New(name string, c Config, o Options) (*Way, error) {
	if o.Origin == nil {
		o.Origin = originOf
	}
	w := &Way{name: name, claims: c.Claims, pass: c.Pass}
	var err error
	switch {
	case c.JWT != nil && c.Keys == nil && c.OIDC == nil:
		w.credentials, err = newTokens(*c.JWT)
		err = mistake.At(err, "jwt")
	case c.JWT == nil && c.Keys != nil && c.OIDC == nil:
		w.credentials, err = newAPIKeys(*c.Keys)
		err = mistake.At(err, "keys")
	case c.JWT == nil && c.Keys == nil && c.OIDC != nil:
		w.credentials, err = newLogIn(*c.OIDC, o)
		err = mistake.At(err, "oidc")
	default:
		err = errors.New("it has exactly one of jwt, keys and oidc")
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Close ends what goes on in the background. No request may be under way.
func (w *Way) Close() error {
	w.credentials.close()
	return nil
}

// Pages are those of a way that people log in by, below a path; "" and nil for others.
func (w *Way) Pages() (path string, pages http.Handler) {
	if l, ok := w.credentials.(*logIn); ok {
		return l.config.Path, l
	}
	return "", nil
}

func (w *Way) find(r *http.Request) (*Caller, error) {
	c, err := w.credentials.find(r)
	if err != nil {
		return nil, err
	}
	if !isSubject(c.Subject) {
		return nil, errSubject
	}
	c.way = w
	return c, nil
}

func (w *Way) hide(r *http.Request) {
	if !w.pass {
		w.credentials.hide(r)
	}
}

func originOf(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// errNone tells of a request without credentials.
var errNone = status.Error(codes.Unauthenticated, "credentials are missing")

var errSubject = wrong("there is no subject of at most 255 printable ASCII characters")

// wrong tells of credentials that do not hold. The client is told no more than that.
func wrong(format string, args ...any) error {
	return &refused{status.New(codes.Unauthenticated, "the credentials are not valid"), fmt.Errorf(format, args...)}
}

// unavailable tells that nobody can tell.
func unavailable(reason error) error {
	return &refused{status.New(codes.Unavailable, "credentials cannot be checked now: try again later"), reason}
}

// refused is an error with a reason that is for the log, and not for the client.
type refused struct {
	*status.Status
	reason error
}

func (r *refused) Error() string { return r.Message() + ": " + r.reason.Error() }

// GRPCStatus lets package status read it.
func (r *refused) GRPCStatus() *status.Status { return r.Status }

func (r *refused) Unwrap() error { return r.reason }
