//go:build !unix

package http1

import "syscall"

// pending would tell whether there is anything to read. Here that cannot be seen without
// waiting for it, so that no connection is used again.
func pending(syscall.RawConn) bool { return true }
