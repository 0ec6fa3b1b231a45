package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestALineOfTheLogIsJSONWhateverIsAskedFor(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := &accessLog{to: &out}
	const odd = "a\"b\\c\n\x00\x7f\xff\u00e9\u2028"
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	v := &visit{
		began: time.Now(), client: client{address: netip.MustParseAddr("::1")}, host: odd, user: odd,
		path: path{canonical: odd}, route: &route{name: odd}, err: errors.New(odd),
	}
	l.write(v, &recorder{code: http.StatusTeapot, bytes: 12}, r)
	l.write(v, &recorder{}, r)
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	var line struct {
		Time                                                  time.Time
		Client, Method, Host, Path, Route, Proto, User, Error string
		Status, Bytes                                         int
		Seconds                                               float64
	}
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil { //nolint:musttag // names are matched as they are
		t.Fatalf("%v: %s", err, lines[0])
	}
	want := strings.ToValidUTF8(odd, "\uFFFD")
	for _, got := range []string{line.Host, line.Path, line.Route, line.User, line.Error} {
		if got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	if line.Client != "::1" || line.Status != http.StatusTeapot || line.Bytes != 12 || line.Time.IsZero() {
		t.Errorf("%+v", line)
	}
}

func TestTheLogsClock(t *testing.T) {
	t.Parallel()
	var c clock
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("east", 3600))
	for _, after := range []time.Duration{0, 999, time.Microsecond, 123456789, 999999999, time.Second, time.Hour, 0} {
		want := at.Add(after).UTC().Format("2006-01-02T15:04:05.000000Z")
		if got := string(c.append(nil, at.Add(after))); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}
