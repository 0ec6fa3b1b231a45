package accounts

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// params is the cost of argon2id.
type params struct {
	memory    uint32 // KiB
	time      uint32 // passes
	threads   uint8
	keyLength uint32 // bytes
}

// owasp is the first of the equal choices in OWASP's Password Storage Cheat Sheet
// that needs less than 20 MiB; the key is as long as RFC 9106 recommends.
var owasp = params{memory: 19 * 1024, time: 2, threads: 1, keyLength: 32}

// saltLength is RFC 9106's, in bytes.
const saltLength = 16

var errHash = errors.New("stored password hash is damaged")

// encode writes a hash in PHC string form, which carries its parameters so that
// they can change while old hashes still work.
func encode(p params, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.memory, p.time, p.threads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// decode reads what encode wrote, or gives errHash.
func decode(encoded string) (p params, salt, key []byte, err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); err != nil {
		return p, nil, nil, errHash
	}
	b64 := base64.RawStdEncoding.Strict()
	salt, errSalt := b64.DecodeString(parts[4])
	key, errKey := b64.DecodeString(parts[5])
	if errSalt != nil || errKey != nil || len(key) > 1024 {
		return p, nil, nil, errHash
	}
	p.keyLength = uint32(len(key))
	if !p.sound() {
		return p, nil, nil, errHash
	}
	return p, salt, key, nil
}

// sound is false of what argon2 would refuse by a panic, and of what would take
// the machine's memory: a damaged row must do neither.
func (p params) sound() bool {
	const maxMemory = 1 << 20 // KiB
	return p.memory <= maxMemory && p.time > 0 && p.time <= 100 && p.threads > 0 && p.keyLength > 0
}

// nobodysHash is a hash that no password has: comparing with it costs what
// comparing with anybody's costs.
func nobodysHash(p params) string { return encode(p, newSalt(), make([]byte, p.keyLength)) }

func newSalt() []byte {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never fails: it ends the process instead
	return salt
}

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
