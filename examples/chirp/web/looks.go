package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed templates
var templateFiles embed.FS

// looks are the templates: one set for each page, all within the same layout.
type looks struct{ pages map[string]*template.Template }

func parseLooks(a *assets) (*looks, error) {
	shared := template.New("shared").Funcs(template.FuncMap{"asset": a.address})
	if _, err := shared.ParseFS(templateFiles, "templates/shared/*.html"); err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	l := &looks{pages: make(map[string]*template.Template)}
	for _, name := range names {
		set, err := shared.Clone()
		if err == nil {
			set, err = set.ParseFS(templateFiles, name)
		}
		if err != nil {
			return nil, fmt.Errorf("parse templates: %w", err)
		}
		l.pages[strings.TrimSuffix(path.Base(name), ".html")] = set
	}
	return l, nil
}

// page is what the layout shows; Data is the page's own.
type page struct {
	Site      string
	Title     string
	Path      string // says which entry of the menu is current
	Query     string
	Me        *person // nil for nobody
	Unchecked bool    // logged in, but nobody knows as whom
	Missing   []string
	CSRF      string // only where somebody is logged in, or the page asked by withForms
	Data      any
}

// render answers with a page. It looks at the session, so it comes last.
func (v *visit) render(status int, name, title string, data any) {
	p := v.pageFor(title, data)
	var body bytes.Buffer
	if err := v.site.looks.pages[name].ExecuteTemplate(&body, "layout", p); err != nil {
		v.log().ErrorContext(v.r.Context(), "template failed", slog.String("page", name), slog.Any("error", err))
		http.Error(v.w, "Something went wrong here; it is not your fault.", http.StatusInternalServerError)
		return
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	h.Set("Cache-Control", "private, no-cache")
	if p.CSRF != "" || v.jar.get(sessionCookie) != "" {
		h.Set("Cache-Control", "private, no-store")
	}
	h.Set("Vary", "Cookie")
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		h.Set("Retry-After", "5")
	}
	v.w.WriteHeader(status)
	// A browser that has gone away is no fault of the page.
	_, _ = v.w.Write(body.Bytes())
}

// forms is implemented by the Data of pages that show forms to guests too.
type forms interface{ forms() }

func (v *visit) pageFor(title string, data any) *page {
	p := &page{
		Site: v.site.options.Title, Title: title, Path: v.r.URL.Path, Query: v.r.URL.Query().Get("q"), Data: data,
	}
	if me := v.me(); me != nil {
		shown := known(me)
		p.Me = &shown
	}
	p.Unchecked = v.unchecked()
	if _, asks := data.(forms); asks || v.jar.session() != "" {
		p.CSRF = v.jar.csrf()
	}
	p.Missing = v.missing
	return p
}

// fragment renders one part of a page, for live updates.
func (l *looks) fragment(name string, data any) (string, error) {
	var b strings.Builder
	if err := l.pages["timeline"].ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return b.String(), nil
}
