package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/internal/mistake"
	"github.com/kerf-go/kerf/transcode"
)

// OIDCConfig lets people log in at an OpenID provider (OpenID Connect Core 1.0, the code
// flow with PKCE), and remembers them by a cookie. Below Path there are three pages:
// PATH/login, PATH/callback, which the provider has to know, and PATH/logout, which takes POST.
type OIDCConfig struct {
	Issuer       string        `yaml:"issuer"` // https://, or http:// on this machine
	ClientID     string        `yaml:"client_id"`
	ClientSecret string        `yaml:"client_secret"` // by ${env:...} or ${file:...}; none for a public client
	Scopes       []string      `yaml:"scopes"`        // beside openid
	Key          string        `yaml:"key"`           // of the cookies, likewise: 32 bytes in base64
	URL          string        `yaml:"url"`           // where browsers see the gateway; default: as they call it
	Path         string        `yaml:"path"`          // /auth
	Home         string        `yaml:"home"`          // where to go after a log-out; /
	Cookie       string        `yaml:"cookie"`        // session
	Lifetime     time.Duration `yaml:"lifetime"`      // of a session; 12h
	Idle         time.Duration `yaml:"idle"`          // after which a session that is not used ends; 1h, or lifetime
}

const logInTime = 10 * time.Minute // for somebody to log in

// logIn is a provider that people log in at.
type logIn struct {
	config   OIDCConfig
	options  Options
	sealer   sealer
	client   *http.Client
	provider *fetched[*oidc.Provider]
	now      func() time.Time
}

func newLogIn(c OIDCConfig, o Options) (*logIn, error) {
	c.Path = strings.TrimSuffix(cmp.Or(c.Path, "/auth"), "/")
	c.Home, c.Cookie = cmp.Or(c.Home, "/"), cmp.Or(c.Cookie, "session")
	c.Lifetime = cmp.Or(c.Lifetime, 12*time.Hour)
	c.Idle = cmp.Or(c.Idle, min(time.Hour, c.Lifetime))
	c.URL = strings.TrimSuffix(c.URL, "/")
	if err := c.check(); err != nil {
		return nil, err
	}
	l := &logIn{config: c, options: o, now: time.Now}
	var err error
	if l.sealer, err = newSealer(c.Key); err != nil {
		return nil, mistake.At(fmt.Errorf("oidc: %w", err), "key")
	}
	if l.client, err = newClient(c.Issuer); err != nil {
		return nil, mistake.At(fmt.Errorf("oidc: issuer %w", err), "issuer")
	}
	l.provider = newFetched(func(ctx context.Context) (*oidc.Provider, error) {
		return oidc.NewProvider(oidc.ClientContext(ctx, l.client), c.Issuer)
	})
	return l, nil
}

// check looks at what has its defaults, but for key and issuer.
func (c OIDCConfig) check() error {
	at := func(key, format string, args ...any) error { return mistake.At(fmt.Errorf(format, args...), key) }
	if c.ClientID == "" {
		return at("client_id", "oidc needs client_id, which the provider has given the gateway")
	}
	if c.Path == "" || local(c.Path) != c.Path || strings.ContainsAny(c.Path, "{}*?#%:") {
		return at("path", "oidc: %q is no path for pages: write one such as /auth", c.Path)
	}
	if local(c.Home) != c.Home {
		return at("home", "oidc: home is to be a path of the gateway, and not %q", c.Home)
	}
	if !isWord(c.Cookie) {
		return at("cookie", "oidc: %q is no name for a cookie: write letters, digits and hyphens", c.Cookie)
	}
	if c.Lifetime < time.Minute {
		return at("lifetime", "oidc: lifetime is to be a minute at least")
	}
	if c.Idle < time.Minute {
		return at("idle", "oidc: idle is to be a minute at least")
	}
	if c.Idle > c.Lifetime {
		return at("idle", "oidc: no session is idle for %v, since its lifetime is %v: write less, or leave it out",
			c.Idle, c.Lifetime)
	}
	if u, err := url.Parse(c.URL); err != nil || c.URL != "" && (u.Host == "" || u.Path != "" || u.RawQuery != "") {
		return at("url", "oidc: url is to be such as https://www.example, and not %q", c.URL)
	}
	return nil
}

func (l *logIn) close() { l.provider.close() }

// purpose parts what is sealed for different uses, also by other gateways with the same key.
func (l *logIn) purpose(of string) string {
	return strings.Join([]string{of, l.config.Issuer, l.config.ClientID, l.config.Cookie}, "\n")
}

func (l *logIn) base(r *http.Request) string { return cmp.Or(l.config.URL, l.options.Origin(r)) }

func (l *logIn) secure(r *http.Request) bool { return strings.HasPrefix(l.base(r), "https://") }

func (l *logIn) oauth(r *http.Request, p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: l.config.ClientID, ClientSecret: l.config.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: l.base(r) + l.config.Path + "/callback",
		Scopes:      append([]string{oidc.ScopeOpenID}, l.config.Scopes...),
	}
}

// ServeHTTP answers the pages.
func (l *logIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	switch page := strings.TrimPrefix(r.URL.Path, l.config.Path); {
	case page == "/login" && r.Method == http.MethodGet:
		l.begin(w, r, cmp.Or(r.URL.Query().Get("to"), l.config.Home))
	case page == "/callback" && r.Method == http.MethodGet:
		l.finish(w, r)
	case page == "/logout" && r.Method == http.MethodPost:
		if new(http.CrossOriginProtection).Check(r) != nil {
			l.refuse(w, r, status.Error(codes.PermissionDenied, "a page of another site has sent this"))
			return
		}
		http.SetCookie(w, l.cookie(r, l.config.Cookie, "", -time.Second))
		w.Header().Set("Location", l.config.Home)
		w.WriteHeader(http.StatusSeeOther)
	default:
		l.refuse(w, r, status.Error(codes.NotFound, "there is no such page: log out by POST"))
	}
}

