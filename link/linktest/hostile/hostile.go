// Package hostile says to servers and clients what no peer of theirs says. Each must
// end the call or the connection, and go on with others.
package hostile

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"testing"
	"time"
)

// Bytes says bytes to a server, each of the cases on a connection of its own, which the
// server must close. After each well makes a good call.
func Bytes(t *testing.T, address string, cases map[string]string, well func(*testing.T)) {
	t.Helper()
	conns := make(map[string]net.Conn, len(cases)) // so that they wait together
	for name, bytes := range cases {
		conns[name] = Connect(t, address)
		_, _ = io.WriteString(conns[name], bytes) // it may close meanwhile
	}
	for name, c := range conns {
		t.Run(name, func(t *testing.T) {
			Closed(t, c)
			well(t)
		})
	}
}

// Random says what begins right, with one bit wrong and random bytes behind it, and
// hangs up; then again, many times. The server need only bear it.
func Random(t *testing.T, address string, beginnings ...string) {
	t.Helper()
	const seed, rounds, size = 7, 300, 400
	random := rand.New(rand.NewPCG(seed, seed))
	for range rounds {
		b := []byte(beginnings[random.IntN(len(beginnings))])
		for range random.IntN(size) {
			b = append(b, byte(random.Uint32()))
		}
		b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		c := Connect(t, address)
		_, _ = c.Write(b) // it may close meanwhile
		_ = c.Close()
	}
}

// Connect makes a bare connection, which lasts until the test ends.
func Connect(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn) //nolint:forcetypeassert // a TCP address gives one
}

// Closed gives what the other side says until it hangs up, which must be soon.
func Closed(t *testing.T, c net.Conn) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(c)
	if timedOut(err) {
		t.Error("the connection stays open")
	}
	return string(said)
}

func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// Cheap fails the test if do takes memory as a peer pleases. Nothing may run beside it.
func Cheap(t *testing.T, do func()) {
	t.Helper()
	const most = 128 << 20 // many times the 4 MiB of the largest message, since buffers double
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > most {
		t.Errorf("%d MiB were allocated", taken>>20)
	}
}
