package gateway_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
