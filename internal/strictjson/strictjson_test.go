package strictjson_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/internal/strictjson"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	text := ` {"a": [1, 12345678901234567890, -0.0e9, null, true, "\u00e9"], "b": {"a": {}}} `
	got, err := strictjson.Decode([]byte(text))
	want := map[string]any{
		"a": []any{json.Number("1"), json.Number("12345678901234567890"), json.Number("-0.0e9"), nil, true, "é"},
		"b": map[string]any{"a": map[string]any{}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %v", got, err)
	}
}

func TestWhatCouldBeReadInTwoWaysIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a name twice":               `{"a": 1, "a": 2}`,
		"a name twice in other code": `[{"a": 1, "\u0061": 2}]`,
		"more behind it":             `{} {}`,
		"nothing":                    ` `,
		"half":                       `{"a": [1`,
		"no name":                    `{1: 2}`,
		"a comma too many":           `[1,]`,
		"a comment":                  `{} // a`,
		"no UTF-8":                   "\"\xff\"",
		"too deep":                   strings.Repeat("[", 101) + strings.Repeat("]", 101),
		"too large":                  `1e400`,
		"too large to count exactly": `[1e1000000000]`,
		"too small":                  `1e-1000000000`,
	} {
		if v, err := strictjson.Decode([]byte(text)); err == nil {
			t.Errorf("%s: %v", name, v)
		}
	}
	if _, err := strictjson.Decode([]byte(strings.Repeat("[", 100) + strings.Repeat("]", 100))); err != nil {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"a": [1, "b", null]}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := strictjson.Decode([]byte(text))
		if err != nil {
			return
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		back, err := strictjson.Decode(again)
		if err != nil || !reflect.DeepEqual(back, got) {
			t.Errorf("%q is %v, and %q is %v: %v", text, got, again, back, err)
		}
	})
}
