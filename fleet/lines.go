package fleet

import (
	"bytes"
	"io"
)

// maxLine bounds a line, so that one that never ends takes no more memory than
// this; 64 KiB is what most log collectors take whole.
const maxLine = 64 << 10

// lines cuts a stream into lines. A longer line than maxLine comes in parts. The
// record separator begins a line too, so that an event is seen behind half a line.
type lines struct {
	emit func(line []byte, part bool) // part: it continues the line before

	buf  []byte
	part bool
}

var _ io.Writer = (*lines)(nil)

// Write never fails: a process must not stumble over its own log.
func (l *lines) Write(p []byte) (int, error) {
	size := len(p)
	for len(p) > 0 {
		end := bytes.IndexAny(p, "\n\x1e")
		if end < 0 {
			l.add(p)
			break
		}
		l.add(p[:end])
		if p[end] == '\n' {
			l.end()
		} else {
			l.flush()
			l.buf = append(l.buf, recordSeparator)
		}
		p = p[end+1:]
	}
	return size, nil
}

// flush ends a line that has no end yet.
func (l *lines) flush() {
	if len(l.buf) > 0 {
		l.end()
	}
	l.part = false
}

func (l *lines) add(chunk []byte) {
	for len(l.buf)+len(chunk) > maxLine {
		room := maxLine - len(l.buf)
		l.emit(append(l.buf, chunk[:room]...), l.part)
		l.buf, l.part, chunk = l.buf[:0], true, chunk[room:]
	}
	l.buf = append(l.buf, chunk...)
}

func (l *lines) end() {
	if len(l.buf) > 0 || !l.part {
		l.emit(bytes.TrimSuffix(l.buf, []byte("\r")), l.part)
	}
	l.buf, l.part = l.buf[:0], false
}
