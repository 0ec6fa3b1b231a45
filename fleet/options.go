package fleet

import (
	"io"
	"os"
	"time"
)

// Options tune a Fleet. The zero value is valid.
type Options struct {
	App  string // shown in the status
	Plan string // shown in the status

	// Stdout gets the merged logs, one write for each line. Nil discards them. A
	// Stdout that blocks holds up the processes as a stopped terminal would; one
	// that fails loses lines and nothing else.
	Stdout io.Writer

	// Color says whether names are coloured. Nil: if Stdout is a terminal and the
	// environment has no NO_COLOR (https://no-color.org).
	Color *bool

	// ReadyTimeout bounds the time from a process's start until it is ready; then
	// it is killed, which counts as a death, unless its admin listener answers /readyz with
	// 503: it waits for what it needs, and is asked again after as long. Default 30 s.
	ReadyTimeout time.Duration

	// StopTimeout bounds the stop of the whole fleet. Each step of Order may take
	// an equal share of what is left; then what still runs is killed. It also bounds
	// how long a process may drain when its fleet has vanished. Default 20 s.
	StopTimeout time.Duration

	// BackoffMin and BackoffMax bound the time before a restart: it is drawn between
	// zero and a ceiling, which begins at BackoffMin (default 200 ms) and doubles
	// with each death up to BackoffMax (default 10 s).
	BackoffMin, BackoffMax time.Duration

	// MaxRestarts is how often a process is started again without having been ready
	// for RestartWindow in between; after that the fleet gives up. Default 5 times
	// and one minute, Erlang's supervisors' way of bounding a crash loop. A negative
	// MaxRestarts forbids restarts.
	MaxRestarts   int
	RestartWindow time.Duration

	// StatusFile is where ReadStatus finds this fleet while it runs. Empty: nowhere.
	StatusFile string

	// Order has the names of the processes in the order to stop them: callers
	// first, those they call last. What it leaves out is stopped last, together.
	Order []string
}

func (o Options) withDefaults() Options {
	if o.Stdout == nil {
		o.Stdout = io.Discard
	}
	if o.Color == nil {
		colored := isTerminal(o.Stdout) && os.Getenv("NO_COLOR") == ""
		o.Color = &colored
	}
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&o.ReadyTimeout, 30 * time.Second},
		{&o.StopTimeout, 20 * time.Second},
		{&o.BackoffMin, 200 * time.Millisecond},
		{&o.BackoffMax, 10 * time.Second},
		{&o.RestartWindow, time.Minute},
	} {
		if *d.value <= 0 {
			*d.value = d.standard
		}
	}
	if o.MaxRestarts == 0 {
		o.MaxRestarts = 5
	}
	o.MaxRestarts = max(o.MaxRestarts, 0)
	return o
}

// isTerminal reports whether w is a character device. Of those, /dev/null and
// its like do not mind colours either.
func isTerminal(w io.Writer) bool {
	file, isFile := w.(*os.File)
	if !isFile {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
