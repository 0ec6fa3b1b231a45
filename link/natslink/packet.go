package natslink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link/call/frame"
)

// A packet is what one NATS message holds: a preface, and frames. Those that must
// keep their order come in packets that are numbered from 1 on, for each call and
// direction; put together they are one row of frames, which may be cut anywhere.
// A packet with the number 0 stands for itself.
const (
	magic          = "kerf"
	newest, oldest = 1, 1
	prefaceLen     = 12
)

// appendPreface writes magic, the newest version that this program speaks, the one
// that the packet is written in, feature bits (none yet), and the packet's number.
func appendPreface(b []byte, number uint32) []byte {
	b = append(b, magic...)
	b = append(b, newest, oldest, 0, 0)
	return binary.BigEndian.AppendUint32(b, number)
}

func parsePacket(b []byte) (number uint32, frames []byte, err error) {
	if len(b) < prefaceLen || string(b[:len(magic)]) != magic {
		return 0, nil, errors.New("a message that does not speak Kerf's NATS format")
	}
	if version := b[5]; version < oldest || version > newest {
		return 0, nil, versionError{version: version, most: b[4]}
	}
	return binary.BigEndian.Uint32(b[8:]), b[prefaceLen:], nil
}

// versionError is about a packet in a version that this program does not speak.
type versionError struct {
	version byte // of the packet
	most    byte // the newest that its sender speaks
}

func (e versionError) Error() string {
	return fmt.Sprintf("a message in version %d of Kerf's NATS format, from a program that speaks up to %d: "+
		"this one speaks %d to %d", e.version, e.most, oldest, newest)
}

// refusal is the status for a packet that cannot be read: another server, or a later
// one, may speak its version.
func refusal(err error) *status.Status {
	if _, another := errors.AsType[versionError](err); another {
		return status.New(codes.Unavailable, err.Error())
	}
	return status.New(codes.InvalidArgument, err.Error())
}

// packets lends buffers to write packets into.
var packets = sync.Pool{New: func() any { return new([]byte) }} //nolint:gochecknoglobals // buffers have no state

// publish sends one packet.
func publish(broker *nats.Conn, to, reply string, number uint32, frames []byte) error {
	buffer := packets.Get().(*[]byte) //nolint:forcetypeassert // the pool has nothing else
	defer packets.Put(buffer)
	*buffer = append(appendPreface((*buffer)[:0], number), frames...)
	if reply == "" {
		return broker.Publish(to, *buffer)
	}
	return broker.PublishRequest(to, reply, *buffer)
}

// arriving puts the packets of one direction of a call together. Only the goroutine
// that reads touches it.
type arriving struct {
	number  uint32 // of the last packet
	partial []byte // of a frame whose end is to come
}

// take hands on each frame that is whole.
func (a *arriving) take(number uint32, b []byte, each func(frame.Frame) error) error {
	own := true
	if number > 0 {
		if number != a.number+1 {
			return fmt.Errorf("packet %d came after %d: what was between is lost", number, a.number)
		}
		a.number = number
		if len(a.partial) > 0 {
			a.partial, own = append(a.partial, b...), false
			b = a.partial
		}
	}
	left, err := split(b, own, each)
	if err != nil {
		return err
	}
	if number == 0 && len(left) > 0 {
		return frame.ErrShort
	}
	if number > 0 {
		a.partial = append(a.partial[:0], left...)
	}
	return nil
}

// split hands on each frame of b. If b is nobody else's, messages may keep their part
// of it, unless that is so small that they would keep too much beside.
func split(b []byte, own bool, each func(frame.Frame) error) (left []byte, err error) {
	const least = 4 // a quarter
	for most := len(b); ; {
		f, rest, err := frame.Next(b)
		f.Own = own && len(f.Payload) >= most/least
		if errors.Is(err, frame.ErrShort) {
			return b, nil
		}
		if err == nil {
			err = each(f)
		}
		if err != nil {
			return nil, err
		}
		b = rest
	}
}
