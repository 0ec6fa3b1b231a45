package natslink

import (
	"bytes"
	"testing"

	"github.com/kerf-go/kerf/link/call/frame"
)

// FuzzPackets takes in two packets of any bytes: nothing is handed on that was not in
// them, and what is kept for later is no more than they held.
func FuzzPackets(f *testing.F) {
	ping := frame.AppendNumber(nil, frame.Ping, 1)
	f.Add(append(appendPreface(nil, 1), ping[:7]...), append(appendPreface(nil, 2), ping[7:]...))
	f.Add(append(appendPreface(nil, 0), ping...), appendPreface(nil, 1))
	f.Add(append(appendPreface(nil, 3), ping...), []byte("kerf"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var in arriving
		var row, handed []byte
		for _, b := range [][]byte{first, second} {
			number, frames, err := parsePacket(b)
			if err != nil {
				return
			}
			row = append(row, frames...)
			err = in.take(number, frames, func(f frame.Frame) error {
				handed = frame.Append(handed, f)
				return nil
			})
			if err != nil {
				return
			}
			if number == 0 {
				row, handed = nil, nil
				if len(in.partial) > 0 {
					return
				}
			}
		}
		if !bytes.HasPrefix(row, handed) || len(handed)+len(in.partial) > len(row) {
			t.Fatalf("%x became %x and %x", row, handed, in.partial)
		}
	})
}
