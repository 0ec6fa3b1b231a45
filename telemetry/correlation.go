package telemetry

import (
	"context"
	"crypto/rand"
	"strings"
)

// maxCorrelation is in bytes: twice what a UUID with dashes needs, less than what
// makes a log line hard to read.
const maxCorrelation = 64

type correlationKey struct{}

// Correlation gives the id that joins everything done for one request of a user,
// across processes and traces; empty when ctx has none.
func Correlation(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}

// WithCorrelation sets the id. Calls made with the context carry it to the callee
// and on from there. Background work sets one for each piece of work.
func WithCorrelation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

// NewCorrelation makes an id that cannot be guessed: 26 letters and digits.
func NewCorrelation() string { return rand.Text() }

// ValidCorrelation tells whether an id from outside can be taken over: 1 to 64
// letters, digits, and the signs - _ . : so that it is safe in headers and logs.
func ValidCorrelation(id string) bool {
	return id != "" && len(id) <= maxCorrelation && strings.IndexFunc(id, unfitInID) < 0
}

func unfitInID(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_.:", r)
}
