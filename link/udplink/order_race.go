//go:build race

package udplink

import "sync/atomic"

// order tells the race detector that what is received was sent before. It knows that
// of connections, but not of datagrams, and would find races in tests that have both
// ends in one process.
var order atomic.Uint64

func sending()  { order.Add(1) }
func received() { order.Load() }
