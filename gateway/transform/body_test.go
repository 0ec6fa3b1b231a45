package transform_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/kerf-go/kerf/gateway/transform"
)

func ExampleBody() {
	b, err := transform.NewBody(transform.Config{Remove: []string{"/items/*/cost"}, Wrap: "data"})
	if err != nil {
		fmt.Println(err)
		return
	}
	changed, err := b.Apply([]byte(`{"items": [{"cost": 1, "price": 2}]}`))
	fmt.Println(string(changed), err)
	// Output: {"data":{"items":[{"price":2}]}} <nil>
}

func TestBodies(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		transform.Config
		body, want string
	}{
		"nothing to do keeps numbers and marks": {
			transform.Config{}, `{"b": 12345678901234567890.50, "a": "<&é"}`, `{"a":"<&é","b":12345678901234567890.50}`,
		},
		"remove": {
			transform.Config{Remove: []string{"/a", "/b/c", "/l/*/x", "/none/x"}},
			`{"a": 1, "b": {"c": 1, "d": 2}, "l": [{"x": 1, "y": 2}, 3, {"x": 4}]}`, `{"b":{"d":2},"l":[{"y":2},3,{}]}`,
		},
		"remove in an array": {
			transform.Config{Remove: []string{"/*/x"}}, `[{"x": 1}, {"x": 2, "y": 3}]`, `[{},{"y":3}]`,
		},
		"a name with a slash and a tilde": {
			transform.Config{Remove: []string{"/a~1b/~01"}}, `{"a/b": {"~1": 1, "/": 2}}`, `{"a/b":{"/":2}}`,
		},
		"rename": {
			transform.Config{Rename: map[string]string{"/a": "b", "/l/*/x": "y", "/none": "c"}},
			`{"a": 1, "b": 2, "c": 3, "l": [{"x": null}]}`, `{"b":1,"c":3,"l":[{"y":null}]}`,
		},
		"add": {
			transform.Config{Add: map[string]any{
				"/a": "new", "/b/c/d": 1.5, "/l/*/x": []any{true}, "/none/*/x": 1, "/s/x": 1,
			}},
			`{"a": 1, "l": [{}, {}], "s": "text"}`,
			`{"a":"new","b":{"c":{"d":1.5}},"l":[{"x":[true]},{"x":[true]}],"s":"text"}`,
		},
		"unwrap":                     {transform.Config{Unwrap: "data"}, `{"data": [1], "more": 2}`, `[1]`},
		"unwrap what is not wrapped": {transform.Config{Unwrap: "data"}, `[1]`, `[1]`},
		"wrap":                       {transform.Config{Wrap: "data"}, `null`, `{"data":null}`},
		"one step sees what is before": {
			transform.Config{
				Unwrap: "d", Remove: []string{"/b"}, Rename: map[string]string{"/a": "b"},
				Add: map[string]any{"/b": 3}, Wrap: "e",
			}, `{"d": {"a": 1, "b": 2}}`, `{"e":{"b":3}}`,
		},
		"no object": {transform.Config{Add: map[string]any{"/a": 1}}, `3`, `3`},
	} {
		b, err := transform.NewBody(x.Config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := b.Apply([]byte(x.body)); err != nil || string(got) != x.want {
			t.Errorf("%s: %s %v, not %s", name, got, err, x.want)
		}
	}
}

func TestWhatIsAddedIsSharedByNobody(t *testing.T) {
	t.Parallel()
	b, err := transform.NewBody(transform.Config{Add: map[string]any{"/a": map[string]any{}, "/a/b": 1}})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got, err := b.Apply([]byte(`{}`)); err != nil || string(got) != `{"a":{}}` {
				t.Errorf("%s %v", got, err)
			}
		})
	}
	all.Wait()
}

func TestPathsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "a", "a/b", "/a/*", "*"} {
		_, err := transform.NewBody(transform.Config{Remove: []string{path}})
		if err == nil || !strings.Contains(err.Error(), "is no path") {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestWhatIsReadInTwoWaysIsNotChanged(t *testing.T) {
	t.Parallel()
	b, err := transform.NewBody(transform.Config{Remove: []string{"/admin"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.Apply([]byte(`{"admin": 1, "admin": 2}`)); err == nil {
		t.Errorf("%s", got)
	}
}
