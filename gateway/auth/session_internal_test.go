package auth

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func newLogInTest(t *testing.T) *logIn {
	t.Helper()
	l, err := newLogIn(OIDCConfig{
		Issuer: "https://id.example", ClientID: "x", Key: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
	}, Options{Origin: originOf})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// begin gives the cookie of a session that begins now.
func begin(t *testing.T, l *logIn, r *http.Request) *http.Cookie {
	t.Helper()
	cookie, err := l.sessionCookie(r, session{Subject: "ada", Since: l.now().Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return cookie
}

func TestARenewedCookieIsOfTheAnswerAlone(t *testing.T) {
	t.Parallel()
	l := newLogInTest(t)
	r := httptest.NewRequest(http.MethodGet, "/x", nil)
	r.AddCookie(begin(t, l, r))
	began := time.Now()
	l.now = func() time.Time { return began.Add(40 * time.Minute) }
	g := Guard{Ways: []*Way{{name: "way", credentials: l}}}
	var stored http.Header
	out := httptest.NewRecorder()
	g.Around(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		stored = w.Header().Clone()
		_, _ = w.Write([]byte("x"))
	})).ServeHTTP(out, r)
	if stored.Get("Set-Cookie") != "" {
		t.Errorf("the handler sees the cookie: %v", stored)
	}
	if h := out.Result().Header; h.Get("Set-Cookie") == "" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("the browser gets %v", h)
	}
}

func TestALogInHasItsTime(t *testing.T) {
	t.Parallel()
	l := newLogInTest(t)
	began := time.Now()
	l.now = func() time.Time { return began }
	a := attempt{State: rand.Text(), Until: began.Add(logInTime).Unix()}
	text, err := l.sealer.seal(l.purpose("attempt"), a)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/auth/callback?state="+a.State, nil)
	r.AddCookie(&http.Cookie{Name: l.cookieName(r, l.attemptCookie(a.State)), Value: text})
	if _, err := l.attempt(r); err != nil {
		t.Errorf("at once: %v", err)
	}
	l.now = func() time.Time { return began.Add(logInTime) }
	out := httptest.NewRecorder()
	if l.ServeHTTP(out, r); out.Code != http.StatusBadRequest {
		t.Errorf("after its time: %d", out.Code)
	}
}

func TestASessionEndsInTime(t *testing.T) {
	t.Parallel()
	l := newLogInTest(t)
	began := time.Now()
	at := func(after time.Duration) { l.now = func() time.Time { return began.Add(after) } }
	at(0)
	request := &http.Request{Host: "x"}
	cookie := begin(t, l, request)
	// find asks with the cookie, and takes a new one as a browser does.
	find := func() error {
		request.Header = http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}}
		c, err := l.find(request)
		if err == nil && c.renewed != nil {
			cookie = c.renewed
		}
		return err
	}
	first := cookie.Value
	at(20 * time.Minute)
	if err := find(); err != nil || cookie.Value != first {
		t.Errorf("before half of its time is over it is renewed, or %v", err)
	}
	for after := 40 * time.Minute; after < 12*time.Hour; after += 40 * time.Minute {
		at(after)
		if err := find(); err != nil || cookie.Value == first {
			t.Fatalf("after %s it is not renewed, and %v", after, err)
		}
	}
	if left := time.Duration(cookie.MaxAge) * time.Second; left > 41*time.Minute {
		t.Errorf("it lasts %s beyond its lifetime", left)
	}
	at(12*time.Hour + time.Second)
	if find() == nil {
		t.Error("it outlives its lifetime")
	}
	at(12*time.Hour - time.Second)
	if err := find(); err != nil {
		t.Errorf("it ends before its lifetime: %v", err)
	}
	l.config.Lifetime = 6 * time.Hour
	if find() == nil {
		t.Error("it outlives a lifetime that was made shorter")
	}
	at(61 * time.Minute)
	cookie.Value = first
	if find() == nil {
		t.Error("it outlives an hour without use")
	}
}