func (l *logIn) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if l.options.Refused != nil {
		l.options.Refused(r, err)
	}
	transcode.WriteError(w, r, err)
}

// attempt is a log-in that is under way. The browser keeps it in a cookie of its own, so that
// pages in several tabs can log in at once, and no other browser can finish it.
type attempt struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // of PKCE
	To       string `json:"to"`
	Until    int64  `json:"until"` // seconds of Unix
}

func (l *logIn) attemptCookie(state string) string { return l.config.Cookie + "_" + state[:8] }

// begin sends a browser to the provider; from there it comes back to where it wanted to go.
func (l *logIn) begin(w http.ResponseWriter, r *http.Request, to string) {
	p, err := l.provider.find(r.Context(), func(*oidc.Provider) bool { return true })
	if err != nil {
		l.refuse(w, r, unavailable(err))
		return
	}
	a := attempt{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), To: local(to),
		Until: l.now().Add(logInTime).Unix(),
	}
	text, err := l.sealer.seal(l.purpose("attempt"), a)
	if err != nil {
		l.refuse(w, r, unavailable(err))
		return
	}
	http.SetCookie(w, l.cookie(r, l.attemptCookie(a.State), text, logInTime))
	provider := l.oauth(r, p).AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier))
	w.Header().Set("Location", provider)
	w.WriteHeader(http.StatusFound)
}

// finish makes a session of what the provider has sent back.
func (l *logIn) finish(w http.ResponseWriter, r *http.Request) {
	a, err := l.attempt(r)
	if err != nil {
		l.refuse(w, r, status.Error(codes.InvalidArgument,
			"this log-in was not begun here, or is over: go back to the page and log in again"))
		return
	}
	http.SetCookie(w, l.cookie(r, l.attemptCookie(a.State), "", -time.Second))
	s, err := l.exchange(r, a)
	if err != nil {
		l.refuse(w, r, err)
		return
	}
	cookie, err := l.sessionCookie(r, s)
	if err != nil {
		l.refuse(w, r, status.Error(codes.ResourceExhausted, err.Error()))
		return
	}
	http.SetCookie(w, cookie)
	w.Header().Set("Location", a.To)
	w.WriteHeader(http.StatusSeeOther)
}

// attempt finds the one that a browser comes back from.
func (l *logIn) attempt(r *http.Request) (attempt, error) {
	var a attempt
	state := r.URL.Query().Get("state")
	if len(state) != len(rand.Text()) {
		return a, errors.New("the state is of no attempt")
	}
	c, err := r.Cookie(l.cookieName(r, l.attemptCookie(state)))
	if err != nil {
		return a, err
	}
	if err := l.sealer.open(l.purpose("attempt"), c.Value, &a); err != nil {
		return a, err
	}
	if subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) != 1 || l.now().Unix() >= a.Until {
		return a, errors.New("the state is of another attempt, or an old one")
	}
	return a, nil
}

// exchange asks the provider for whom its code stands.
func (l *logIn) exchange(r *http.Request, a attempt) (session, error) {
	query := r.URL.Query()
	if issuer := query.Get("iss"); issuer != "" && issuer != l.config.Issuer { // RFC 9207
		return session{}, wrong("the answer is of the issuer %.100q", issuer)
	}
	if reason := query.Get("error"); reason != "" {
		return session{}, status.Error(codes.PermissionDenied, "the issuer has refused the log-in")
	}
	p, err := l.provider.find(r.Context(), func(*oidc.Provider) bool { return true })
	if err != nil {
		return session{}, unavailable(err)
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(r.Context(), l.client), 2*fetchTime)
	defer cancel()
	token, err := l.oauth(r, p).Exchange(ctx, query.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		if answer := (*oauth2.RetrieveError)(nil); errors.As(err, &answer) {
			return session{}, wrong("the issuer does not take the code: %s", answer.ErrorCode)
		}
		return session{}, unavailable(err)
	}
	raw, _ := token.Extra("id_token").(string) // one that is missing is not valid either
	id, err := p.Verifier(&oidc.Config{ClientID: l.config.ClientID, Now: l.now}).Verify(ctx, raw)
	if err != nil {
		return session{}, wrong("id token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1 {
		return session{}, wrong("the id token is of another attempt")
	}
	if !isSubject(id.Subject) {
		return session{}, errSubject
	}
	s := session{Subject: id.Subject, Since: l.now().Unix()}
	if err := id.Claims(&s.Claims); err != nil {
		return session{}, wrong("id token: %w", err)
	}
	for name := range s.Claims {
		if slices.Contains(ofTheToken, name) {
			delete(s.Claims, name)
		}
	}
	return s, nil
}

// ofTheToken are claims that say nothing of whom it is about.
var ofTheToken = []string{
	"aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "sid", "sub", "typ", "auth_time",
}

// local gives a path of our own as it is, and / for all that may lead to another host.
func local(to string) string {
	u, err := url.Parse(to)
	foreign := func(c rune) bool { return c <= ' ' || c == '\\' || c > '~' }
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") ||
		strings.HasPrefix(to, "//") || strings.ContainsFunc(to, foreign) {
		return "/"
	}
	return to
}
