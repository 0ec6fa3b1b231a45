package udplink

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Every datagram begins with magic, a version, its kind and feature bits.
const (
	magic          = "kerf"
	newest, oldest = 1, 1
	features       = 0 // none yet

	headLen    = 8
	welcomeLen = headLen + 8 + 8 + cookieLen + 2 + 1 + 1
	callLen    = headLen + 8 + cookieLen + 8 + 2 // ahead of the frames
	answerLen  = headLen + 8 + 8                 // ahead of the frames
	noteLen    = headLen + 8 + 8 + 8
)

type kind uint8

const (
	hello   kind = iota + 1 // client: who is there?
	welcome                 // server: this epoch, which takes calls with this cookie
	calls                   // client: the frames of a call, or its cancel
	answer                  // server: the frames that answer it
	working                 // server: the call has come, and runs
	stale                   // server: the call was not taken: it has an old epoch or cookie
	gone                    // server: the call may have run, and there is no answer to be had
)

// flagStopping marks a welcome that is none: the server stops.
const flagStopping = 1 << 0

// datagram is what one says. Each kind has some of the fields.
type datagram struct {
	kind    kind
	version uint8 // of hello and welcome the newest that the sender speaks
	oldest  uint8
	flags   uint8
	limit   uint16 // bytes of the largest datagram that the sender takes
	nonce   uint64
	epoch   uint64
	cookie  cookie
	client  uint64
	call    uint64
	frames  []byte
}

var errNotOurs = errors.New("not a datagram of this format")

// append writes the datagram. Hello is padded to its limit: its answer is never
// larger, and it only comes through where calls do.
func (d datagram) append(b []byte) []byte {
	at := len(b)
	b = append(append(b, magic...), d.version, byte(d.kind), 0, features)
	switch d.kind {
	case hello:
		b = append(binary.BigEndian.AppendUint64(b, d.nonce), d.oldest)
		return append(b, make([]byte, max(0, int(d.limit)-(len(b)-at)))...)
	case welcome:
		b = binary.BigEndian.AppendUint64(b, d.nonce)
		b = binary.BigEndian.AppendUint64(b, d.epoch)
		b = append(b, d.cookie[:]...)
		b = binary.BigEndian.AppendUint16(b, d.limit)
		return append(b, d.oldest, d.flags)
	case calls:
		b = binary.BigEndian.AppendUint64(b, d.epoch)
		b = append(b, d.cookie[:]...)
		b = binary.BigEndian.AppendUint64(b, d.client)
		b = binary.BigEndian.AppendUint16(b, d.limit)
	case answer:
		b = binary.BigEndian.AppendUint64(b, d.epoch)
		b = binary.BigEndian.AppendUint64(b, d.client)
	case working, stale, gone:
		b = binary.BigEndian.AppendUint64(b, d.epoch)
		b = binary.BigEndian.AppendUint64(b, d.client)
		return binary.BigEndian.AppendUint64(b, d.call)
	}
	return append(b, d.frames...)
}

// parse reads a datagram. Its frames stay in b.
func parse(b []byte) (datagram, error) {
	if len(b) < headLen || string(b[:len(magic)]) != magic {
		return datagram{}, errNotOurs
	}
	d := datagram{version: b[4], kind: kind(b[5])}
	if d.kind > welcome && d.version != newest {
		return datagram{}, fmt.Errorf("%w: version %d", errNotOurs, d.version)
	}
	least := [...]int{
		hello: welcomeLen, welcome: welcomeLen, calls: callLen, answer: answerLen,
		working: noteLen, stale: noteLen, gone: noteLen,
	}
	if d.kind < hello || d.kind > gone || len(b) < least[d.kind] {
		return datagram{}, fmt.Errorf("%w: kind %d, %d bytes", errNotOurs, d.kind, len(b))
	}
	return d.with(b[headLen:]), nil
}

// with reads a body that is long enough.
func (d datagram) with(b []byte) datagram {
	number := binary.BigEndian.Uint64
	switch d.kind {
	case hello:
		d.nonce, d.oldest, d.limit = number(b), b[8], uint16(min(headLen+len(b), mostDatagram))
	case welcome:
		d.nonce, d.epoch = number(b), number(b[8:])
		b = b[16+copy(d.cookie[:], b[16:]):]
		d.limit, d.oldest, d.flags = binary.BigEndian.Uint16(b), b[2], b[3]
	case calls:
		d.epoch = number(b)
		b = b[8+copy(d.cookie[:], b[8:]):]
		d.client, d.limit, d.frames = number(b), binary.BigEndian.Uint16(b[8:]), b[10:]
	case answer:
		d.epoch, d.client, d.frames = number(b), number(b[8:]), b[16:]
	case working, stale, gone:
		d.epoch, d.client, d.call = number(b), number(b[8:]), number(b[16:])
	}
	return d
}
