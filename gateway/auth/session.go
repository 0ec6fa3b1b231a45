package auth

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// session is what the cookie of a browser remembers of a log-in.
type session struct {
	Subject string         `json:"sub"`
	Claims  map[string]any `json:"claims,omitempty"`
	Since   int64          `json:"since"` // seconds of Unix: the log-in
	Until   int64          `json:"until"` // the same: unless it is renewed
}

const cookieMost = 4000 // bytes, with name and attributes still within the 4096 that browsers keep

var errTooLarge = errors.New("the claims of this account are too large for a cookie: let the issuer send fewer")

// cookie makes one that only this gateway can read. On TLS its name lets no other host and no
// plain connection set it.
func (l *logIn) cookie(r *http.Request, name, value string, lasts time.Duration) *http.Cookie {
	secure := l.secure(r)
	return &http.Cookie{ //nolint:gosec // on plain HTTP a secure one would not come back
		Name: l.cookieName(r, name), Value: value, Path: "/", MaxAge: int(lasts / time.Second),
		Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

const hostPrefix = "__Host-"

func (l *logIn) cookieName(r *http.Request, name string) string {
	if l.secure(r) {
		return hostPrefix + name
	}
	return name
}

// isOurs tells of the cookies that hold a session or a log-in that is under way.
func (l *logIn) isOurs(name string) bool {
	name = strings.TrimPrefix(name, hostPrefix)
	return name == l.config.Cookie || strings.HasPrefix(name, l.config.Cookie+"_")
}

// sessionCookie renews a session until it has been idle for too long, or has lasted its time.
func (l *logIn) sessionCookie(r *http.Request, s session) (*http.Cookie, error) {
	now := l.now()
	until := now.Add(l.config.Idle)
	if end := time.Unix(s.Since, 0).Add(l.config.Lifetime); until.After(end) {
		until = end
	}
	s.Until = until.Unix()
	text, err := l.sealer.seal(l.purpose("session"), s)
	if err != nil {
		return nil, err
	}
	if len(text)+len(l.config.Cookie) > cookieMost {
		return nil, errTooLarge
	}
	return l.cookie(r, l.config.Cookie, text, until.Sub(now)), nil
}

// find reads the session's cookie, and renews it once half of its time is over.
func (l *logIn) find(r *http.Request) (*Caller, error) {
	had, err := r.Cookie(l.cookieName(r, l.config.Cookie))
	if err != nil {
		return nil, errNone
	}
	var s session
	if err := l.sealer.open(l.purpose("session"), had.Value, &s); err != nil {
		return nil, wrong("session: %w", err)
	}
	now := l.now()
	end := time.Unix(s.Since, 0).Add(l.config.Lifetime)
	if left := time.Unix(s.Until, 0); !now.Before(left) || !now.Before(end) {
		return nil, wrong("the session is over")
	}
	c := &Caller{Subject: s.Subject, Claims: s.Claims, session: true}
	if left := time.Unix(s.Until, 0).Sub(now); left < l.config.Idle/2 && time.Unix(s.Until, 0).Before(end) {
		if c.renewed, err = l.sessionCookie(r, s); err != nil {
			return nil, wrong("session: %w", err)
		}
	}
	return c, nil
}

func (l *logIn) hide(r *http.Request) {
	if rest := cutCookies(r.Header["Cookie"], l.isOurs); rest != nil {
		r.Header["Cookie"] = rest
	} else {
		delete(r.Header, "Cookie")
	}
}

// challenge tells programs by what they could have passed; browsers are led to the log-in.
func (l *logIn) challenge(bool) string { return `Cookie cookie-name="` + l.config.Cookie + `"` }
