//go:build unix

package http1

import (
	"errors"
	"syscall"
)

// peek looks what has come on a connection without taking it.
type peek struct {
	socket  syscall.RawConn // nil: it cannot be seen
	first   [1]byte
	failure error
	look    func(fd uintptr)
}

func (p *peek) at(socket syscall.RawConn) {
	p.socket = socket
	p.look = func(fd uintptr) { _, _, p.failure = syscall.Recvfrom(int(fd), p.first[:], syscall.MSG_PEEK) }
}

// pending tells whether there is anything to read, be it the end.
func (p *peek) pending() bool {
	return p.socket == nil || p.socket.Control(p.look) != nil || !errors.Is(p.failure, syscall.EAGAIN)
}
