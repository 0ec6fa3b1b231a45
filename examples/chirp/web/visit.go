package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
)

// visit is one request on its way through the site. Its methods belong to the
// goroutine that serves the request, but for those that say otherwise.
type visit struct {
	site *Site
	w    http.ResponseWriter
	r    *http.Request

	jar     jar
	checked chan struct{} // closed when the two below are known
	account *accountsv1.Profile
	authErr error

	mu      sync.Mutex // guards missing
	missing []string
}

// visit serves one request with do, asking for the session meanwhile.
func (s *Site) visit(w http.ResponseWriter, r *http.Request, do action) {
	v := &visit{site: s, w: w, r: r, checked: make(chan struct{})}
	v.jar = jar{w: w, r: r, secure: s.options.Secure || r.TLS != nil}
	var session sync.WaitGroup
	session.Go(v.authenticate)
	defer session.Wait()
	v.answer(v.attempt(do))
}

// attempt turns a panic into an error, so that the visitor still gets a page.
func (v *visit) attempt(do action) (err error) {
	defer func() {
		switch cause := recover(); cause {
		case nil:
		case http.ErrAbortHandler:
			panic(cause) //nolint:forbidigo // it is how net/http is told to cut the connection
		default:
			v.log().ErrorContext(v.r.Context(), "page panicked",
				slog.Any("panic", cause), slog.String("stack", string(debug.Stack())))
			err = &problem{status: http.StatusInternalServerError}
		}
	}()
	if err := v.site.origin.Check(v.r); err != nil {
		return errForeign
	}
	return do(v)
}

// answer shows what went wrong, if anything did.
func (v *visit) answer(err error) {
	if err == nil {
		return
	}
	if errors.Is(err, errNobody) {
		v.askToLogIn()
		return
	}
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError {
		v.log().WarnContext(v.r.Context(), "page not served",
			slog.String("path", v.r.URL.Path), slog.Int("status", p.status), slog.Any("error", err))
	}
	v.render(p.status, "problem", p.heading(), p)
}

// authenticate runs beside the visit; everybody else waits for checked.
func (v *visit) authenticate() {
	defer close(v.checked)
	token := v.jar.session()
	if token == "" {
		return
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), v.site.options.Wait/2)
	defer cancel()
	answer, err := v.site.clients.Accounts.Authenticate(ctx, &accountsv1.AuthenticateRequest{Token: token})
	if v.authErr = err; err == nil {
		v.account = answer.GetProfile()
	}
}

// me is who is logged in, nil for nobody. A session that is nobody's is
// forgotten; one that could not be checked is kept.
func (v *visit) me() *accountsv1.Profile {
	<-v.checked
	switch {
	case v.authErr == nil:
	case slices.Contains([]codes.Code{codes.Unauthenticated, codes.InvalidArgument}, status.Code(v.authErr)):
		v.jar.forgetSession()
	default:
		v.miss("We cannot check who you are right now, so you see what everybody sees. You are still logged in.")
	}
	return v.account
}

// unchecked is true if there is a session and nobody could be asked whose it is.
func (v *visit) unchecked() bool { return v.me() == nil && v.jar.session() != "" }

// someone is who is logged in, or the error that asks to log in.
func (v *visit) someone() (*accountsv1.Profile, error) {
	if me := v.me(); me != nil {
		return me, nil
	}
	if v.unchecked() {
		return nil, v.authErr
	}
	return nil, errNobody
}

// miss notes, once, what the page has to do without. Safe for concurrent use.
func (v *visit) miss(what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.Contains(v.missing, what) {
		v.missing = append(v.missing, what)
	}
}

// extra bounds a call that the page can do without.
func (v *visit) extra() (context.Context, context.CancelFunc) {
	return context.WithTimeout(v.r.Context(), v.site.options.Extra)
}

func (v *visit) log() *slog.Logger { return v.site.options.Logger }

// together runs functions at the same time and waits for all.
func together(all ...func()) {
	var wg sync.WaitGroup
	for _, one := range all {
		wg.Go(one)
	}
	wg.Wait()
}
