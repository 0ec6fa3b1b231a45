package natslink

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// piecesHeader names the pieces of a message that is too large for the broker, and
// tells how many bytes they have.
const piecesHeader = "Kerf-Pieces"

var piecesPattern = regexp.MustCompile(`^[A-Za-z0-9]+ [0-9]{1,18}$`)

// errPieces is about a message that is not whole.
var errPieces = errors.New("pieces of the message are missing")

// pieces are what follows a message's data. They are in the same stream, on a subject
// of their own below the message's, and there before it: without it they are nothing.
type pieces struct {
	stream  jetstream.Stream
	subject string
	size    int // bytes of them all; 0: there are none
}

// piecesOf finds the pieces of a message in a stream.
func piecesOf(s jetstream.Stream, subject string, h nats.Header) (pieces, error) {
	text := h.Get(piecesHeader)
	if text == "" {
		return pieces{}, nil
	}
	if !piecesPattern.MatchString(text) {
		return pieces{}, fmt.Errorf("%s is %q: a name and a number of bytes are wanted", piecesHeader, text)
	}
	name, digits, _ := strings.Cut(text, " ")
	size, err := strconv.Atoi(digits)
	return pieces{s, subject + "." + name, size}, err
}

// all reads them, one by one.
func (p pieces) all(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		next := uint64(1)
		for left := p.size; left > 0; {
			m, err := p.stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject(p.subject))
			if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && (len(m.Data) == 0 || len(m.Data) > left) {
				err = errPieces
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(m.Data, nil) {
				return
			}
			left -= len(m.Data)
			next = m.Sequence + 1
		}
	}
}

// join reads them into one.
func (p pieces) join(ctx context.Context) ([]byte, error) {
	var whole []byte
	for piece, err := range p.all(ctx) {
		if err != nil {
			return nil, err
		}
		whole = append(whole, piece...)
	}
	return whole, nil
}

// drop forgets them. If that fails they stay until the stream finds them too old.
func (p pieces) drop() {
	if p.size == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), brokerWait)
	defer cancel()
	_ = p.stream.Purge(ctx, jetstream.WithPurgeSubject(p.subject))
}

// dropPieces forgets those of a message that is gone.
func dropPieces(s jetstream.Stream, subject string, h nats.Header) {
	if p, err := piecesOf(s, subject, h); err == nil {
		p.drop()
	}
}

// cut cuts a message into pieces.
func cut(message []byte, most int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for piece := range slices.Chunk(message, most) {
			if !yield(piece, nil) {
				return
			}
		}
	}
}
