// Package porttest gives tests addresses at which nobody listens, and which stay theirs.
//
// Whoever listens at ":0" or dials gets a port of the ephemeral range from the system, and a
// port of that range that was closed is given to the next test that asks. The addresses here
// lie below it: it begins at 32768 on Linux, and at 49152 elsewhere (RFC 6335, section 6).
package porttest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

const (
	lowest = 12000
	count  = 20000
)

// Free is a TCP address of this host, as host:port, at which nobody listens. Two calls may
// get the same one, once in 20,000 times.
func Free(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+rand.IntN(count)))
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err != nil {
			continue // it is taken
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatal("100 ports were taken: is 127.0.0.1 up?")
	return ""
}
