package crowd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// idol is somebody whom the first person follows all the time.
const idol = people - 1

// patience is how long anybody waits for an answer.
const patience = 15 * time.Second

// person is somebody with a browser. Only one goroutine at a time may use it.
type person struct {
	number int
	name   string
	site   string
	client http.Client
	random *rand.Rand

	token  string                               // for forms, from the last page that had one
	known  []string                             // addresses of posts on the pages seen
	wrote  int                                  // posts
	guests int                                  // that he has let in
	next   func(*person, context.Context) error // what must come next; nil: whatever he likes
}

func newPerson(number int, site string, seed uint64, transport http.RoundTripper) *person {
	p := &person{
		number: number, name: nameOf(number), site: site,
		random: rand.New(rand.NewPCG(seed, uint64(number))),
	}
	p.client = http.Client{Transport: transport, Timeout: patience, CheckRedirect: dontFollow}
	p.forget()
	return p
}

// dontFollow: the page that a browser goes on to is another request.
func dontFollow(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func nameOf(number int) string { return fmt.Sprintf("reader%02d", number) }

// forget is what a browser does that is used for the first time.
func (p *person) forget() {
	p.client.Jar, _ = cookiejar.New(nil) // never fails
	p.token = ""
}

// arrive signs up.
func (p *person) arrive(ctx context.Context) error {
	return errors.Join(p.look(ctx, "/signup"), p.enter(ctx, "/signup", p.name), p.look(ctx, "/"))
}

// settle follows and writes.
func (p *person) settle(ctx context.Context) error {
	var errs []error
	if p.number == 0 {
		errs = append(errs, p.follow(ctx, idol))
	}
	for range friends {
		errs = append(errs, p.follow(ctx, p.someone()))
	}
	for range posts {
		errs = append(errs, p.write(ctx, p.phrase()))
	}
	return errors.Join(append(errs, p.look(ctx, "/"))...)
}

// someone is anybody else.
func (p *person) someone() int { return (p.number + 1 + p.random.IntN(people-1)) % people }

// enter signs up or logs in: it gets a new session, with which the token changes.
func (p *person) enter(ctx context.Context, path, name string) error {
	return p.send(ctx, path, url.Values{"name": {name}, "password": {"correct horse battery staple"}})
}

func (p *person) follow(ctx context.Context, whom int) error {
	return p.send(ctx, "/@"+nameOf(whom)+"/follow", url.Values{})
}

func (p *person) unfollow(ctx context.Context, whom int) error {
	return p.send(ctx, "/@"+nameOf(whom)+"/unfollow", url.Values{})
}

func (p *person) write(ctx context.Context, text string) error {
	p.wrote++
	return p.send(ctx, "/posts", url.Values{"text": {text}, "client_id": {strconv.Itoa(p.wrote)}})
}

var (
	formToken = regexp.MustCompile(`name="csrf" value="([^"]+)"`)
	postLink  = regexp.MustCompile(`href="(/posts/\d+)"`)
)

// look reads a page.
func (p *person) look(ctx context.Context, path string) error {
	page, err := p.ask(ctx, http.MethodGet, path, nil, http.StatusOK)
	if err != nil {
		return err
	}
	if token := formToken.FindStringSubmatch(page); token != nil {
		p.token = token[1]
	}
	p.known = p.known[:0]
	for _, link := range postLink.FindAllStringSubmatch(page, -1) {
		p.known = append(p.known, link[1])
	}
	return nil
}

// send sends a form. A site that took it sends the browser to another page.
func (p *person) send(ctx context.Context, path string, form url.Values) error {
	form.Set("csrf", p.token)
	_, err := p.ask(ctx, http.MethodPost, path, form, http.StatusSeeOther)
	return err
}

// notice is in pages that had to do without something.
const notice = `data-testid="notice"`

func (p *person) ask(ctx context.Context, method, path string, form url.Values, want int) (page string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, p.site+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return "", err
	case answer.StatusCode != want:
		return "", fmt.Errorf("%s %s: status %d, not %d", method, path, answer.StatusCode, want)
	case strings.Contains(string(body), notice):
		return "", fmt.Errorf("%s %s: something is missing on the page", method, path)
	}
	return string(body), nil
}
