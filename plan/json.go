package plan

import (
	"encoding/json"
	"io"
)

type jsonPlan struct {
	App       string               `json:"app"`
	File      string               `json:"file,omitempty"`
	Store     string               `json:"store,omitempty"` // its URL
	StoreMore *jsonStore           `json:"store_options,omitempty"`
	Stores    map[string]jsonStore `json:"stores,omitempty"` // by service, of those that differ
	Broker    string               `json:"broker,omitempty"`
	Admin     string               `json:"admin"`
	Drain     string               `json:"drain"` // "off", or as time.ParseDuration reads it
	Insecure  bool                 `json:"insecure,omitempty"`
	Processes []jsonProcess        `json:"processes"`
	Calls     []jsonCall           `json:"calls"`
	Policies  []jsonPolicy         `json:"policies"`
	Upstreams []jsonUpstream       `json:"upstreams,omitempty"`
	Warnings  []string             `json:"warnings,omitempty"`
}

type jsonProcess struct {
	Name      string         `json:"name"`
	Services  []string       `json:"services"`
	Replicas  int            `json:"replicas"`
	Web       string         `json:"web,omitempty"`
	Command   []string       `json:"command,omitempty"`
	Listeners []jsonListener `json:"listeners"`
}

type jsonListener struct {
	Link   string `json:"link"`
	Listen string `json:"listen"`
	Reach  string `json:"reach,omitempty"`
}

type jsonStore struct {
	URL         string `json:"url,omitempty"`
	Migrate     bool   `json:"migrate"`
	Foreign     bool   `json:"foreign"`
	Connections int    `json:"connections,omitempty"`
	Wait        string `json:"wait,omitempty"` // as time.ParseDuration reads it
}

func (s Store) json() jsonStore {
	out := jsonStore{
		URL: hidden(s.URL), Migrate: !s.ByCommand && !s.Foreign, Foreign: s.Foreign, Connections: s.Connections,
	}
	if s.Wait > 0 {
		out.Wait = s.Wait.String()
	}
	return out
}

// jsonStores adds what there is to say of stores beside where they are.
func (p *Plan) jsonStores(out *jsonPlan) {
	out.Store = hidden(p.Store.URL)
	if p.Store != (Store{URL: p.Store.URL}) {
		more := p.Store.json()
		more.URL = ""
		out.StoreMore = &more
	}
	for service, s := range p.Stores {
		if out.Stores == nil {
			out.Stores = make(map[string]jsonStore)
		}
		out.Stores[service] = s.json()
	}
}

type jsonCall struct {
	From        string `json:"from"`
	To          string `json:"to"`
	FromProcess string `json:"from_process"`
	ToProcess   string `json:"to_process"`
	Method      string `json:"method"`
	Kind        string `json:"kind"`
	Link        string `json:"link"`
	Wait        string `json:"wait"`
	Deadline    string `json:"deadline,omitempty"` // as time.ParseDuration reads it; absent: none
	Shared      bool   `json:"shared,omitempty"`
}

type jsonPolicy struct {
	Policy  string   `json:"policy"`
	What    string   `json:"what"`
	From    string   `json:"from,omitempty"` // the entry, as in Applied; absent: the default
	Methods []string `json:"methods"`
}

type jsonUpstream struct {
	Name     string            `json:"name"`
	Services []string          `json:"services"`           // that ask it
	Policies map[string]string `json:"policies,omitempty"` // in words, of those that the plan gives it
}

// JSON writes the plan for programs: an object with app, file, store, stores, broker, admin,
// drain, insecure, processes, calls, policies, upstreams and warnings. Configuration and passwords do not show. The
// error is that of w.
func (p *Plan) JSON(w io.Writer) error {
	out := jsonPlan{
		App: p.App, File: p.File, Broker: hidden(p.Broker), Admin: p.Admin, Drain: p.drainText(),
		Insecure: p.Insecure, Processes: []jsonProcess{}, Calls: []jsonCall{}, Policies: []jsonPolicy{},
	}
	p.jsonStores(&out)
	for _, q := range p.Processes {
		out.Processes = append(out.Processes, jsonProcess{
			q.Name, q.Services, q.Replicas, q.Web, q.Command, q.jsonListeners(),
		})
	}
	for _, c := range p.Calls {
		deadline := ""
		if c.Deadline > 0 {
			deadline = c.Deadline.String()
		}
		out.Calls = append(out.Calls, jsonCall{
			c.From, c.To, c.FromProcess, c.ToProcess, c.Method, c.Kind, c.Link, c.Wait.String(), deadline, c.Shared,
		})
	}
	for _, g := range p.policyGroups() {
		out.Policies = append(out.Policies, jsonPolicy{g.Policy, g.What, g.From, g.methods})
	}
	for _, u := range p.upstreams {
		out.Upstreams = append(out.Upstreams, u.json())
	}
	for _, warning := range p.Warnings {
		out.Warnings = append(out.Warnings, warning.Error())
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false) // arrows are for people too
	return e.Encode(out)
}

func (q Process) jsonListeners() []jsonListener {
	all := []jsonListener{}
	if q.Listen != "" {
		all = append(all, jsonListener(q.Listener))
	}
	for _, l := range q.More {
		all = append(all, jsonListener(l))
	}
	return all
}
