package story

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// events are what the browser tells of one page.
type events struct {
	mu        sync.Mutex // guards the fields below
	problems  []problem
	tolerated []string // what may fail to load; a "*" at the end stands for anything
	requests  []string
	status    int64 // of the last document
}

// problem is one complaint of the console; url is set for what could not be loaded.
type problem struct{ url, text string }

// note is called by the browser's own goroutine; it must not wait.
func (e *events) note(event any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		if event.Type != network.ResourceTypeOther { // the icon of the tab, which comes when it likes
			e.requests = append(e.requests,
				fmt.Sprintf("%s %s (%s)", event.Request.Method, event.Request.URL, event.Type))
		}
	case *network.EventResponseReceived:
		if event.Type == network.ResourceTypeDocument {
			e.status = event.Response.Status
		}
	case *log.EventEntryAdded: //nolint:forbidigo // the browser's log, not Go's
		e.noteLog(event)
	case *runtime.EventExceptionThrown:
		e.problems = append(e.problems, problem{text: exception(event.ExceptionDetails)})
	case *runtime.EventConsoleAPICalled:
		if event.Type == runtime.ConsoleAPICalledTypeError || event.Type == runtime.ConsoleAPICalledTypeWarning {
			e.problems = append(e.problems, problem{text: fmt.Sprintf("console.%s", event.Type)})
		}
	}
}

func exception(details *runtime.ExceptionDetails) string {
	if details.Exception != nil {
		return details.Text + " " + details.Exception.Description
	}
	return details.Text
}

//nolint:forbidigo // the browser's log, not Go's
func (e *events) noteLog(event *log.EventEntryAdded) {
	entry := event.Entry
	if entry.Level != log.EntryLevelError && entry.Level != log.EntryLevelWarning {
		return
	}
	p := problem{text: fmt.Sprintf("%s %s: %s (%s)", entry.Source, entry.Level, entry.Text, entry.URL)}
	if entry.Source == log.EntrySourceNetwork {
		p.url = entry.URL
	}
	e.problems = append(e.problems, p)
}

// tolerate lets a URL fail to load: what the browser says of it, now or later, is
// no complaint. A "*" at its end stands for anything.
func (e *events) tolerate(url string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tolerated = append(e.tolerated, url)
}

// complaints are the problems that nobody has tolerated.
func (e *events) complaints() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var texts []string
	for _, p := range e.problems {
		expected := slices.ContainsFunc(e.tolerated, func(url string) bool {
			prefix, many := strings.CutSuffix(url, "*")
			return p.url != "" && (p.url == url || many && strings.HasPrefix(p.url, prefix))
		})
		if !expected {
			texts = append(texts, p.text)
		}
	}
	return texts
}

func (e *events) lastStatus() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status
}

// sent lists the requests so far.
func (e *events) sent() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests)
}
