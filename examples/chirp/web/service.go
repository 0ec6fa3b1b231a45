package web

import (
	"context"

	"github.com/kerf-go/kerf"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
)

// Config is what a plan may say under config.web.
type Config struct {
	// Title is the name of the site; empty means Chirp.
	Title string `yaml:"title"`
	// Secure says that browsers come by TLS although this process does not see
	// it, as behind a proxy: cookies are then for TLS only.
	Secure bool `yaml:"secure"`
}

// Service is the site as a part of an app. It serves pages only; live updates
// end when the process drains.
func Service() kerf.Service {
	return kerf.Service{
		Name:  "web",
		Calls: []string{"accounts", "messages", "follows", "notify"},
		New:   start,
	}
}

func start(_ context.Context, h *kerf.Host) error {
	var config Config
	if err := h.Config(&config); err != nil {
		return err
	}
	site, err := New(Clients{
		Accounts: accountsv1.NewAccountsClient(h.Conn("accounts")),
		Messages: messagesv1.NewMessagesClient(h.Conn("messages")),
		Follows:  followsv1.NewFollowsClient(h.Conn("follows")),
		Notify:   notifyv1.NewNotifyClient(h.Conn("notify")),
	}, Options{Title: config.Title, Secure: config.Secure, Logger: h.Logger()})
	if err != nil {
		return err
	}
	for _, route := range site.routes() {
		h.Handle(route.pattern, route.page)
	}
	h.Go("live updates", func(ctx context.Context) error {
		<-ctx.Done()
		return site.Close()
	})
	return nil
}
