// Package paging is how Chirp's services page through lists, newest first: by an
// opaque cursor that names the list it belongs to and the last entry seen, so
// that pages neither skip nor repeat entries while new ones arrive.
//
//	list := paging.List{Kind: 'a', Key: uint64(author)}
//	size, err := paging.Size(req.GetPageSize(), 20)
//	before, err := list.Before(req.GetCursor())
//	// SELECT ... WHERE id < before ORDER BY id DESC LIMIT size+1
//	posts, next := paging.Cut(list, posts, size, (*Post).GetId)
package paging

import (
	"encoding/base64"
	"encoding/binary"
	"math"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxSize is the most entries of one page.
const maxSize = 100

// version is the first byte of a cursor; another layout gets another one.
const version = 1

// length of a decoded cursor: version, kind, key, last entry.
const length = 1 + 1 + 8 + 8

// List tells lists apart, so that a cursor of one is refused by another.
type List struct {
	Kind byte   // which method
	Key  uint64 // which of its lists: an id, or a hash of a query; 0 if there is only one
}

// Cursor points behind the entry with the given id.
func (l List) Cursor(last int64) string {
	b := make([]byte, 0, length)
	b = append(b, version, l.Kind)
	b = binary.BigEndian.AppendUint64(b, l.Key)
	b = binary.BigEndian.AppendUint64(b, uint64(last)) // Before undoes it exactly
	return base64.RawURLEncoding.EncodeToString(b)
}

// Before gives the id below which a page begins: the largest there is for the
// empty cursor. A cursor that Cursor did not make for this list is InvalidArgument.
func (l List) Before(cursor string) (int64, error) {
	if cursor == "" {
		return math.MaxInt64, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != length || b[0] != version || b[1] != l.Kind || binary.BigEndian.Uint64(b[2:]) != l.Key {
		return 0, errCursor()
	}
	last := int64(binary.BigEndian.Uint64(b[10:])) // negative numbers are refused below
	// Decoding skips line breaks, so the same bytes have other spellings too.
	if last <= 0 || l.Cursor(last) != cursor {
		return 0, errCursor()
	}
	return last, nil
}

func errCursor() error {
	return status.Error(codes.InvalidArgument, "this page link is not valid; start from the first page")
}

// Size gives the page size to use for the one asked, where 0 means the usual one.
// Anything but 0 to 100 is InvalidArgument.
func Size(asked, usual int32) (int, error) {
	switch {
	case asked < 0 || asked > maxSize:
		return 0, status.Errorf(codes.InvalidArgument, "page size %d: choose 1 to %d", asked, maxSize)
	case asked == 0:
		return int(usual), nil
	}
	return int(asked), nil
}

// Cut makes a page of entries that were read one more than size: it drops the
// one too many and gives the next page's cursor, empty if nothing was dropped.
func Cut[E any](l List, entries []E, size int, id func(E) int64) (page []E, next string) {
	if len(entries) <= size {
		return entries, ""
	}
	return entries[:size], l.Cursor(id(entries[size-1]))
}
