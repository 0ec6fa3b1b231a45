// Package strictjson reads JSON of which two programs cannot make different things: what
// one has checked is what the other does.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects may be in each other.
const maxDepth = 100

// Decode gives the value of a text: nil, bool, string, json.Number, []any or map[string]any.
// Unlike encoding/json, it refuses names that stand twice in an object, of which some
// take the first and some the last, text that is not UTF-8, depth beyond 100, and
// numbers that no float64 is near to, which would take those who count exactly for ever.
func Decode(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := value(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands behind its end")
	}
	return v, nil
}

func value(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		return t, checkNumber(t)
	case json.Delim:
		if depth == maxDepth {
			return nil, fmt.Errorf("it is nested deeper than %d", maxDepth)
		}
		if t == '[' {
			return array(d, depth+1)
		}
		return object(d, depth+1)
	}
	return t, nil
}

func array(d *json.Decoder, depth int) (any, error) {
	all := []any{}
	for d.More() {
		v, err := value(d, depth)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	_, err := d.Token()
	return all, err
}

func object(d *json.Decoder, depth int) (any, error) {
	all := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string) // else the decoder has failed
		if _, twice := all[name]; twice {
			return nil, fmt.Errorf("the name %.50q stands twice in an object", name)
		}
		if all[name], err = value(d, depth); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return all, err
}

func checkNumber(n json.Number) error {
	f, err := n.Float64()
	digits, _, _ := strings.Cut(strings.ToLower(n.String()), "e")
	if err != nil || f == 0 && strings.Trim(digits, "-0.") != "" {
		return fmt.Errorf("the number %.20s is out of range", n.String())
	}
	return nil
}
