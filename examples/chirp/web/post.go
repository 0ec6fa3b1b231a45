package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"

	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

// post shows one.
func (v *visit) post() error {
	id, err := strconv.ParseInt(v.r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return errNoPage
	}
	answer, err := v.site.clients.Messages.GetPost(v.r.Context(), &messagesv1.GetPostRequest{Id: id})
	if err != nil {
		return err
	}
	data := v.show([]*messagesv1.Post{answer.GetPost()}, "", true)
	v.render(http.StatusOK, "post", "Post by "+data.Posts[0].Author.Shown, data.Posts[0])
	return nil
}

// createPost stores what the form of the home page holds.
func (v *visit) createPost() error {
	me, err := v.someone()
	if err != nil {
		return err
	}
	c := composer{Text: v.field("text"), ID: v.field("client_id")}
	_, err = v.site.clients.Messages.CreatePost(v.r.Context(), &messagesv1.CreatePostRequest{
		AuthorId: me.GetId(), ClientId: clientID(c.ID, c.Text), Text: c.Text,
	})
	if err != nil {
		p := problemOf(err)
		c.Wrong = p.Detail()
		if p.status >= http.StatusInternalServerError {
			c.Wrong = "Your post may not have been sent. " + c.Wrong + " Sending it again will not post it twice."
		}
		return v.homeWith(p.status, c)
	}
	return v.goTo("/")
}

// clientID is the same for the same form and text. Sent twice, they are one post;
// a form that was gone back to and changed is another one.
func clientID(form, text string) string {
	sum := sha256.Sum256([]byte(form + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(sum[:24])
}

// draft is where to go on after logging in with a text that was not sent.
func draft(text string) string { return "/?" + url.Values{"text": {text}}.Encode() }
