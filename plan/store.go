package plan

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Store is where a service's rows are, and who looks after its tables.
type Store struct {
	URL         string        // its path joined to the plan's folder; "": the app's data folder
	ByCommand   bool          // the start does not migrate: the app's command migrate does
	Foreign     bool          // the tables are someone else's: nothing is ever written for the sake of Kerf
	Connections int           // the most of one service in one process; 0: the store's default
	Wait        time.Duration // how long a caller waits for one of them; 0: the store's default
}

// String is the store as people may see it: without a password.
func (s Store) String() string {
	words := []string{hidden(s.URL)}
	if s.URL == "" {
		words[0] = "the app's data folder"
	}
	if s.ByCommand {
		words = append(words, "migrated by command")
	}
	if s.Foreign {
		words = append(words, "someone else's tables")
	}
	if s.Connections > 0 {
		words = append(words, fmt.Sprintf("at most %d connections", s.Connections))
	}
	if s.Wait > 0 {
		words = append(words, fmt.Sprintf("waits %v for one", s.Wait))
	}
	return strings.Join(words, ", ")
}

// StoreOf is the store of a service: the plan's, or what it says of this one.
func (p *Plan) StoreOf(service string) Store {
	if s, ok := p.Stores[service]; ok {
		return s
	}
	return p.Store
}

// KeepInDataFolder puts every SQLite store that is not foreign into the app's data
// folder, whatever the plan says. It is for who has just resolved the plan.
func (p *Plan) KeepInDataFolder() {
	p.Store = p.Store.inDataFolder()
	for service, s := range p.Stores {
		p.Stores[service] = s.inDataFolder()
	}
}

func (s Store) inDataFolder() Store {
	if strings.HasPrefix(s.URL, "sqlite:") && !s.Foreign {
		s.URL = ""
	}
	return s
}

// storeRows are lines of a table; none for a plan that says nothing of stores.
func (p *Plan) storeRows() [][]string {
	var rows [][]string
	if p.Store != (Store{}) {
		rows = append(rows, []string{"store", p.Store.String()})
	}
	for _, service := range slices.Sorted(maps.Keys(p.Stores)) {
		rows = append(rows, []string{"store of " + service, p.Stores[service].String()})
	}
	return rows
}

func (r *resolver) placeStore() {
	raw := r.raw.store
	r.plan.Store = r.storeOf(raw, Store{})
	for _, s := range raw.services.v {
		if _, ok := r.model.service(s.name.v); !ok && r.homes[s.name.v] == nil {
			r.add(s.name.at, fmt.Sprintf("store is for service %s, which the app has not", quote(s.name.v)),
				suggest(s.name.v, r.model.serviceNames(), "service"))
			continue
		}
		if r.plan.Stores == nil {
			r.plan.Stores = make(map[string]Store)
		}
		r.plan.Stores[s.name.v] = r.storeOf(*s.v, r.plan.Store)
	}
}

// storeOf is what a plan says of a store, and what holds otherwise.
func (r *resolver) storeOf(raw fileStore, s Store) Store {
	if raw.url.set() {
		s.URL = r.storeURL(raw.url)
	}
	if raw.foreign.set() {
		s.Foreign = raw.foreign.v
	}
	if raw.migrate.set() {
		s.ByCommand = !raw.migrate.v
	}
	if raw.connections.set() {
		s.Connections = raw.connections.v
	}
	if raw.wait.set() {
		s.Wait = raw.wait.v
	}
	if s.Foreign && raw.migrate.v {
		r.add(raw.migrate.at, "the store is foreign, and yet to be migrated",
			"leave migrate out: who owns the tables changes them")
	}
	if s.Foreign {
		s.ByCommand = false // there is nothing to be done
	}
	return s
}

// storeURL checks a store's URL and makes its path absolute. The URL may hold a
// password: no error repeats it.
func (r *resolver) storeURL(said placed[string]) string {
	scheme, rest, ok := strings.Cut(said.v, ":")
	if _, err := url.Parse(said.v); err != nil || !ok || scheme == "" || rest == "" {
		r.add(said.at, "store is not a URL", "write it as sqlite:FOLDER or postgres://USER@HOST/DATABASE")
		return ""
	}
	if known := r.model.Stores; known != nil && !slices.Contains(known, scheme) {
		r.add(said.at, "there is no store of the kind "+quote(scheme), suggest(scheme, known, "store"))
		return ""
	}
	if scheme != "sqlite" {
		return said.v
	}
	path := r.beside(filepath.FromSlash(rest))
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return (&url.URL{Scheme: scheme, OmitHost: true, Path: filepath.ToSlash(path)}).String()
}

// beside gives a path that is relative to the plan's folder.
func (r *reader) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.file), path)
}

// hidden is a URL without its password, wherever that stands.
func hidden(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	query := u.Query()
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query.Set(name, "xxxxx")
			u.RawQuery = query.Encode()
		}
	}
	return u.Redacted()
}
