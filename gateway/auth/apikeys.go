package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/kerf-go/kerf/plan"
)

// KeysConfig takes keys that were handed out: long random texts, of which only hashes are
// kept here.
type KeysConfig struct {
	Header string      `yaml:"header"` // that holds the key; X-Api-Key, unless query is set
	Query  string      `yaml:"query"`  // a parameter that may hold it too, and shows in logs on the way
	List   []KeyConfig `yaml:"list"`
	File   plan.Path   `yaml:"file"` // with more: a YAML file with list, as here
}

// KeyConfig is a key and what it stands for.
type KeyConfig struct {
	Name   string         `yaml:"name"`   // the subject
	SHA256 string         `yaml:"sha256"` // of the key, in hexadecimal
	Claims map[string]any `yaml:"claims"`
}

const keyMost = 1 << 10 // bytes

// apiKeys are keys by the beginnings of their hashes. What the time of a search tells of a
// hash helps nobody to find a key; the rest is compared in constant time.
type apiKeys struct {
	header, query string
	keys          map[[8]byte][]apiKey
}

type apiKey struct {
	hash   [sha256.Size]byte
	name   string
	claims map[string]any
}

func newAPIKeys(c KeysConfig) (*apiKeys, error) {
	if c.Header == "" && c.Query == "" {
		c.Header = "X-Api-Key"
	}
	k := &apiKeys{header: http.CanonicalHeaderKey(c.Header), query: c.Query, keys: make(map[[8]byte][]apiKey)}
	if !isWord(c.Header) {
		return nil, fmt.Errorf("keys: %q is no header", c.Header)
	}
	switch k.header {
	case "Authorization", "Cookie", SubjectHeader, WayHeader, ClaimsHeader:
		return nil, fmt.Errorf("keys: the header %s is for something else: name another", k.header)
	}
	list := c.List
	if c.File != "" {
		more, err := readAPIKeys(string(c.File))
		if err != nil {
			return nil, err
		}
		list = append(slices.Clip(list), more...)
	}
	if len(list) == 0 {
		return nil, errors.New("keys: there are none: write list or file")
	}
	for _, one := range list {
		if err := k.add(one); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// isWord tells of names that need no quoting anywhere.
func isWord(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

func readAPIKeys(file string) ([]KeyConfig, error) {
	text, err := os.ReadFile(file) //nolint:gosec // whoever configures it may choose
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	d, err := plan.ReadDocument(file, text)
	if err != nil {
		return nil, err
	}
	var more struct {
		List []KeyConfig `yaml:"list"`
	}
	err = d.Decode(&more)
	return more.List, err
}

func (k *apiKeys) add(c KeyConfig) error {
	one := apiKey{name: c.Name, claims: c.Claims}
	if !isSubject(c.Name) {
		return fmt.Errorf("keys: %q is no name: it has 1 to 255 printable ASCII characters", c.Name)
	}
	hash, err := hex.DecodeString(c.SHA256)
	if err != nil || copy(one.hash[:], hash) != len(hash) || len(hash) != len(one.hash) {
		return fmt.Errorf("keys: %s has no sha256 in hexadecimal: make it by printf %%s KEY | sha256sum", c.Name)
	}
	start := [8]byte(one.hash[:])
	for _, other := range k.keys[start] {
		if other.hash == one.hash {
			return fmt.Errorf("keys: %s and %s have the same key", other.name, c.Name)
		}
	}
	k.keys[start] = append(k.keys[start], one)
	return nil
}

func (k *apiKeys) find(r *http.Request) (*Caller, error) {
	values := r.Header[k.header]
	if k.query != "" {
		inQuery, _ := cutQuery(r.URL.RawQuery, k.query)
		values = append(slices.Clip(values), inQuery...)
	}
	switch {
	case len(values) == 0:
		return nil, errNone
	case len(values) > 1:
		return nil, wrong("there are several keys")
	case len(values[0]) > keyMost:
		return nil, wrong("the key has %d bytes: at most %d", len(values[0]), keyMost)
	}
	hash := sha256.Sum256([]byte(values[0]))
	for _, one := range k.keys[[8]byte(hash[:])] {
		if subtle.ConstantTimeCompare(one.hash[:], hash[:]) == 1 {
			return &Caller{Subject: one.name, Claims: one.claims}, nil
		}
	}
	return nil, wrong("the key is not known")
}

func (k *apiKeys) hide(r *http.Request) {
	delete(r.Header, k.header)
	if k.query != "" {
		_, r.URL.RawQuery = cutQuery(r.URL.RawQuery, k.query)
	}
}

func (k *apiKeys) challenge(bool) string {
	if k.header == "" {
		return fmt.Sprintf("ApiKey query=%q", k.query)
	}
	return fmt.Sprintf("ApiKey header=%q", k.header)
}

func (k *apiKeys) close() {}
