package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind tells what a frame says.
type Kind uint8

// The kinds of frames. Those of a call carry its number, the others 0.
const (
	Open       Kind = iota + 1 // client: a call begins
	kindData                   // a message begins: its size, then its bytes or the first of them
	kindPiece                  // further bytes of that message
	Close                      // client: no more messages
	kindHeader                 // server: metadata ahead of the messages
	End                        // server: the call's status and trailer
	kindCredit                 // the peer may send so many bytes more
	Cancel                     // client: nobody waits any more
	Ping                       // is somebody there?
	Pong                       // yes: the answer to Ping, with its payload
	GoAway                     // server: calls that begin from now on will be refused
)

const (
	headerLen = 14
	// maxPayload bounds what one frame holds, in bytes.
	maxPayload = 1 << 20
	// window is how many bytes of one call may be on their way to a reader that does
	// not read, in each direction: grpc-go's initial window.
	window = 64 << 10
	// overhead is what a message costs of the window beside its bytes, so that empty
	// ones are bounded too.
	overhead = 64

	pieceLen = 16 << 10 // of a large message, between which other calls have their turn
)

// Frame is one frame. The payload of one that was read belongs to the reader's
// buffer.
type Frame struct {
	Kind    Kind
	Flags   uint8
	Own     bool // the payload is in a buffer that nobody else uses: a message may keep it
	Call    uint64
	Payload []byte
}

// ErrShort says that a frame's end is still to come.
var ErrShort = errors.New("the frame is not complete")

// Next splits the first frame off b.
func Next(b []byte) (f Frame, rest []byte, err error) {
	if len(b) < headerLen {
		return Frame{}, b, ErrShort
	}
	size := binary.BigEndian.Uint32(b)
	if size > maxPayload {
		return Frame{}, b, fmt.Errorf("a frame of %d bytes: at most %d are allowed", size, maxPayload)
	}
	f = Frame{Kind: Kind(b[4]), Flags: b[5], Call: binary.BigEndian.Uint64(b[6:])}
	if len(b) < headerLen+int(size) {
		return Frame{}, b, ErrShort
	}
	f.Payload = b[headerLen : headerLen+int(size)]
	return f, b[headerLen+int(size):], nil
}

// Append writes a frame.
func Append(b []byte, f Frame) []byte {
	b, at := begin(b, f.Kind, f.Flags, f.Call)
	return finish(append(b, f.Payload...), at)
}

// AppendNumber writes a frame whose payload is one number: Ping, Pong.
func AppendNumber(b []byte, k Kind, n uint64) []byte {
	b, at := begin(b, k, 0, 0)
	return finish(binary.BigEndian.AppendUint64(b, n), at)
}

// Number reads the payload of such a frame.
func Number(f Frame) (uint64, error) {
	r := fields{left: f.Payload}
	n := r.uint64()
	return n, r.err(f.Kind)
}

// begin writes a frame's header; finish fills in the length of what follows.
func begin(b []byte, k Kind, flags uint8, id uint64) (written []byte, at int) {
	at = len(b)
	b = append(b, 0, 0, 0, 0, byte(k), flags)
	return binary.BigEndian.AppendUint64(b, id), at
}

func finish(b []byte, at int) []byte {
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-headerLen))
	return b
}
