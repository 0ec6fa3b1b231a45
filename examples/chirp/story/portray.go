package story

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

// Portray takes a picture of the site in use: a desktop by day, and a phone at
// night. It gives a PNG.
func Portray(t *testing.T, browser *Browser, site Site) []byte {
	t.Helper()
	site.populate(t)
	p := browser.Open(t, "mara", site.URL)
	p.Go("/login")
	p.Fill("#name", "mara")
	p.Fill("#password", annsPassword)
	p.Follow(`[data-testid="login-button"]`)
	p.Fill("#text", "Moved notify to a process of its own. One line in the plan, none in the code.")
	p.Eval(`document.activeElement.blur()`)
	p.do("sit at a desk", chromedp.EmulateViewport(1060, 800))
	desk := p.picture()
	p.prefers("dark")
	p.do("take the phone", chromedp.EmulateViewport(390, 800))
	p.Go("/@ines")
	return sideBySide(t, desk, p.picture())
}

func (p *Page) picture() image.Image {
	p.t.Helper()
	taken, err := png.Decode(bytes.NewReader(ask(p, "take a picture", chromedp.CaptureScreenshot())))
	if err != nil {
		p.t.Fatalf("read the picture: %v", err)
	}
	return taken
}

// sideBySide puts pictures next to each other, on nothing.
func sideBySide(t *testing.T, pictures ...image.Image) []byte {
	t.Helper()
	const gap, border = 32, 1
	width, height := -gap, 0
	for _, p := range pictures {
		width += gap + p.Bounds().Dx() + 2*border
		height = max(height, p.Bounds().Dy()+2*border)
	}
	all := image.NewRGBA(image.Rect(0, 0, width, height))
	x := 0
	for _, p := range pictures {
		frame := image.Rect(x, 0, x+p.Bounds().Dx()+2*border, p.Bounds().Dy()+2*border)
		draw.Draw(all, frame, image.NewUniform(color.Gray{Y: 0xA0}), image.Point{}, draw.Src)
		draw.Draw(all, frame.Inset(border), p, p.Bounds().Min, draw.Src)
		x = frame.Max.X + gap
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, all); err != nil {
		t.Fatalf("compose the picture: %v", err)
	}
	return out.Bytes()
}

// populate has some people say something.
func (s Site) populate(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	people := []struct{ name, shown, bio string }{
		{"mara", "Mara Lindqvist", "Cuts monoliths along the grain."},
		{"ines", "Inês Duarte", "Joiner by day, Go by night. Measures twice, deploys once."},
		{"tomasz", "Tomasz", "Sawmill operator. Strong opinions about blades."},
		{"yuki", "Yuki Mori", "Hand tools only. Well, and a compiler."},
		{"otis", "Otis & Co.", "Planks, beams, boards. Since 1931."},
	}
	const mara, ines, tomasz, yuki, otis = 0, 1, 2, 3, 4
	ids := make([]int64, len(people))
	for i, one := range people {
		account, err := s.Accounts.SignUp(ctx, &accountsv1.SignUpRequest{Name: one.name, Password: annsPassword})
		if err != nil {
			t.Fatalf("sign up %s: %v", one.name, err)
		}
		ids[i] = account.GetProfile().GetId()
		_, err = s.Accounts.UpdateProfile(ctx,
			&accountsv1.UpdateProfileRequest{Id: ids[i], DisplayName: one.shown, Bio: one.bio})
		if err != nil {
			t.Fatalf("describe %s: %v", one.name, err)
		}
	}
	for _, pair := range [][2]int{
		{mara, ines},
		{mara, tomasz},
		{mara, yuki},
		{mara, otis},
		{ines, mara},
		{ines, yuki},
		{tomasz, ines},
		{tomasz, mara},
		{yuki, ines},
		{yuki, mara},
		{yuki, tomasz},
	} {
		_, err := s.Follows.Follow(ctx, &followsv1.FollowRequest{FollowerId: ids[pair[0]], FolloweeId: ids[pair[1]]})
		if err != nil {
			t.Fatalf("%s follows %s: %v", people[pair[0]].name, people[pair[1]].name, err)
		}
	}
	for i, post := range []struct {
		by   int
		text string
	}{
		{ines, "Sharpened the whole toolbox this weekend. Sunday smells of oil and pine."},
		{otis, "Oak boards are in, 27 mm, dry and straight. First come, first served."},
		{ines, "A good joint needs no glue. A good interface needs no meeting."},
		{yuki, "New saw today. It cuts on the pull, and so softly that one hears the wood."},
		{tomasz, "Reminder: the kerf is part of the cut. Plan for it, or your last board comes up short."},
		{mara, "Five processes over HTTP this morning, one process by lunch. Same binary."},
		{ines, "“Where do we cut?” is a question you should be able to answer twice."},
	} {
		_, err := s.Messages.CreatePost(ctx, &messagesv1.CreatePostRequest{
			AuthorId: ids[post.by], ClientId: strconv.Itoa(i), Text: post.text,
		})
		if err != nil {
			t.Fatalf("post by %s: %v", people[post.by].name, err)
		}
	}
}
