package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/transcode"
)

// files serves what is in a folder. os.Root keeps links from leading out of it.
func (c *compiler) files(i int, config filesConfig, rt *route) http.Handler {
	c.checkReading(i, "files answer")
	root, err := os.OpenRoot(string(config.Root))
	if err != nil {
		c.mistake(err.Error(), "relative paths start at the configuration's folder", "routes", i, "files", "root")
		return nil
	}
	c.site.use(root)
	f := &files{root.FS(), strings.TrimPrefix(config.Fallback, "/"), rt}
	if info, err := fs.Stat(f.fs, f.fallback); f.fallback != "" && (err != nil || !info.Mode().IsRegular()) {
		c.mistake(fmt.Sprintf("the folder has no file %q", config.Fallback), "name one of root, or leave it out",
			"routes", i, "files", "fallback")
	}
	return f
}

type files struct {
	fs       fs.FS
	fallback string
	route    *route
}

const indexName = "index.html"

// ServeHTTP answers with a file, with the index of a folder, or with the fallback. It does without
// http.FileServer, which takes the path of the file for that of the client, and redirects by it.
func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header()[failedMark] = nil
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	var at url.URL
	setPath(&at, f.route.upstreamPath(r))
	hidden := isHidden(at.Path)
	err := fs.ErrNotExist
	if !hidden {
		err = f.find(w, r, at.Path)
	}
	if err != nil && f.fallback != "" && !hidden {
		err = f.serve(w, r, f.fallback)
	}
	if err == nil {
		return
	}
	if !slices.ContainsFunc(absent, func(one error) bool { return errors.Is(err, one) }) {
		noteError(r, err)
	}
	w.Header()[failedMark] = nil
	transcode.WriteError(w, r, status.Error(codes.NotFound, "there is no such file"))
}

// absent are what the errors of files are that are not there.
var absent = []error{fs.ErrNotExist, fs.ErrInvalid, syscall.ENOTDIR}

// isHidden also tells of files in hidden folders.
func isHidden(at string) bool { return strings.Contains(at, "/.") }

// find answers with what is at a path. A folder has a slash at its end, or what its index says of
// its neighbours would lead elsewhere.
func (f *files) find(w http.ResponseWriter, r *http.Request, at string) error {
	name := cmp.Or(strings.Trim(at, "/"), ".")
	info, err := fs.Stat(f.fs, name)
	switch {
	case err != nil:
		return err
	case !info.IsDir() && strings.HasSuffix(at, "/"):
		return fs.ErrNotExist
	case !info.IsDir():
		return f.serve(w, r, name)
	}
	name = strings.TrimPrefix(name+"/"+indexName, "./")
	if _, err := fs.Stat(f.fs, name); err != nil || strings.HasSuffix(r.URL.Path, "/") {
		return f.serve(w, r, name)
	}
	asked := r.URL.EscapedPath()
	to := "." + asked[strings.LastIndexByte(asked, '/'):] + "/" // of the client's path, and on no other host
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusMovedPermanently)
	return nil
}

// serve answers with a file. Devices and pipes, which would keep who opens them, are none.
func (f *files) serve(w http.ResponseWriter, r *http.Request, name string) error {
	info, err := fs.Stat(f.fs, name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fs.ErrNotExist
	}
	file, err := f.fs.Open(name)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it was only read
	content, ok := file.(io.ReadSeeker)
	if !ok {
		return fmt.Errorf("%s cannot be read from any place", name)
	}
	http.ServeContent(w, r, info.Name(), info.ModTime(), content)
	return nil
}
