package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
)

// jar holds the cookies of one request: the session of somebody logged in, or the
// random secret of a guest, which only serves to make CSRF tokens.
type jar struct {
	w      http.ResponseWriter
	r      *http.Request
	secure bool

	gone  bool   // the session was ended by this answer
	fresh string // guest secret made for this answer
}

// maxCookie is far more than any token of ours; longer ones are not asked about.
const maxCookie = 512

// name makes a cookie of ours the host's alone where browsers can enforce it.
func (j *jar) name(plain string) string {
	if j.secure {
		return "__Host-" + plain
	}
	return plain
}

func (j *jar) get(plain string) string {
	cookie, err := j.r.Cookie(j.name(plain))
	if err != nil || len(cookie.Value) > maxCookie {
		return ""
	}
	return cookie.Value
}

func (j *jar) set(plain, value string, life time.Duration) {
	cookie := &http.Cookie{ //nolint:gosec // Secure wherever the browser comes by TLS
		Name: j.name(plain), Value: value, Path: "/",
		Secure: j.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	switch {
	case life < 0:
		cookie.MaxAge = -1
	case life > 0:
		cookie.MaxAge = int(life.Seconds())
	}
	http.SetCookie(j.w, cookie)
}

const (
	sessionCookie = "chirp_session"
	guestCookie   = "chirp_guest"
)

// session is the token the browser sent, until it is forgotten.
func (j *jar) session() string {
	if j.gone {
		return ""
	}
	return j.get(sessionCookie)
}

func (j *jar) forgetSession() {
	if j.session() != "" {
		j.gone = true
		j.set(sessionCookie, "", -1)
	}
}

// keep puts a new session in the guest's place.
func (j *jar) keep(s *accountsv1.Session, now time.Time) {
	j.set(sessionCookie, s.GetToken(), max(s.GetExpiresAt().AsTime().Sub(now), time.Second))
	if j.get(guestCookie) != "" {
		j.set(guestCookie, "", -1)
	}
}

// csrf is the token for the forms of this answer. It is the session's alone, or
// the guest's, so that nobody else can foresee it; nothing is stored.
func (j *jar) csrf() string {
	if token := j.session(); token != "" {
		return tokenOf(token)
	}
	secret := j.get(guestCookie)
	if secret == "" {
		if j.fresh == "" {
			j.fresh = rand.Text()
			j.set(guestCookie, j.fresh, 0)
		}
		secret = j.fresh
	}
	return tokenOf(secret)
}

// genuine tells whether a form came from a page of ours, shown to this browser.
func (j *jar) genuine(token string) bool {
	secret := j.session()
	if secret == "" {
		secret = j.get(guestCookie)
	}
	return secret != "" && hmac.Equal([]byte(token), []byte(tokenOf(secret)))
}

func tokenOf(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("chirp form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
