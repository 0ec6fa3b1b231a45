package plan

import (
	"encoding/json"
	"io"
)

type jsonPlan struct {
	App       string        `json:"app"`
	File      string        `json:"file,omitempty"`
	Store     string        `json:"store,omitempty"`
	Broker    string        `json:"broker,omitempty"`
	Admin     string        `json:"admin"`
	Insecure  bool          `json:"insecure,omitempty"`
	Processes []jsonProcess `json:"processes"`
	Calls     []jsonCall    `json:"calls"`
	Warnings  []string      `json:"warnings,omitempty"`
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

// JSON writes the plan for programs: an object with app, file, store, broker, admin,
// insecure, processes, calls and warnings. Configuration and passwords do not show. The
// error is that of w.
func (p *Plan) JSON(w io.Writer) error {
	out := jsonPlan{
		App: p.App, File: p.File, Store: hidden(p.Store), Broker: hidden(p.Broker), Admin: p.Admin,
		Insecure: p.Insecure, Processes: []jsonProcess{}, Calls: []jsonCall{},
	}
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
