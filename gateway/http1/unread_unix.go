//go:build unix

package http1

import "syscall"

// pending tells whether there is anything to read, be it the end.
func pending(socket syscall.RawConn) bool {
	var first [1]byte
	var failure error
	err := socket.Read(func(fd uintptr) bool {
		_, _, failure = syscall.Recvfrom(int(fd), first[:], syscall.MSG_PEEK)
		return true
	})
	return err != nil || failure != syscall.EAGAIN
}
