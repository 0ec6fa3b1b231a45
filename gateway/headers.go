package gateway

import "net/http"

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

// layer changes the headers of answers as they leave.
func (c headerChanges) layer() layer {
	if c.Response.remove == nil && c.Response.set == nil {
		return nil
	}
	change := func(_ int, h http.Header) { c.Response.apply(h) }
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
