package gateway_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Each file of testdata/raw is a configuration and cases, each with a sentence:
//
//	# what is sent
//	> its bytes, with \r, \n, \xHH and {100*a}
//	< the statuses of the answers, and closed if the connection then is
//	= what the upstream saw, once for each request: method, host, URI, headers, body
//
// A request that never ends is none. Of headers, those that say of every request the same
// are left out. A connection that is not closed must answer one more request: so all agree
// on where the last one ended.
func TestRawRequestsAreReadInOneWay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/raw/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			config, cases, _ := strings.Cut(string(text), "---\n")
			up := newWitness(t)
			b := setup(t, config, map[string]*httptest.Server{"one": up.Server})
			for text := range strings.SplitSeq(strings.TrimSpace(cases), "\n\n") {
				c := parseRaw(t, text)
				// One after another: the upstream tells of them all.
				for in, size := range map[string]int{"one write": len(c.send), "many writes": 1 + len(c.send)/1000} {
					t.Run(c.name+"/in "+in, func(t *testing.T) { c.run(t, b, up, size) })
				}
			}
		})
	}
}

// rawCase is one of a file's.
type rawCase struct {
	name   string
	send   string
	codes  []string
	closed bool
	saw    []string
}

func parseRaw(t *testing.T, text string) rawCase {
	t.Helper()
	var c rawCase
	for line := range strings.SplitSeq(text, "\n") {
		kind, rest, _ := strings.Cut(line, " ")
		switch kind {
		case "#":
			c.name = rest
		case ">":
			c.send += unescape(t, rest)
		case "<":
			c.codes = strings.Fields(rest)
			c.closed = c.codes[len(c.codes)-1] == "closed"
			if c.closed {
				c.codes = c.codes[:len(c.codes)-1]
			}
		case "=":
			c.saw = append(c.saw, rest)
		default:
			t.Fatalf("%q begins with none of # > < =", line)
		}
	}
	return c
}

var repeated = regexp.MustCompile(`\{(\d+)\*(.)\}`)

func unescape(t *testing.T, s string) string {
	t.Helper()
	var out []byte
	for len(s) > 0 {
		c, wide, rest, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if wide {
			out = append(out, string(c)...)
		} else {
			out = append(out, byte(c))
		}
		s = rest
	}
	return repeated.ReplaceAllStringFunc(string(out), func(s string) string {
		m := repeated.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[1])
		return strings.Repeat(m[2], n)
	})
}

func (c rawCase) run(t *testing.T, b *bundle, up *witness, size int) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	for piece := range slices.Chunk([]byte(c.send), size) {
		if _, err := conn.Write(piece); err != nil && !c.closed {
			t.Fatal(err)
		}
	}
	in := bufio.NewReader(conn)
	method, _, _ := strings.Cut(c.send, " ")
	codes := make([]string, 0, len(c.codes))
	for range c.codes {
		codes = append(codes, readCode(t, in, method))
		method = ""
	}
	if !slices.Equal(codes, c.codes) {
		t.Errorf("answers %q, not %q", codes, c.codes)
	}
	if c.closed {
		if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
			t.Errorf("then comes %q, %v, and not the end", rest, err)
		}
	} else {
		fmt.Fprint(conn, "GET /alive HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		rest, err := io.ReadAll(in)
		alive := strings.HasSuffix(string(rest), "\r\n\r\nalive") && strings.Count(string(rest), "HTTP/1.1 ") == 1
		if err != nil || !alive {
			t.Errorf("the next request is answered by %q, %v", rest, err)
		}
	}
	if saw := up.take(); !slices.Equal(saw, c.saw) {
		t.Errorf("the upstream saw\n%s\nand not\n%s", strings.Join(saw, "\n"), strings.Join(c.saw, "\n"))
	}
}

func readCode(t *testing.T, in *bufio.Reader, method string) string {
	t.Helper()
	r, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err.Error()
	}
	return strconv.Itoa(r.StatusCode)
}

// witness is an upstream that remembers what it saw.
type witness struct {
	*httptest.Server
	mu  sync.Mutex
	saw []string
}

func newWitness(t *testing.T) *witness {
	t.Helper()
	w := new(witness)
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

func (u *witness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	saw := tell(r, strings.TrimPrefix(u.URL, "http://"))
	if saw == "" {
		return
	}
	u.mu.Lock()
	u.saw = append(u.saw, saw)
	u.mu.Unlock()
	if r.Header.Get("Upgrade") == "" {
		return
	}
	conn, out, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	out.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	out.Flush()
}

// tell is "" for requests that do not end.
func tell(r *http.Request, own string) string {
	host := r.Host
	if host == own {
		host = "upstream"
	}
	parts := []string{r.Method + " " + host + " " + r.RequestURI}
	for name, value := range map[string]string{
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": r.Host, "X-Forwarded-Proto": "http", "Content-Length": "",
	} {
		if have, ok := r.Header[name]; value == "" || ok && len(have) == 1 && have[0] == value {
			delete(r.Header, name)
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return ""
	}
	var headers []string
	for name, values := range r.Header {
		headers = append(headers, fmt.Sprintf("%s: %s", name, strings.Trim(fmt.Sprintf("%q", values), "[]")))
	}
	for name := range r.Trailer {
		headers = append(headers, "trailer "+name)
	}
	slices.Sort(headers)
	parts = append(parts, headers...)
	if len(body) > 0 {
		parts = append(parts, fmt.Sprintf("body %q", body))
	}
	return strings.Join(parts, " | ")
}

// take gives what was seen since it was last asked.
func (u *witness) take() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	saw := u.saw
	u.saw = nil
	return saw
}
