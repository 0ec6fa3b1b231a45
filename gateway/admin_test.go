package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/gateway"
)

func TestOperatorsPurgeWhatIsKept(t *testing.T) {
	t.Parallel()
	up, n := counting(t)
	b := setup(t, "admin: 127.0.0.1:0\n"+cached, map[string]*httptest.Server{"up": up})
	admin := "http://" + b.server.Admin()
	for _, test := range []struct {
		request string
		headers []string
		code    int
		want    string
	}{
		{"GET /healthz", nil, 200, "ok\n"},
		{"GET /cache", nil, 200, `"entries":3`},
		{"POST /cache/purge?path=/x", []string{"Origin: http://evil.example"}, 403, ""},
		{"GET /cache", []string{"Origin: http://evil.example"}, 403, "other origins"},
		{"GET /cache", []string{"Sec-Fetch-Site: cross-site"}, 403, "other origins"},
		{"HEAD /cache", []string{"Sec-Fetch-Site: same-site"}, 403, ""},
		{"GET /other", []string{"Origin: null"}, 403, "other origins"},
		{"GET /cache", []string{"Origin: " + admin, "Sec-Fetch-Site: same-origin"}, 200, ""},
		{"GET /cache", []string{"Sec-Fetch-Site: none"}, 200, ""},
		{"POST /cache/purge?path=/x", []string{"Host: evil.example"}, 403, "by the listener's address"},
		{"GET /cache/purge?path=/x", nil, 405, ""},
		{"POST /cache/purge?path=x", nil, 400, "begin with a slash"},
		{"POST /cache/purge?path=/x&prefix=perhaps", nil, 400, "true or false"},
		{"POST /cache/purge?path=/x&host=other.example", nil, 200, `{"purged":0}`},
		{"POST /cache/purge?path=/%2578", nil, 200, `{"purged":1}`},
		{"POST /cache/purge?path=/&prefix=true", nil, 200, `{"purged":2}`},
		{"POST /other", nil, 404, ""},
	} {
		if n.Load() == 0 {
			b.do(t, "GET /x")
			b.do(t, "GET /a/b?c")
			b.do(t, "GET /a/c")
		}
		got := (&bundle{url: admin}).do(t, test.request, test.headers...)
		if got.StatusCode != test.code || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: %d %q", test.request, got.StatusCode, got.body)
		}
	}
	if b.do(t, "GET /x"); n.Load() != 4 {
		t.Errorf("asked %d times", n.Load())
	}
}

func TestAdminTakesNobodysPlace(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bundle{file: filepath.Join(t.TempDir(), "gateway.yaml")}
	b.write(t, "admin: "+file+"\nroutes: [{answer: {}}]\n", nil)
	g, err := gateway.Open(b.file, gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if _, err := g.Listen(t.Context(), g); err == nil || !strings.Contains(err.Error(), "listen for admin on") {
		t.Errorf("%v", err)
	}
	if text, err := os.ReadFile(file); string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestWhatIsKeptHasItsBounds(t *testing.T) {
	t.Parallel()
	up, _ := counting(t)
	b := setup(t, "admin: 127.0.0.1:0\ncache: {size: 128KiB}\nupstreams: {up: {urls: ['{up}']}}\n"+
		"routes: [{proxy: up, cache: {vary: [X-Kind]}}]\n", map[string]*httptest.Server{"up": up})
	var held struct{ Entries, Size, Evicted int }
	look := func() {
		t.Helper()
		text := (&bundle{url: "http://" + b.server.Admin()}).do(t, "GET /cache").body
		if err := json.Unmarshal([]byte(text), &held); err != nil { //nolint:musttag // names are matched as they are
			t.Fatal(err)
		}
	}
	for n := range 70 {
		b.do(t, "GET /x", fmt.Sprint("X-Kind: ", n))
	}
	if look(); held.Entries != 64 {
		t.Errorf("of one URL there are %d", held.Entries)
	}
	for n := range 20 {
		b.do(t, fmt.Sprint("GET /long?long=", n))
	}
	if look(); held.Size > 128<<10 || held.Evicted == 0 {
		t.Errorf("%+v", held)
	}
}

func TestAdminAtASocket(t *testing.T) {
	t.Parallel()
	folder, err := os.MkdirTemp("", "admin") //nolint:usetesting // a test's own may be too long a path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	path := filepath.Join(folder, "s")
	dead, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()
	setup(t, "admin: "+path+"\nroutes: [{answer: {}}]\n", nil)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}}
	response, err := c.PostForm("http://gateway/cache/purge?path=/", url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); !strings.Contains(string(text), "no route has a cache") {
		t.Errorf("%s", text)
	}
}
