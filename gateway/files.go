package gateway

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/transcode"
)

// files serves what is in a folder. os.Root keeps links from leading out of it.
func (c *compiler) files(i int, config filesConfig, rt *route) http.Handler {
	root, err := os.OpenRoot(string(config.Root))
	if err != nil {
		c.mistake(err.Error(), "relative paths start at the configuration's folder", "routes", i, "files", "root")
		return nil
	}
	c.site.use(root)
	return &files{root.FS(), config.Fallback, rt}
}

type files struct {
	fs       fs.FS
	fallback string
	route    *route
}

func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	r = r.Clone(r.Context())
	setPath(r.URL, f.route.upstreamPath(r))
	name := strings.Trim(r.URL.Path, "/")
	if name == "" {
		name = "."
	}
	switch _, err := fs.Stat(f.fs, name); {
	case isHidden(name), err != nil && f.fallback == "":
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
			noteError(r, err)
		}
		transcode.WriteError(w, r, status.Error(codes.NotFound, "there is no such file"))
	case err != nil:
		http.ServeFileFS(w, r, f.fs, f.fallback)
	case f.isFolderWithoutIndex(name):
		transcode.WriteError(w, r, status.Error(codes.NotFound, "there is no such file"))
	default:
		http.FileServerFS(f.fs).ServeHTTP(w, r)
	}
}

func isHidden(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(s string) bool {
		return strings.HasPrefix(s, ".") && s != "."
	})
}

// isFolderWithoutIndex tells of folders whose files would be listed.
func (f *files) isFolderWithoutIndex(name string) bool {
	info, err := fs.Stat(f.fs, name)
	if err != nil || !info.IsDir() {
		return false
	}
	_, err = fs.Stat(f.fs, filepath.ToSlash(filepath.Join(name, "index.html")))
	return err != nil
}
