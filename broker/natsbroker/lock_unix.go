//go:build unix

package natsbroker

import (
	"os"
	"syscall"
)

// takeLock takes a file for itself until that is closed, or the process ends.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // in the broker's own folder
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // it was never used
		return nil, err
	}
	return f, nil
}
