package tcplink

import (
	"encoding/binary"
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

// greet exchanges prefaces. A connection that does not begin so is of no use.
func greet(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(prefaceWait)); err != nil {
		return err
	}
	own := binary.BigEndian.AppendUint16(append([]byte(magic), newest, oldest), features)
	if _, err := c.Write(own); err != nil {
		return err
	}
	theirs := make([]byte, prefaceLen)
	if _, err := io.ReadFull(c, theirs); err != nil {
		return err
	}
	if string(theirs[:len(magic)]) != magic {
		return fmt.Errorf("%s does not speak Kerf's TCP format", c.RemoteAddr())
	}
	if most, least := theirs[4], theirs[5]; most < oldest || least > newest || most < least {
		return fmt.Errorf("%s speaks versions %d to %d of Kerf's TCP format, and this program %d to %d",
			c.RemoteAddr(), least, most, oldest, newest)
	}
	return c.SetDeadline(time.Time{})
}
