package accounts

import (
	"context"
	"sync"

	"golang.org/x/crypto/argon2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// hasher hashes passwords, a bounded number at once: each takes 19 MiB and some
// 20 ms of a processor, so that a storm of log-ins would take all of both.
// Callers work in their own goroutines and wait for one of the workers' places.
type hasher struct {
	params params
	derive func(password string, salt []byte, p params) []byte

	places chan struct{} // holds a token for each password being hashed
	queue  int           // how many may wait

	mu      sync.Mutex // guards waiting
	waiting int
}

func newHasher(workers, queue int) *hasher {
	return &hasher{params: owasp, derive: argon2id, places: make(chan struct{}, workers), queue: queue}
}

func argon2id(password string, salt []byte, p params) []byte {
	return argon2.IDKey([]byte(password), salt, p.time, p.memory, p.threads, p.keyLength)
}

// hash gives the encoded hash of a password, with a salt of its own.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	done, err := h.place(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := newSalt()
	return encode(h.params, salt, h.derive(password, salt, h.params)), nil
}

// verify tells whether an encoded hash is that of the password, and whether it
// was made with other parameters than today's.
func (h *hasher) verify(ctx context.Context, password, encoded string) (match, outdated bool, err error) {
	p, salt, key, err := decode(encoded)
	if err != nil {
		return false, false, err
	}
	done, err := h.place(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	return equal(key, h.derive(password, salt, p)), p != h.params, nil
}

// place waits for one, in order of arrival, until ctx ends. If too many wait
// already it fails at once with ResourceExhausted.
func (h *hasher) place(ctx context.Context) (done func(), err error) {
	done = func() { <-h.places }
	select {
	case h.places <- struct{}{}:
		return done, nil
	default:
	}
	if !h.enqueue() {
		return nil, status.Error(codes.ResourceExhausted, "too many log-ins are waiting; try again shortly")
	}
	defer h.dequeue()
	select {
	case h.places <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if ctx.Err() != nil { // both were ready: nobody waits for this hash any more
		done()
		return nil, ctx.Err()
	}
	return done, nil
}

func (h *hasher) enqueue() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting >= h.queue {
		return false
	}
	h.waiting++
	return true
}

func (h *hasher) dequeue() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting--
}
