package fleet

// What fleet and process say to each other; the package comment describes it.
const (
	envFleet       = "KERF_FLEET"
	envListen      = "KERF_LISTEN"
	envWeb         = "KERF_WEB"
	envAdmin       = "KERF_ADMIN"
	envStopTimeout = "KERF_STOP_TIMEOUT"

	protocolVersion = "1"

	// recordSeparator begins an event, wherever a process was in its line.
	recordSeparator = '\x1e'
	eventPrefix     = "\x1ekerf "
)

// event is what a process reports on its stdout.
type event struct {
	Listening string `json:"listening,omitempty"`
	Web       string `json:"web,omitempty"`
	Admin     string `json:"admin,omitempty"`
	Ready     bool   `json:"ready,omitempty"`
	Failed    string `json:"failed,omitempty"`
}

// order is what a process is told on its stdin.
type order struct {
	Reach    Directory `json:"reach,omitempty"`
	Stop     bool      `json:"stop,omitempty"`
	WithinMS int64     `json:"within_ms,omitempty"`
}
