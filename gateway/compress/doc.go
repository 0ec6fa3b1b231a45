// Package compress compresses answers on their way, by what a client accepts: zstd, br or gzip.
//
//	h := compress.New(compress.Options{}, next)
//
// Left as they are: what is encoded already, parts of answers, what is small or of a type that does not
// get smaller, and what says no-transform. An answer whose length is not known is flushed as often
// as the handler does, so that events arrive in time.
//
// Its place is inside of a cache, which then keeps what was compressed, once for all
// clients that accept the same (Normalise).
package compress
