package frame

import (
	"encoding/binary"
	"fmt"

	"google.golang.org/grpc/metadata"
)

// fields reads the parts of a payload in turn. After a part that is not whole all
// others are empty, and err tells.
type fields struct {
	left []byte
	bad  bool
}

func (r *fields) err(k Kind) error {
	if r.bad || len(r.left) > 0 {
		return fmt.Errorf("a frame of kind %d whose payload is not what belongs there", k)
	}
	return nil
}

func (r *fields) take(n uint) []byte {
	if r.bad || uint(len(r.left)) < n {
		r.bad, r.left = true, nil
		return nil
	}
	b := r.left[:n]
	r.left = r.left[n:]
	return b
}

func (r *fields) uint32() uint32 {
	if b := r.take(4); b != nil { //nolint:mnd // bytes
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *fields) uint64() uint64 {
	if b := r.take(8); b != nil { //nolint:mnd // bytes
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *fields) bytes() []byte { return r.take(uint(r.uint32())) }
func (r *fields) text() string  { return string(r.bytes()) }

// key is a text which is most often one of two: those cost no allocation.
func (r *fields) key() string {
	b := r.bytes()
	switch string(b) {
	case authorityKey:
		return authorityKey
	case agentKey:
		return agentKey
	}
	return string(b)
}

// Metadata that every call has.
const (
	authorityKey = ":authority"
	agentKey     = "user-agent"
)

// count reads how many parts follow, each of at least size bytes.
func (r *fields) count(size int) int {
	n := uint(r.uint32())
	if n > uint(len(r.left)/size) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *fields) metadata() metadata.MD {
	n := r.count(8) //nolint:mnd // bytes of two lengths
	if n == 0 {
		return nil
	}
	md := make(metadata.MD, n)
	values := make([]string, n) // of all keys, most of which have one
	for i := range n {
		key := r.key()
		values[i] = r.text()
		if before, ok := md[key]; ok {
			md[key] = append(before, values[i])
		} else {
			md[key] = values[i : i+1 : i+1]
		}
	}
	return md
}

func appendText(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

func appendMetadata(b []byte, md metadata.MD) []byte {
	n := 0
	for _, values := range md {
		n += len(values)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	for key, values := range md {
		for _, value := range values {
			b = appendText(appendText(b, key), value)
		}
	}
	return b
}

func parseHeader(f Frame) (metadata.MD, error) {
	r := fields{left: f.Payload}
	md := r.metadata()
	return md, r.err(f.Kind)
}
