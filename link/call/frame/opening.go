package frame

import (
	"encoding/binary"
	"math"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/kerf-go/kerf/link/call"
)

// Opening is what a frame of kind Open says.
type Opening struct {
	Timeout time.Duration // what is left of the caller's time; 0: no limit
	Method  string        // "/package.Service/Method"
	Codec   string        // content subtype of the messages; "" is proto
	Header  metadata.MD
	Unary   bool // the caller waits for the end: all frames of the answer may come together
	OneWay  bool // the caller does not wait: nothing is answered
}

// Flags of a frame of kind Open.
const (
	flagUnary  = 1 << 0
	flagOneWay = 1 << 1
)

// Append writes the frame that opens a call.
func (o Opening) Append(b []byte, id uint64) []byte {
	var flags uint8
	if o.Unary {
		flags |= flagUnary
	}
	if o.OneWay {
		flags |= flagOneWay
	}
	b, at := begin(b, Open, flags, id)
	b = binary.BigEndian.AppendUint64(b, uint64(max(o.Timeout, 0)))
	b = appendText(b, o.Method)
	b = appendText(b, o.Codec)
	return finish(appendMetadata(b, o.Header), at)
}

// SetTimeout changes what is left of the caller's time in a frame of kind Open.
func SetTimeout(opening []byte, left time.Duration) {
	binary.BigEndian.PutUint64(opening[headerLen:], uint64(max(left, 0)))
}

// ParseOpening reads a frame of kind Open.
func ParseOpening(f Frame) (Opening, error) {
	r := fields{left: f.Payload}
	o := Opening{
		Timeout: time.Duration(min(r.uint64(), math.MaxInt64)),
		Method:  r.text(), Codec: r.text(), Header: r.metadata(),
		Unary: f.Flags&flagUnary != 0, OneWay: f.Flags&flagOneWay != 0,
	}
	if err := r.err(Open); err != nil {
		return Opening{}, err
	}
	return o, call.Validate(o.Header)
}
