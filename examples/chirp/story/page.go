package story

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Page is one person's open page, with cookies of its own. Its methods fail the
// test when the page does not become what they wait for.
type Page struct {
	t    *testing.T
	who  string
	site string
	ctx  context.Context //nolint:containedctx // of the browser's tab
	seen *events
}

// Open opens an empty page of the site's for one more person.
func (b *Browser) Open(t *testing.T, who, site string) *Page {
	t.Helper()
	ctx, closePage := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(closePage)
	p := &Page{t: t, who: who, site: site, ctx: ctx, seen: &events{}}
	// Not with a deadline: the tab lives as long as the context of its first run.
	err := errors.Join(
		chromedp.Listen(ctx, p.seen.note),
		command(ctx, network.Enable, network.EnableParams{}),
		command(ctx, log.Enable, cdp.Empty{}), //nolint:forbidigo // the browser's log, not Go's
		command(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}),
		chromedp.Do(ctx, chromedp.EmulateViewport(1280, 900)),
	)
	if err != nil {
		t.Fatalf("open a page for %s: %v", who, err)
	}
	t.Cleanup(p.finish)
	return p
}

// finish tells of anything that the console was told.
func (p *Page) finish() {
	for _, problem := range p.seen.complaints() {
		p.t.Errorf("%s's browser complained: %s", p.who, problem)
	}
	if p.t.Failed() {
		p.keepEvidence()
	}
}

func (p *Page) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %s: %v", p.who, what, err)
	}
}

// command sends one of the browser's own.
func command[P, R any](ctx context.Context, c cdp.Command[P, R], params P) error {
	_, err := chromedp.Call(ctx, c, params)
	return err
}

// ask gives the value of an action.
func ask[T any](p *Page, what string, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		p.t.Fatalf("%s: %s: %v", p.who, what, err)
	}
	return value
}

// Go opens an address of the site, and waits until it has loaded.
func (p *Page) Go(path string) {
	p.t.Helper()
	p.do("go to "+path, chromedp.Navigate(p.site+path))
}

// Click clicks, without waiting for what it does.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// Follow clicks what leads to another page, and waits for that page.
func (p *Page) Follow(selector string) {
	p.t.Helper()
	p.leaveBy(func() { p.Click(selector) })
}

// leaveBy waits for the page that something leads to.
func (p *Page) leaveBy(lead func()) {
	p.t.Helper()
	p.Eval(`window.storyLeaves = true`)
	lead()
	p.Until("another page", `!window.storyLeaves && document.readyState === "complete"`)
}

// Fill puts text in the place of what a field holds, as pasting it does.
func (p *Page) Fill(selector, text string) {
	p.t.Helper()
	p.do("focus "+selector,
		chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.Focus(chromedp.CSS(selector)))
	p.Eval(`document.activeElement.select()`)
	if text == "" {
		p.Press(kb.Delete)
		return
	}
	p.do("fill "+selector, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		return command(ctx, input.InsertText, input.InsertTextParams{Text: text})
	}))
}

// Press presses keys, one after the other, wherever the focus is.
func (p *Page) Press(keys string) {
	p.t.Helper()
	p.do("press keys", chromedp.KeyEvent(keys))
}

// Eval runs script in the page; sites' policies do not hold for it.
func (p *Page) Eval(script string) {
	p.t.Helper()
	p.do("run "+script, chromedp.Evaluate[chromedp.Void](script))
}

// Text is what a reader sees in the first element of a selector.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	return strings.TrimSpace(ask(p, "read "+selector, chromedp.Text(chromedp.CSS(selector))))
}

// Value is what a script's expression gives, as text.
func (p *Page) Value(expression string) string {
	p.t.Helper()
	return ask(p, "find out "+expression, chromedp.Evaluate[string]("String("+expression+")"))
}

// Count tells how many elements there are.
func (p *Page) Count(selector string) int {
	p.t.Helper()
	n, err := strconv.Atoi(p.Value(`document.querySelectorAll(` + strconv.Quote(selector) + `).length`))
	if err != nil {
		p.t.Fatalf("count %s: %v", selector, err)
	}
	return n
}

// See waits until an element is there whose text holds want.
func (p *Page) See(selector, want string) {
	p.t.Helper()
	p.Until(fmt.Sprintf("%s with %q", selector, want), fmt.Sprintf(
		`[...document.querySelectorAll(%s)].some(e => e.checkVisibility() && e.innerText.includes(%s))`,
		strconv.Quote(selector), quote(want)))
}

// Not waits until no element of a selector shows a text.
func (p *Page) Not(selector, text string) {
	p.t.Helper()
	p.Until(fmt.Sprintf("no %s with %q", selector, text), fmt.Sprintf(
		`![...document.querySelectorAll(%s)].some(e => e.checkVisibility() && e.innerText.includes(%s))`,
		strconv.Quote(selector), quote(text)))
}

// quote makes a script's string of any text.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		fmt.Fprintf(&b, `\u{%x}`, r)
	}
	return b.String() + `"`
}

// Until waits until a script's condition holds.
func (p *Page) Until(what, condition string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		if holds && err == nil {
			return
		}
		select { // an error may be that of a page that is just being left
		case <-ctx.Done():
			p.t.Fatalf("%s waited in vain for %s (%v)", p.who, what, err)
		case <-tick.C:
		}
	}
}

// Refused asserts that the page is one that refuses, with the right status and a
// message. The browser's own word about the status is then no surprise.
func (p *Page) Refused(status int64, selector, message string) {
	p.t.Helper()
	p.See(selector, message)
	if got := p.seen.lastStatus(); got != status {
		p.t.Errorf("%s sees %q with status %d, want %d", p.who, message, got, status)
	}
	p.seen.tolerate(p.Value("location.href"))
}
