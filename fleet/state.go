package fleet

// State is where a process is in its life:
//
//	             ready                   stop asked
//	starting ------------> ready ------------------------+
//	 ^  |  |                 |                            v
//	 |  |  |      died, or killed as not ready         draining
//	 |  |  +---------------->+                            |
//	 |  |                    v                            v
//	 |  |               backing off --- stop asked --> stopped
//	 |  |                    |                            ^
//	 +--|--------------------+--- died too often --+      | Kill
//	 |  |                                          v      |
//	 |  +--- cannot start ------------------> failed      |
//	 +------------------- Restart ------------------------+
//
// A stop asked of a starting process drains it too. A failed process makes the
// fleet stop all others.
type State string

// The states of a process.
const (
	Starting   State = "starting"    // it runs and is not ready yet
	Ready      State = "ready"       // it runs and has said that it is ready
	BackingOff State = "backing off" // it died and waits for its restart
	Draining   State = "draining"    // it was told to stop and still runs
	Stopped    State = "stopped"     // it ended because it was told to, or by Fleet.Kill
	Failed     State = "failed"      // it was given up
)

// want is what the fleet wants of a process.
type want int

const (
	wantUp   want = iota
	wantDown      // by Fleet.Kill, until Fleet.Restart
	wantStop      // for good
)
