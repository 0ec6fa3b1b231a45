//go:build unix

package faults_test

import (
	"context"
	"os"
	"time"
)

// event is something that the test tells all processes: a file that is there once it has
// happened.
type event string

func (e event) happen() error { return os.WriteFile(string(e), nil, 0o600) }

func (e event) is() bool {
	_, err := os.Stat(string(e))
	return err == nil
}

// await waits for it, and is false if the context ended before.
func (e event) await(ctx context.Context) bool {
	const often = 5 * time.Millisecond
	for !e.is() {
		if !pause(ctx, often) {
			return false
		}
	}
	return true
}
