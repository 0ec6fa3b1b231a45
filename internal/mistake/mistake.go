// Package mistake leads from what is wrong with a part of a configuration to the key that it is at.
package mistake

import "errors"

type mistake struct {
	error

	way []any
}

func (m *mistake) Unwrap() error { return m.error }

// At is an error with the keys and indices that lead to what it is about, from the part that was checked
// on. Those of an error that has some already go on from there. Of nil it is nil.
func At(err error, way ...any) error {
	if err == nil {
		return nil
	}
	return &mistake{err, way}
}

// Way are the keys and indices of an error, from the outermost on.
func Way(err error) []any {
	var way []any
	for m := (*mistake)(nil); errors.As(err, &m); err = m.error {
		way = append(way, m.way...)
	}
	return way
}
