package transcode

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// isBindable tells whether text can be a value of the field: if it is a scalar, or a
// message that is one in JSON.
func isBindable(f protoreflect.FieldDescriptor) bool {
	return !f.IsMap() && (f.Message() == nil || isText(f.Message()) || isWrapper(f.Message()))
}

// isText tells of messages that are strings in JSON.
func isText(m protoreflect.MessageDescriptor) bool {
	switch m.FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask":
		return true
	}
	return false
}

// isWrapper tells of messages that are their only field in JSON.
func isWrapper(m protoreflect.MessageDescriptor) bool {
	if m.ParentFile() == nil || m.ParentFile().Path() != "google/protobuf/wrappers.proto" {
		return false
	}
	return m.Fields().Len() == 1
}

// parseValue makes a value of a field, or of an element of a repeated one, of text.
// empty gives a new one for messages.
func parseValue(
	f protoreflect.FieldDescriptor, text string, empty func() protoreflect.Value,
) (protoreflect.Value, error) {
	m := f.Message()
	switch {
	case m == nil:
		return parseScalar(f, text)
	case isWrapper(m):
		v := empty()
		inner := m.Fields().Get(0)
		scalar, err := parseScalar(inner, text)
		if err != nil {
			return protoreflect.Value{}, err
		}
		v.Message().Set(inner, scalar)
		return v, nil
	}
	v := empty()
	quoted, err := json.Marshal(text)
	if err == nil {
		err = protojson.Unmarshal(quoted, v.Message().Interface())
	}
	if err != nil {
		return protoreflect.Value{}, fmt.Errorf("%q is no %s as JSON has it", text, m.Name())
	}
	return v, nil
}

func parseScalar(f protoreflect.FieldDescriptor, s string) (protoreflect.Value, error) { //nolint:cyclop // a table
	switch f.Kind() {
	case protoreflect.StringKind:
		if !utf8.ValidString(s) {
			return protoreflect.Value{}, errors.New("it is not UTF-8")
		}
		return protoreflect.ValueOfString(s), nil
	case protoreflect.BytesKind:
		b, err := parseBytes(s)
		return protoreflect.ValueOfBytes(b), err
	case protoreflect.BoolKind:
		switch s {
		case "true":
			return protoreflect.ValueOfBool(true), nil
		case "false":
			return protoreflect.ValueOfBool(false), nil
		}
		return protoreflect.Value{}, fmt.Errorf("%q is neither true nor false", s)
	case protoreflect.EnumKind:
		n, err := parseEnum(f.Enum(), s)
		return protoreflect.ValueOfEnum(n), err
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		n, err := strconv.ParseInt(s, 10, 32)
		return protoreflect.ValueOfInt32(int32(n)), numberError(s, err)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		n, err := strconv.ParseInt(s, 10, 64)
		return protoreflect.ValueOfInt64(n), numberError(s, err)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		n, err := strconv.ParseUint(s, 10, 32)
		return protoreflect.ValueOfUint32(uint32(n)), numberError(s, err)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		n, err := strconv.ParseUint(s, 10, 64)
		return protoreflect.ValueOfUint64(n), numberError(s, err)
	case protoreflect.FloatKind:
		x, err := parseFloat(s, 32)
		return protoreflect.ValueOfFloat32(float32(x)), err
	case protoreflect.DoubleKind:
		x, err := parseFloat(s, 64)
		return protoreflect.ValueOfFloat64(x), err
	case protoreflect.MessageKind, protoreflect.GroupKind:
	}
	return protoreflect.Value{}, fmt.Errorf("a %v cannot be made of text", f.Kind())
}

func numberError(s string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("%s is out of range", s)
	}
	return fmt.Errorf("%q is no whole number", s)
}

// parseFloat knows the numbers of JSON, and the three words that JSON has none for.
func parseFloat(s string, bits int) (float64, error) {
	switch s {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	if strings.Trim(s, "+-.0123456789eE") == "" {
		x, err := strconv.ParseFloat(s, bits)
		switch {
		case err == nil:
			return x, nil
		case errors.Is(err, strconv.ErrRange):
			return 0, fmt.Errorf("%s is out of range", s)
		}
	}
	return 0, fmt.Errorf("%q is no number", s)
}

// parseBytes takes both alphabets of base64, padded or not.
func parseBytes(s string) ([]byte, error) {
	s = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(s), "=")
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, errors.New("it is not base64")
	}
	return b, nil
}

func parseEnum(e protoreflect.EnumDescriptor, s string) (protoreflect.EnumNumber, error) {
	if v := e.Values().ByName(protoreflect.Name(s)); v != nil {
		return v.Number(), nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		names := make([]string, e.Values().Len())
		for i := range names {
			names[i] = string(e.Values().Get(i).Name())
		}
		return 0, fmt.Errorf("%q is none of %s", s, strings.Join(names, ", "))
	}
	return protoreflect.EnumNumber(n), nil
}
