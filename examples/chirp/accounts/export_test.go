package accounts

import (
	"context"
	"time"
)

// What the tests may change and see of the inside.

var (
	NormaliseName = normaliseName
	NewName       = newName
	Skeleton      = skeleton
	DecodeHash    = decode
	ErrHash       = errHash
)

// SetClock makes the time of sessions the test's own.
func (a *Accounts) SetClock(now func() time.Time) { a.now = now }

// SetDerive replaces argon2id.
func (a *Accounts) SetDerive(derive func(password string, salt []byte) []byte) {
	a.hasher.derive = func(password string, salt []byte, _ params) []byte { return derive(password, salt) }
}

// WithOldParams hashes with what could have been yesterday's parameters, until it is undone.
func (a *Accounts) WithOldParams() (undo func()) {
	today := a.hasher.params
	a.hasher.params.time, a.hasher.params.memory = 1, 64
	return func() { a.hasher.params = today }
}

// StoredHash reads the hash of an account's password.
func (a *Accounts) StoredHash(ctx context.Context, name string) (string, error) {
	_, encoded, err := a.store.credentials(ctx, name)
	return encoded, err
}

// Waiting is how many callers wait for a place to hash.
func (a *Accounts) Waiting() int {
	a.hasher.mu.Lock()
	defer a.hasher.mu.Unlock()
	return a.hasher.waiting
}

// SetHash stores a hash as it is.
func (a *Accounts) SetHash(ctx context.Context, id int64, encoded string) error {
	return a.store.setHash(ctx, id, encoded)
}
