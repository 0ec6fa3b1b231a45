package fleet

import "time"

// Status is how one process does.
type Status struct {
	Process  string   `json:"process"`
	Replica  int      `json:"replica"`
	Services []string `json:"services"`
	PID      int      `json:"pid,omitempty"`     // 0 while it does not run
	Link     string   `json:"link,omitempty"`    // the scheme
	Address  string   `json:"address,omitempty"` // the URLs where others reach it, parted by spaces
	Web      string   `json:"web,omitempty"`
	Admin    string   `json:"admin,omitempty"`
	State    State    `json:"state"`
	Restarts int      `json:"restarts"`

	// UptimeSeconds counts from the last start; 0 while it does not run.
	UptimeSeconds float64 `json:"uptime_seconds"`
}

// Report is how a running app does.
type Report struct {
	App       string    `json:"app"`
	Plan      string    `json:"plan,omitempty"`
	PID       int       `json:"pid"`     // of the fleet, or of the one process; set by Publish
	Control   string    `json:"control"` // URL of the running app's own answers; set by Publish
	Started   time.Time `json:"started"`
	Processes []Status  `json:"processes,omitempty"`
}

// same reports whether both tell of the same run.
func (r Report) same(other Report) bool { return r.PID == other.PID && r.Started.Equal(other.Started) }
