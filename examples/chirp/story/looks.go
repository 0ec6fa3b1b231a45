package story

import (
	"strconv"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// looks shows every page on phones, in light and dark: nothing may stand beyond
// the edge of the screen, and text must not have the colour of the ground.
func (b *browse) looks() {
	p := b.ann
	for _, path := range []string{
		"/", "/public", "/search?q=sawdust", "/settings", "/@anna", "/@anna/followers", "/posts/1",
	} {
		p.Go(path)
		grounds := make(map[string]bool)
		for _, scheme := range []string{"light", "dark"} {
			p.prefers(scheme)
			for _, width := range []int64{390, 320} {
				p.do("turn into a phone", chromedp.EmulateViewport(width, 800))
				p.fits(path, width)
			}
			ground := p.Value(`getComputedStyle(document.body).backgroundColor`)
			grounds[ground] = true
			if text := p.Value(`getComputedStyle(document.body).color`); text == ground {
				b.t.Errorf("%s in %s: text has the colour of the ground, %s", path, scheme, ground)
			}
		}
		if len(grounds) != 2 {
			b.t.Errorf("%s looks the same in light and dark", path)
		}
	}
	p.prefers("light")
	p.do("turn into a desk", chromedp.EmulateViewport(1280, 900))
}

func (p *Page) prefers(scheme string) {
	p.t.Helper()
	err := command(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		p.t.Fatalf("prefer %s: %v", scheme, err)
	}
}

// fits asserts that the page does not scroll sideways.
func (p *Page) fits(path string, width int64) {
	p.t.Helper()
	const beyond = `document.documentElement.scrollWidth - document.documentElement.clientWidth`
	over, err := strconv.Atoi(p.Value(beyond))
	if err != nil {
		p.t.Fatalf("measure %s: %v", path, err)
	}
	if over > 0 {
		widest := p.Value(`[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > ` +
			`document.documentElement.clientWidth).map(e => e.tagName + "." + e.className).join(" ")`)
		p.t.Errorf("%s is %d pixels too wide for a screen of %d: %s", path, over, width, widest)
	}
}
