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

	"github.com/kerf-go/kerf/internal/mistake"
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
		return nil, mistake.At(fmt.Errorf("keys: %q is no header", c.Header), "header")
	}
	switch k.header {
	case "Authorization", "Cookie", SubjectHeader, WayHeader, ClaimsHeader:
		err := fmt.Errorf("keys: the header %s is for something else: name another", k.header)
		return nil, mistake.At(err, "header")
	}
	for i, one := range c.List {
		if err := k.add(one); err != nil {
			return nil, mistake.At(err, "list", i)
		}
	}
	if c.File != "" {
		if err := k.addFile(string(c.File)); err != nil {
			return nil, mistake.At(err, "file")
		}
	}
	if len(k.keys) == 0 {
		return nil, errors.New("keys: there are none: write list or file")
	}
	return k, nil
}

// isWord tells of names that need no quoting anywhere.
func isWord(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

func (k *apiKeys) addFile(file string) error {
	text, err := os.ReadFile(file) //nolint:gosec // whoever configures it may choose
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	d, err := plan.ReadDocument(file, text)
	if err != nil {
		return err
	}
	var more struct {
		List []KeyConfig `yaml:"list"`
	}
	if err := d.Decode(&more); err != nil {
		return err
	}
	for i, one := range more.List {
		if err := k.add(one); err != nil {
			at := d.Place(append([]any{"list", i}, mistake.Way(err)...)...)
			return plan.Error{Position: at, What: err.Error()} // whose keys are of another file
		}
	}
	return nil
}

func (k *apiKeys) add(c KeyConfig) error {
	one := apiKey{name: c.Name, claims: c.Claims}
	if !isSubject(c.Name) {
		return mistake.At(fmt.Errorf("keys: %q is no name: it has 1 to 255 printable ASCII characters", c.Name), "name")
	}
	hash, err := hex.DecodeString(c.SHA256)
	if err != nil || copy(one.hash[:], hash) != len(hash) || len(hash) != len(one.hash) {
		return mistake.At(fmt.Errorf("keys: %s has no sha256 in hexadecimal: make it by printf %%s KEY | sha256sum",
			c.Name), "sha256")
	}
	start := [8]byte(one.hash[:])
	for _, other := range k.keys[start] {
		if other.hash == one.hash {
			return mistake.At(fmt.Errorf("keys: %s and %s have the same key", other.name, c.Name), "sha256")
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
