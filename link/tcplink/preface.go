package tcplink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A connection begins with eight bytes from each side: magic, the newest and the
// oldest version it speaks, and feature bits. What both speak holds.
const (
	magic          = "kerf"
	newest, oldest = 1, 1
	features       = uint16(0) // none yet

	prefaceLen  = 8
	prefaceWait = 5 * time.Second
)

// preface is what a side says of itself.
type preface struct {
	newest, oldest byte
	features       uint16
}

func (p preface) bytes() []byte {
	return binary.BigEndian.AppendUint16(append([]byte(magic), p.newest, p.oldest), p.features)
}

// parsePreface reads one of a peer that this program can speak with.
func parsePreface(b []byte) (preface, error) {
	if len(b) != prefaceLen || string(b[:len(magic)]) != magic {
		return preface{}, errors.New("does not speak Kerf's TCP format")
	}
	p := preface{newest: b[4], oldest: b[5], features: binary.BigEndian.Uint16(b[6:])}
	if p.newest < oldest || p.oldest > newest || p.newest < p.oldest {
		return preface{}, fmt.Errorf("speaks versions %d to %d of Kerf's TCP format, and this program %d to %d",
			p.oldest, p.newest, oldest, newest)
	}
	return p, nil
}

// greet exchanges prefaces. A connection that does not begin so is of no use.
func greet(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(prefaceWait)); err != nil {
		return err
	}
	if _, err := c.Write(preface{newest, oldest, features}.bytes()); err != nil {
		return err
	}
	theirs := make([]byte, prefaceLen)
	if _, err := io.ReadFull(c, theirs); err != nil {
		return err
	}
	if _, err := parsePreface(theirs); err != nil {
		return fmt.Errorf("%s %w", c.RemoteAddr(), err)
	}
	return c.SetDeadline(time.Time{})
}
