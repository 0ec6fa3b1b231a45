package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var staticFiles embed.FS

// assets are the files that pages load. The address of each holds a hash of its
// content, so browsers may keep it for good.
type assets struct {
	addresses map[string]string // by plain name
	contents  map[string][]byte // by hashed name
}

var _ http.Handler = (*assets)(nil)

func loadAssets() (*assets, error) {
	a := &assets{addresses: make(map[string]string), contents: make(map[string][]byte)}
	names, err := fs.Glob(staticFiles, "static/*")
	if err != nil {
		return nil, fmt.Errorf("list static files: %w", err)
	}
	for _, name := range names {
		content, err := staticFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read static files: %w", err)
		}
		sum := sha256.Sum256(content)
		plain, ext := path.Base(name), path.Ext(name)
		hashed := strings.TrimSuffix(plain, ext) + "." + hex.EncodeToString(sum[:8]) + ext
		a.addresses[plain], a.contents[hashed] = "/static/"+hashed, content
	}
	return a, nil
}

// address of a file by its plain name, for templates.
func (a *assets) address(plain string) (string, error) {
	address, ok := a.addresses[plain]
	if !ok {
		return "", fmt.Errorf("there is no static file %q", plain)
	}
	return address, nil
}

// ServeHTTP serves /static/{file}.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	content, ok := a.contents[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	serveAsset(w, r, name, content, 365*24*time.Hour)
}

// only serves one file at an address that never changes, as browsers ask for some.
func (a *assets) only(plain string) http.Handler {
	hashed := path.Base(a.addresses[plain])
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serveAsset(w, r, hashed, a.contents[hashed], 24*time.Hour)
	})
}

func serveAsset(w http.ResponseWriter, r *http.Request, name string, content []byte, fresh time.Duration) {
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%.0f, immutable", fresh.Seconds()))
	h.Set("ETag", `"`+name+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}
