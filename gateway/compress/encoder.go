package compress

import (
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// encoder is a compressor that is used for one answer after another.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

const (
	gzipLevel = 5 // beyond, time grows faster than what is saved
	brLevel   = 4 // about gzip's time, and smaller
	window    = 512 << 10
)

// encoders are pools, by coding: one takes up to a megabyte.
var encoders = [codings]sync.Pool{
	zstdCoding: {New: func() any {
		// Of one goroutine: the caller's.
		e, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window),
			zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true)) // no error with these
		return e
	}},
	brCoding: {New: func() any { return brotli.NewWriterLevel(nil, brLevel) }},
	gzipCoding: {New: func() any {
		e, _ := gzip.NewWriterLevel(nil, gzipLevel) // no error with this level
		return e
	}},
}

func newEncoder(c coding, w io.Writer) encoder {
	e := encoders[c].Get().(encoder) //nolint:forcetypeassert // all are
	e.Reset(w)
	return e
}

// giveBack keeps an encoder for another answer; it holds nothing of this one's any more.
func giveBack(c coding, e encoder) {
	e.Reset(io.Discard)
	encoders[c].Put(e)
}
