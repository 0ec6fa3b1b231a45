package story

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Bounds of what a test waits for. They are long because a busy machine is slow;
// nothing waits longer than it must.
const (
	browserStart = 30 * time.Second
	patience     = 20 * time.Second
)

// Browser is one chromium, with a profile of its own that ends with the test.
type Browser struct {
	ctx context.Context //nolint:containedctx // of the browser, which is made of contexts
}

// NewBrowser starts chromium. Where there is none the test is skipped.
func NewBrowser(t *testing.T) *Browser {
	t.Helper()
	program := findChromium(t)
	profile, err := os.MkdirTemp("", "chirp-browser-") //nolint:usetesting // see remove
	if err != nil {
		t.Fatalf("folder for the browser: %v", err)
	}
	t.Cleanup(func() { remove(t, profile) })
	allocator, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(program), chromedp.UserDataDir(profile),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck, chromedp.WSURLReadTimeout(browserStart),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-default-apps", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-extensions", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("mute-audio", true),
	)
	t.Cleanup(stop)
	ctx, closeBrowser := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(closeBrowser)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits for its end
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return &Browser{ctx}
}

// remove removes the browser's folder. Its helpers may still write there for a
// moment, which t.TempDir would take for a failure.
func remove(t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for err := os.RemoveAll(dir); err != nil; err = os.RemoveAll(dir) {
		select {
		case <-ctx.Done():
			t.Logf("the browser's folder is left behind: %v", err)
			return
		case <-tick.C:
		}
	}
}

// findChromium gives the program, or ends the test.
func findChromium(t *testing.T) string {
	t.Helper()
	const missing = "no browser: this test needs chromium. Install it (Debian: apt-get install chromium), " +
		"or set CHROMIUM to its path, and run the test again"
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("KERF_TEST_COMPLETE") == "1" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}
