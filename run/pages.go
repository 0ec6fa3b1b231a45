package run

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
)

// pages are the web pages of a process's services.
type pages struct {
	*http.ServeMux
	mu    sync.Mutex // guards the fields below
	any   bool
	front http.Handler // before all of them; nil: none
}

func newPages() *pages { return &pages{ServeMux: http.NewServeMux()} }

// add serves a page. ServeMux panics at a pattern that is wrong or taken; here
// that is an error.
func (p *pages) add(pattern string, page http.Handler) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%v", reason)
		}
	}()
	p.Handle(pattern, page)
	p.any = true
	return nil
}

// around puts a handler before all pages.
func (p *pages) around(wrap func(http.Handler) http.Handler) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.front != nil {
		return errors.New("another service of this process does so: put the two into two processes")
	}
	p.front = wrap(p.ServeMux)
	return nil
}

// entry is what answers first.
func (p *pages) entry() http.Handler {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.front != nil {
		return p.front
	}
	return p.ServeMux
}

func (p *pages) empty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.any && p.front == nil
}
