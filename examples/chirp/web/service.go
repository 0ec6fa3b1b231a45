package web

import (
	"context"

	"github.com/kerf-go/kerf"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
	trendsv1 "github.com/kerf-go/kerf/examples/chirp/trends/v1"
)

// Service is the site as a part of an app. It serves pages only; live updates
// end when the process drains.
func Service() kerf.Service {
	return kerf.Service{
		Name:  "web",
		Calls: []string{"accounts", "messages", "follows", "notify", "trends"},
		New:   start,
	}
}

func start(_ context.Context, h *kerf.Host) error {
	o := Options{Logger: h.Logger()}
	if err := h.Config(&o); err != nil {
		return err
	}
	site, err := New(Clients{
		Accounts: accountsv1.NewAccountsClient(h.Conn("accounts")),
		Messages: messagesv1.NewMessagesClient(h.Conn("messages")),
		Follows:  followsv1.NewFollowsClient(h.Conn("follows")),
		Notify:   notifyv1.NewNotifyClient(h.Conn("notify")),
		Trends:   trendsv1.NewTrendsClient(h.Conn("trends")),
	}, o)
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
