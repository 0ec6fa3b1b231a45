package gateway

import (
	"net/http"
	"strings"
)

// headerChanges are those of a route.
type headerChanges struct{ Request, Response headerChange }

type headerChange struct {
	remove []string
	set    [][2]string
}

func newHeaderChange(c headerChangeConfig) headerChange {
	var made headerChange
	for _, name := range c.Remove {
		made.remove = append(made.remove, http.CanonicalHeaderKey(name))
	}
	for name, value := range c.Set {
		made.set = append(made.set, [2]string{http.CanonicalHeaderKey(name), value})
	}
	return made
}

func (c headerChange) apply(h http.Header) {
	for _, name := range c.remove {
		delete(h, name)
	}
	for _, pair := range c.set {
		h[pair[0]] = []string{pair[1]}
	}
}

// changedMark is among an answer's headers until it leaves, and in the cache, if layer has changed them.
const changedMark = "Kerf-Changed"

// failedMark is among the headers of an answer in place of an upstream's or a file. It has no value, so
// that no client gets it.
const failedMark = "Kerf-Failed"

func (c headerChanges) changeAnswers() bool { return c.Response.remove != nil || c.Response.set != nil }

// layer changes the headers of what the route's action answers.
func (c headerChanges) layer() layer {
	if !c.changeAnswers() {
		return nil
	}
	return changing(func(_ int, h http.Header) {
		if _, failed := h[failedMark]; failed {
			return
		}
		c.Response.apply(h)
		h[changedMark] = []string{""}
	})
}

// outer gives all other answers of the route, such as refusals, what is set.
func (c headerChanges) outer() layer {
	if !c.changeAnswers() {
		return nil
	}
	return changing(c.setOther)
}

func (c headerChanges) setOther(_ int, h http.Header) {
	if _, changed := h[changedMark]; changed {
		delete(h, changedMark)
		return
	}
	for _, pair := range c.Response.set {
		if !isOfContent(pair[0]) {
			h[pair[0]] = []string{pair[1]}
		}
	}
}

// isOfContent tells of headers that say what an answer holds and who may keep it, which is not so of a
// refusal in its place.
func isOfContent(name string) bool {
	switch name {
	case "Accept-Ranges", "Age", "Cache-Control", "Cdn-Cache-Control", "Etag", "Expires", "Last-Modified", "Pragma":
		return true
	}
	return strings.HasPrefix(name, "Content-") && !strings.HasPrefix(name, "Content-Security-Policy")
}

// refusing is for what refuses a request before its route's layers do.
func (v *visit) refusing(origin string) http.ResponseWriter {
	rt := v.route
	if rt == nil {
		return &v.out
	}
	return &headerWriter{ResponseWriter: &v.out, change: func(code int, h http.Header) {
		if rt.cors != nil {
			rt.cors.answer(h, origin)
		}
		rt.headers.setOther(code, h)
	}}
}

func changing(change func(code int, h http.Header)) layer {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&headerWriter{ResponseWriter: w, change: change}, r)
		})
	}
}

// headerWriter changes the headers of an answer as it leaves, and not before: what is
// stored of it further in has not got the change.
type headerWriter struct {
	http.ResponseWriter
	change  func(code int, h http.Header)
	changed bool
}

func (w *headerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *headerWriter) WriteHeader(code int) {
	if !w.changed {
		w.changed = code >= http.StatusOK || code == http.StatusSwitchingProtocols
		w.change(code, w.Header())
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *headerWriter) Write(b []byte) (int, error) {
	if !w.changed {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}
