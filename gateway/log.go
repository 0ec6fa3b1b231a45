package gateway

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/telemetry"
)

// accessLog writes a line of JSON for each request. A nil one writes nothing.
type accessLog struct {
	mu     sync.Mutex // guards what follows
	line   []byte     // memory of the line before
	clock  clock
	to     io.Writer
	closer io.Closer // nil: not ours to close
}

// newAccessLog takes "" and stdout for standard output, off for none, and all else for a
// file that is added to.
func newAccessLog(to string) (*accessLog, error) {
	switch to {
	case "off":
		return nil, nil //nolint:nilnil // that is how nothing is written
	case "", "stdout":
		return &accessLog{to: os.Stdout}, nil
	}
	f, err := os.OpenFile(to, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // the one configured
	if err != nil {
		return nil, fmt.Errorf("access log: %w", err)
	}
	return &accessLog{to: f, closer: f}, nil
}

func (l *accessLog) Close() error {
	if l == nil || l.closer == nil {
		return nil
	}
	return l.closer.Close()
}

// write tells of a request that has ended. Neither query nor headers are told, which may
// hold secrets. It is written by hand since it is on the way of every request.
func (l *accessLog) write(v *visit, w *recorder, r *http.Request) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.line = l.clock.append(append(l.line[:0], `{"time":"`...), now)
	l.line = appendRest(l.line, now, v, w, r)
	_, _ = l.to.Write(l.line) // there is nowhere to tell that it failed
}

// clock writes times. Those of one second begin alike.
type clock struct {
	second int64
	begin  []byte
}

// append adds a time as RFC 3339 has it, in UTC, to the microsecond.
func (c *clock) append(b []byte, t time.Time) []byte {
	if s := t.Unix(); s != c.second || c.begin == nil {
		c.second, c.begin = s, t.UTC().AppendFormat(c.begin[:0], time.DateOnly+"T"+time.TimeOnly)
	}
	b = append(b, c.begin...)
	dot := len(b)
	const room = 1_000_000 // whose first digit is where the dot comes
	b = strconv.AppendInt(b, room+int64(t.Nanosecond())/int64(time.Microsecond), 10)
	b[dot] = '.'
	return append(b, 'Z')
}

// appendRest adds what follows the time.
func appendRest(b []byte, now time.Time, v *visit, w *recorder, r *http.Request) []byte {
	b = append(b, `","client":"`...)
	b = v.client.address.AppendTo(b)
	b = appendText(append(b, `","method":`...), r.Method)
	b = appendText(append(b, `,"host":`...), v.host)
	b = appendText(append(b, `,"path":`...), v.path.canonical)
	if v.route != nil {
		b = appendText(append(b, `,"route":`...), v.route.name)
	}
	b = strconv.AppendInt(append(b, `,"status":`...), int64(cmp.Or(w.code, http.StatusOK)), 10)
	b = strconv.AppendInt(append(b, `,"bytes":`...), w.bytes, 10)
	b = strconv.AppendFloat(append(b, `,"seconds":`...), now.Sub(v.began).Seconds(), 'f', 6, 64)
	b = appendText(append(b, `,"proto":`...), r.Proto)
	if span := trace.SpanContextFromContext(r.Context()); span.IsValid() {
		id := span.TraceID()
		b = append(hex.AppendEncode(append(b, `,"trace_id":"`...), id[:]), '"')
	}
	if id := telemetry.Correlation(r.Context()); id != "" {
		b = appendText(append(b, `,"correlation_id":`...), id)
	}
	if v.user != "" {
		b = appendText(append(b, `,"user":`...), v.user)
	}
	if v.err != nil {
		b = appendText(append(b, `,"error":`...), v.err.Error())
	} else if why := v.body.Load(); why != nil {
		b = appendText(append(b, `,"error":`...), status.Convert(*why).Message())
	}
	return append(b, "}\n"...)
}

// appendText adds a string of JSON.
func appendText(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		case c < utf8.RuneSelf:
			b = append(b, s[i])
		default:
			b = utf8.AppendRune(b, c) // a byte that is no UTF-8 becomes U+FFFD
		}
	}
	return append(b, '"')
}
