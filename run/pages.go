package run

import (
	"fmt"
	"net/http"
	"sync"
)

// pages are the web pages of a process's services.
type pages struct {
	*http.ServeMux
	mu  sync.Mutex // guards any
	any bool
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

func (p *pages) empty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.any
}
