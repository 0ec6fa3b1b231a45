package fleet

import (
	"fmt"
	"io"
	"sync"
)

// ownLabel is the name under which the fleet itself speaks.
const ownLabel = "fleet"

// merger joins the logs of all processes, one whole line at a time.
type merger struct {
	width int // of the longest label
	color bool

	mu  sync.Mutex // guards the fields below: one line at a time
	w   io.Writer
	buf []byte
}

func newMerger(o Options, labels []string) *merger {
	width := len(ownLabel)
	for _, label := range labels {
		width = max(width, len(label))
	}
	return &merger{w: o.Stdout, width: width, color: *o.Color}
}

// line writes a line under a label. The part of a line that was too long for one
// has a plus instead of the bar. hue picks the label's colour.
func (g *merger) line(label string, hue int, text []byte, part bool) {
	mark := byte('|')
	if part {
		mark = '+'
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.buf = g.buf[:0]
	if g.color {
		g.buf = fmt.Appendf(g.buf, "\x1b[%dm%-*s %c\x1b[0m ", ansi(hue), g.width, label, mark)
	} else {
		g.buf = fmt.Appendf(g.buf, "%-*s %c ", g.width, label, mark)
	}
	g.buf = append(g.buf, text...)
	g.buf = append(g.buf, '\n')
	_, _ = g.w.Write(g.buf) // with nowhere to log to, the processes still do their work
}

// sayf writes a line of the fleet's own.
func (g *merger) sayf(format string, args ...any) {
	g.line(ownLabel, -1, fmt.Appendf(nil, format, args...), false)
}

// ansi gives the terminal's code for a colour; the six that can be read on light
// and dark grounds, and bold for the fleet itself.
func ansi(hue int) int {
	codes := [...]int{36, 33, 32, 35, 34, 31}
	if hue < 0 {
		return 1
	}
	return codes[hue%len(codes)]
}
