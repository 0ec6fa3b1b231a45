package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

type route struct {
	pattern string
	page    http.Handler
}

// routes lists every address of the site. http.ServeMux has no wildcard within a
// segment, so /{handle} stands for /@{name}.
func (s *Site) routes() []route {
	return []route{
		{"GET /{$}", s.page((*visit).home)},
		{"GET /public", s.page((*visit).public)},
		{"GET /search", s.page((*visit).search)},
		{"GET /posts/{id}", s.page((*visit).post)},
		{"POST /posts", s.form((*visit).createPost)},
		{"GET /signup", s.page((*visit).signUpPage)},
		{"POST /signup", s.form((*visit).signUp)},
		{"GET /login", s.page((*visit).logInPage)},
		{"POST /login", s.form((*visit).logIn)},
		{"POST /logout", s.form((*visit).logOut)},
		{"GET /settings", s.page((*visit).settingsPage)},
		{"POST /settings", s.form((*visit).updateProfile)},
		{"POST /settings/name", s.form((*visit).rename)},
		{"GET /{handle}", s.page((*visit).profile)},
		{"GET /{handle}/{list}", s.page((*visit).people)},
		{"POST /{handle}/{change}", s.form((*visit).changeFollow)},
		{"GET /live", s.stream((*visit).live)},
		{"GET /static/{file}", secured(s.assets)},
		{"GET /favicon.ico", secured(s.assets.only("logo.svg"))},
		{"/", s.page((*visit).lost)},
	}
}

// action answers a visit, or says why it cannot.
type action func(*visit) error

// page wraps what only reads.
func (s *Site) page(do action) http.Handler {
	return secured(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.options.Wait)
		defer cancel()
		s.visit(w, r.WithContext(ctx), func(v *visit) error {
			if err := v.checkAddress(); err != nil {
				return err
			}
			return do(v)
		})
	}))
}

// form wraps what changes something.
func (s *Site) form(do action) http.Handler {
	return s.page(func(v *visit) error {
		if err := v.readForm(); err != nil {
			return err
		}
		return do(v)
	})
}

// stream wraps what goes on for as long as the browser listens.
func (s *Site) stream(do action) http.Handler {
	return secured(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.visit(w, r, do) }))
}

// lost answers what no other route knows.
func (v *visit) lost() error {
	if allowed := v.site.methods(v.r); len(allowed) > 0 {
		v.w.Header().Set("Allow", strings.Join(allowed, ", "))
		return &problem{status: http.StatusMethodNotAllowed, detail: "This address cannot be used like that."}
	}
	return errNoPage
}

// methods tells with which methods the address of r would be known.
func (s *Site) methods(r *http.Request) []string {
	known := []string{http.MethodGet, http.MethodHead, http.MethodPost}
	return slices.DeleteFunc(known, func(method string) bool {
		_, pattern := s.mux.Handler(&http.Request{Method: method, URL: r.URL, Host: r.Host})
		// Wildcards match more than there is: only a handle makes them an address.
		wild := strings.Contains(pattern, "{handle}") && !strings.HasPrefix(r.URL.Path, "/@")
		return pattern == "/" || pattern == "" || wild
	})
}
