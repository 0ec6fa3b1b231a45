package plan

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// placeStore checks the store's URL and makes its path absolute. The URL may hold
// a password: no error repeats it.
func (r *resolver) placeStore() {
	store := r.raw.store
	if !store.set() {
		return
	}
	scheme, rest, ok := strings.Cut(store.v, ":")
	if _, err := url.Parse(store.v); err != nil || !ok || scheme == "" || rest == "" {
		r.add(store.at, "store is not a URL", "write it as sqlite:FOLDER")
		return
	}
	if known := r.model.Stores; known != nil && !slices.Contains(known, scheme) {
		r.add(store.at, "there is no store of the kind "+quote(scheme), suggest(scheme, known, "store"))
		return
	}
	r.plan.Store = store.v
	if scheme == "sqlite" {
		path := r.beside(filepath.FromSlash(rest))
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		r.plan.Store = (&url.URL{Scheme: scheme, OmitHost: true, Path: filepath.ToSlash(path)}).String()
	}
}

// beside gives a path that is relative to the plan's folder.
func (r *reader) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.file), path)
}

// hidden is a URL without its password.
func hidden(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Redacted()
}
