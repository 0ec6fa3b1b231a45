package web

import (
	"net/http"
	"net/url"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
)

// accountPage is the data of the pages that log in and sign up.
type accountPage struct {
	Name  string
	Next  string
	Note  string
	Wrong wrong
}

func (accountPage) forms() {}

func (v *visit) logInPage() error {
	return v.asksWho("login", "Log in")
}

func (v *visit) signUpPage() error {
	return v.asksWho("signup", "Sign up")
}

func (v *visit) asksWho(name, title string) error {
	next := safeNext(v.r.URL.Query().Get("next"), "/")
	if v.me() != nil {
		return v.goTo(next)
	}
	v.render(http.StatusOK, name, title, accountPage{Next: next})
	return nil
}

func (v *visit) logIn() error {
	data := v.accountForm()
	answer, err := v.site.clients.Accounts.LogIn(v.r.Context(),
		&accountsv1.LogInRequest{Name: data.Name, Password: v.field("password")})
	if err != nil {
		return v.stayOut("login", "Log in", data, err, "password")
	}
	return v.enter(answer.GetSession(), data.Next)
}

func (v *visit) signUp() error {
	data := v.accountForm()
	answer, err := v.site.clients.Accounts.SignUp(v.r.Context(),
		&accountsv1.SignUpRequest{Name: data.Name, Password: v.field("password")})
	if err != nil {
		return v.stayOut("signup", "Sign up", data, err, "password", "name")
	}
	return v.enter(answer.GetSession(), data.Next)
}

func (v *visit) accountForm() accountPage {
	return accountPage{Name: v.field("name"), Next: safeNext(v.field("next"), "/")}
}

// stayOut shows the form again, with what is wrong beside one of its fields.
func (v *visit) stayOut(name, title string, data accountPage, err error, fields ...string) error {
	var code int
	code, data.Wrong = mistake(err, fields...)
	if status.Code(err) == codes.Unavailable {
		data.Wrong = wrong{
			"": "Logging in and signing up are not available right now. Everybody’s posts can still be read.",
		}
	}
	v.render(code, name, title, data)
	return nil
}

func (v *visit) enter(session *accountsv1.Session, next string) error {
	v.jar.keep(session, v.site.options.Now())
	return v.goTo(next)
}

// logOut ends the session here in any case, and where it is kept if that is up.
func (v *visit) logOut() error {
	<-v.checked
	token := v.jar.session()
	if token == "" {
		return v.goTo("/")
	}
	_, err := v.site.clients.Accounts.LogOut(v.r.Context(), &accountsv1.LogOutRequest{Token: token})
	v.jar.forgetSession()
	v.account = nil
	if err != nil {
		p := *problemOf(err)
		p.detail = "You are logged out in this browser. The session itself could not be ended; it ends by itself later."
		return &p
	}
	return v.goTo("/")
}

// askToLogIn answers a visitor who has to be logged in and is not. A form gets the
// log-in page at once, so that a text that was typed is not lost.
func (v *visit) askToLogIn() {
	if v.r.Method != http.MethodPost {
		_ = v.goTo("/login?next=" + url.QueryEscape(v.r.URL.RequestURI()))
		return
	}
	data := accountPage{
		Next: safeNext(v.field("next"), "/"),
		Note: "You are not logged in, or no longer, so nothing was done. Log in and try again.",
	}
	if text := v.field("text"); text != "" {
		data.Next = draft(text)
		data.Note = "You are not logged in, or no longer, so your post was not sent. Log in: your text is kept."
	}
	v.render(http.StatusUnauthorized, "login", "Log in", data)
}
