package udplink

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"net/netip"
	"time"
)

const cookieLen = 16

// cookie shows that its bearer receives at the address that he sends from.
type cookie [cookieLen]byte

// cookieLife is how long a cookie is taken at least; twice as long at most.
const cookieLife = time.Minute

// jar makes and checks cookies. It keeps none: they are made of a secret and the
// address. The secret changes, and the one before is good for a while. Only one
// goroutine may use a jar.
type jar struct {
	current, previous hash.Hash
	since             time.Time // of current
}

func newJar(now time.Time) *jar { return &jar{current: newSecret(), previous: newSecret(), since: now} }

func newSecret() hash.Hash {
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // never fails
	return hmac.New(sha256.New, secret)
}

func (j *jar) bake(to netip.AddrPort, now time.Time) cookie {
	j.turn(now)
	return made(j.current, to)
}

func (j *jar) good(c cookie, from netip.AddrPort, now time.Time) bool {
	j.turn(now)
	for _, secret := range []hash.Hash{j.current, j.previous} {
		want := made(secret, from)
		if subtle.ConstantTimeCompare(c[:], want[:]) == 1 {
			return true
		}
	}
	return false
}

func (j *jar) turn(now time.Time) {
	age := now.Sub(j.since)
	if age < cookieLife {
		return
	}
	j.previous, j.current, j.since = j.current, newSecret(), j.since.Add(cookieLife)
	if age >= 2*cookieLife { // nobody has asked for so long that it is too old too
		j.previous, j.since = newSecret(), now
	}
}

func made(secret hash.Hash, at netip.AddrPort) (c cookie) {
	var buffer [18]byte
	ip := at.Addr().As16()
	secret.Reset()
	_, _ = secret.Write(binary.BigEndian.AppendUint16(append(buffer[:0], ip[:]...), at.Port()))
	var sum [sha256.Size]byte
	copy(c[:], secret.Sum(sum[:0]))
	return c
}
