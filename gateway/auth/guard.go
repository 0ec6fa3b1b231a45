package auth

import (
	"errors"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/transcode"
)

// Guard lets requests pass whose sender is known and allowed. Its zero value lets all pass.
type Guard struct {
	Ways    []*Way                              // the first that finds somebody counts; none: anybody passes
	Rules   []Rule                              // all must hold
	Hide    []*Way                              // whose credentials are taken off, of requests that pass
	Trusted func(origin string) bool            // other sites whose pages may act for who is logged in; nil: none
	Found   func(r *http.Request, c *Caller)    // is told of each who was found; may be nil
	Refused func(r *http.Request, reason error) // is told why a request does not pass; may be nil
}

// Rule tells whether a caller may send a request.
type Rule func(*http.Request, *Caller) bool

// Claim allows callers of whom a claim is this value, or a list with it. Of a scope one word has to be it.
func Claim(name, value string) Rule {
	return func(_ *http.Request, c *Caller) bool { return c.has(name, value) }
}

// Owner allows callers of whom a claim is what the request is about.
func Owner(claim string, about func(*http.Request) string) Rule {
	return func(r *http.Request, c *Caller) bool {
		have := c.Text(claim)
		return have != "" && have == about(r)
	}
}

// Around puts the guard before a handler.
func (g *Guard) Around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(g.Ways) > 0 {
			c, err := g.admit(r)
			if err != nil {
				g.refuse(w, r, err)
				return
			}
			c.tell(r.Header)
			if c.renewed != nil {
				w = &cookieWriter{ResponseWriter: w, cookie: c.renewed}
			}
		}
		for _, way := range g.Hide {
			way.hide(r)
		}
		next.ServeHTTP(w, r)
	})
}

// admit finds out who has sent a request, and whether he may.
func (g *Guard) admit(r *http.Request) (*Caller, error) {
	c, err := g.find(r)
	if err != nil {
		return nil, err
	}
	if g.Found != nil {
		g.Found(r, c)
	}
	if c.session && !g.own(r) {
		return nil, status.Error(codes.PermissionDenied, "a page of another site has sent this")
	}
	for _, rule := range g.Rules {
		if !rule(r, c) {
			return nil, status.Error(codes.PermissionDenied, "you are not allowed to do this")
		}
	}
	return c, nil
}

// find asks one way after another. What is wrong with credentials counts only if there are no
// others, and that they could not be checked counts more.
func (g *Guard) find(r *http.Request) (*Caller, error) {
	none := errNone
	for _, way := range g.Ways {
		c, err := way.find(r)
		if err == nil {
			return c, nil
		}
		if none == errNone || status.Code(err) == codes.Unavailable { //nolint:errorlint // it is never wrapped
			none = err
		}
	}
	return nil, none
}

// own tells whether a request of a browser comes from our own pages, or from those that we
// trust, as far as it changes anything. Browsers open WebSockets for pages of all sites.
func (g *Guard) own(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" && g.Trusted != nil && g.Trusted(origin) {
		return true
	}
	var protection http.CrossOriginProtection
	if r.Header.Get("Upgrade") != "" {
		r = &http.Request{Method: http.MethodPost, Header: r.Header, Host: r.Host}
	}
	return protection.Check(r) == nil
}

// refuse answers a request that does not pass. A browser whose user could log in is led there.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if g.Refused != nil {
		g.Refused(r, err)
	}
	w.Header().Set("Cache-Control", "no-store")
	if status.Code(err) == codes.Unauthenticated {
		if l := g.logIn(); l != nil && navigates(r) {
			l.begin(w, r, r.URL.RequestURI())
			return
		}
		for _, way := range g.Ways {
			w.Header().Add("WWW-Authenticate", way.credentials.challenge(!errors.Is(err, errNone)))
		}
	}
	transcode.WriteError(w, r, err)
}

func (g *Guard) logIn() *logIn {
	for _, way := range g.Ways {
		if l, ok := way.credentials.(*logIn); ok {
			return l
		}
	}
	return nil
}

// navigates tells of a request for a page that somebody wants to see.
func navigates(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && (mode == "" || mode == "navigate") &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

// cookieWriter adds a cookie to an answer as it leaves, and not before: what is stored of
// the answer on the way must not have it.
type cookieWriter struct {
	http.ResponseWriter
	cookie *http.Cookie
	added  bool
}

// Unwrap lets http.ResponseController flush and hijack.
func (w *cookieWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *cookieWriter) WriteHeader(code int) {
	if !w.added && code >= http.StatusOK {
		w.added = true
		http.SetCookie(w, w.cookie)
		w.Header().Set("Cache-Control", "no-store")
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *cookieWriter) Write(b []byte) (int, error) {
	if !w.added {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}
