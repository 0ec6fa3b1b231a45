//go:build !unix

package http1

import "syscall"

// peek would look what has come on a connection. Here that cannot be seen without waiting for it,
// so that no connection is used again.
type peek struct{}

func (*peek) at(syscall.RawConn) {}

func (*peek) pending() bool { return true }
