package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// sealer encrypts and authenticates what browsers keep for us (AES-256-GCM). With random
// nonces a key does for 2^32 texts.
type sealer struct{ aead cipher.AEAD }

// newSealer takes a key of 32 bytes in base64.
func newSealer(text string) (sealer, error) {
	text = strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(strings.TrimSpace(text))
	key, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(key) != 32 {
		return sealer{}, errors.New("key is to be 32 random bytes in base64: make it by openssl rand -base64 32, " +
			"and name it by ${file:...} or ${env:...}")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

// seal makes a text of a value. It opens for the same purpose only.
func (s sealer) seal(purpose string, value any) (string, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	sealed := s.aead.Seal(nil, nil, plain, []byte(purpose)) //nolint:gosec // it makes its nonces itself
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

func (s sealer) open(purpose, text string, into any) error {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	plain, err := s.aead.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, into)
}
