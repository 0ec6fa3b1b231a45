package story

import "github.com/chromedp/cdproto/emulation"

// withoutScript has carl do everything but watch, with scripts turned off.
func (b *browse) withoutScript() {
	p := b.browser.Open(b.t, "carl", b.site.URL)
	err := command(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	if err != nil {
		b.t.Fatalf("turn scripts off: %v", err)
	}
	p.Go("/signup")
	p.Fill("#name", "carl")
	p.Fill("#password", "planks and planes")
	p.Follow(`[data-testid="signup-button"]`)
	p.Fill("#text", "Written without a script.")
	p.See("#left", "Up to 141 characters") // nobody counts
	p.Follow(`[data-testid="post-button"]`)
	p.See(".feed .post", "Written without a script.")
	p.Go("/@anna")
	p.Follow(`.person [data-testid="follow"]`)
	p.See(".person .counts", "1 follower")
	p.Fill("#find", "sawdust")
	p.leaveBy(func() { p.Press("\r") })
	p.See(".feed mark", "sawdust")
	p.Go("/")
	p.See(".feed .post", "page 25")
	p.Follow(`[data-testid="older"]`)
	p.See(".feed .post", firstPost)
	p.Follow(`[data-testid="logout"]`)
	p.See(`[data-testid="login-link"]`, "Log in")
}
