package gateway_test

import (
	"net/http/httptest"
	"slices"
	"testing"

	"golang.org/x/net/http2"
)

// Over HTTP/2 lines have their ends, and what they say may have two meanings all the same.
func TestRequestsOverHTTP2AreReadInOneWay(t *testing.T) {
	t.Parallel()
	twice := func(name, value, other string) [][2]string { return [][2]string{{name, value}, {name, other}} }
	for name, x := range map[string]struct {
		path    string
		headers [][2]string
		code    string
		saw     []string
	}{
		"a path":                       {"/a?b=/c", nil, "200", []string{"POST x /a?b=/c"}},
		"a URL":                        {"http://evil/a", nil, "400", nil},
		"a host that is the authority": {"/a", [][2]string{{"host", "X"}}, "200", []string{"POST x /a"}},
		"a host that is another":       {"/a", [][2]string{{"host", "evil"}}, "400", nil},
		"two lengths":                  {"/a", twice("content-length", "0", "5"), "400", nil},
		"the same length twice":        {"/a", twice("content-length", "0", "0"), "400", nil},
		"a length that is none":        {"/a", [][2]string{{"content-length", "+0"}}, "400", nil},
		"two types":                    {"/a", twice("content-type", "a/b", "a/c"), "400", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := newWitness(t)
			b := setup(t, "upstreams: {one: {urls: ['{one}']}}\nroutes: [{proxy: one}]",
				map[string]*httptest.Server{"one": up.Server})
			c := b.h2(t)
			id, err := c.open("POST", x.path, true, true, x.headers...)
			if err != nil {
				t.Fatal(err)
			}
			var code string
			err = c.until(func(f http2.Frame) bool {
				h, ok := f.(*http2.MetaHeadersFrame)
				if ok && h.StreamID == id {
					code = h.PseudoValue("status")
				}
				return code != ""
			})
			if saw := up.take(); err != nil || code != x.code || !slices.Equal(saw, x.saw) {
				t.Errorf("%v, %s, and the upstream saw %q", err, code, saw)
			}
		})
	}
}
