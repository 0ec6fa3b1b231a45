// Package fleet runs the processes of a plan on this machine, for development
// and tests: it starts them all, waits until they are ready, tells each of them
// where the others are, merges their logs, restarts what dies, and stops them in
// order. Production uses an orchestrator off the shelf instead.
//
//	f, err := fleet.New([]fleet.Process{
//		{Name: "web", Command: []string{self, "run", "--process", "web"}},
//		{Name: "accounts", Command: []string{self, "run", "--process", "accounts"}},
//	}, fleet.Options{Stdout: os.Stdout, Order: []string{"web", "accounts"}})
//	if err != nil {
//		return err
//	}
//	return f.Run(ctx) // until ctx ends, or a process cannot be kept alive
//
// A process that it starts attaches to it:
//
//	if parent, attached := fleet.Attach(); attached {
//		parent.Listening("http://127.0.0.1:4711")
//		parent.Ready()
//		<-parent.Done() // drain now
//	}
//
// # Protocol
//
// Fleet and process talk over the process's standard streams, so that it works
// alike on every system and in every language. The environment holds
// KERF_FLEET=1 (the protocol's version) and KERF_STOP_TIMEOUT. KERF_LISTEN has URLs to listen
// on, parted by spaces; after a restart it, KERF_WEB and KERF_ADMIN hold the addresses
// that the process had before and should take again.
//
// A line on stdout that begins with the byte 0x1e and "kerf " is an event, one
// JSON object; every other line of stdout and stderr is a log line:
//
//	{"listening": "http://127.0.0.1:4711"}  where others reach it; once for each link
//	{"web": "http://127.0.0.1:8080"}        where people reach it
//	{"admin": "http://127.0.0.1:4712"}      where operators reach it; /readyz is 503 while it waits
//	{"ready": true}                         it can do its work
//	{"failed": "port 8080 is taken"}        it cannot start: it is not tried again
//
// Each line on stdin is a JSON object; the end of stdin says that the fleet is
// gone, and that the process is to drain and end by itself:
//
//	{"reach": {"accounts": ["http://127.0.0.1:4711"]}}  all processes, whenever that changes
//	{"stop": true, "within_ms": 4000}                  drain and end; after that time it is killed
//
// Processes have process groups of their own, so that Ctrl-C on a terminal
// reaches only the fleet, which then drains them in order.
package fleet
