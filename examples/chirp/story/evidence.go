package story

import (
	"context"
	"flag"
	"os"
	"path/filepath"

	"github.com/chromedp/chromedp"
)

// keepEvidence saves what the page looks like and what it is made of.
func (p *Page) keepEvidence() {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Logf("no picture of %s's page: %v", p.who, err)
	}
	html, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.documentElement.outerHTML`))
	if err != nil {
		p.t.Logf("no HTML of %s's page: %v", p.who, err)
	}
	dir, err := p.evidenceFolder()
	if err != nil {
		p.t.Logf("nothing is kept of %s's page: %v", p.who, err)
		return
	}
	for ending, content := range map[string][]byte{".png": picture, ".html": []byte(html)} {
		file := filepath.Join(dir, p.who+ending)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			p.t.Logf("%v", err)
			continue
		}
		p.t.Logf("see what %s saw: %s", p.who, file)
	}
}

// evidenceFolder outlives the test, as t.TempDir does not: that of go test -artifacts,
// or a new one.
func (p *Page) evidenceFolder() (string, error) {
	if f := flag.Lookup("test.artifacts"); f != nil && f.Value.String() == "true" {
		return p.t.ArtifactDir(), nil
	}
	return os.MkdirTemp("", "chirp-story-")
}
