package main

import (
	"strings"
	"testing"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
	"github.com/kerf-go/kerf/examples/chirp/story"
	"github.com/kerf-go/kerf/examples/chirp/web"
	"github.com/kerf-go/kerf/kerftest"
)

func site(env *kerftest.Env) story.Site {
	return story.Site{URL: env.URL(), Clients: web.Clients{
		Accounts: accountsv1.NewAccountsClient(env.Conn("accounts")),
		Messages: messagesv1.NewMessagesClient(env.Conn("messages")),
		Follows:  followsv1.NewFollowsClient(env.Conn("follows")),
		Notify:   notifyv1.NewNotifyClient(env.Conn("notify")),
	}}
}

func TestStoryInABrowser(t *testing.T) {
	t.Parallel()
	browser := story.NewBrowser(t)
	kerftest.Run(t, app(), everyPlan, func(t *testing.T, env *kerftest.Env) { //nolint:thelper // it is the test
		story.Browse(t, browser, site(env))
	})
}

func TestNothingBadIsStored(t *testing.T) {
	t.Parallel()
	kerftest.Run(t, app(), everyPlan, func(t *testing.T, env *kerftest.Env) { //nolint:thelper // it is the test
		s := site(env)
		s.Gateway = strings.HasSuffix(t.Name(), "/gateway") // the plan's name
		story.Misbehave(t, s)
	})
}

func TestScriptsInFieldsAreInert(t *testing.T) {
	t.Parallel()
	kerftest.Run(t, app(), everyPlan, func(t *testing.T, env *kerftest.Env) { //nolint:thelper // it is the test
		story.Inject(t, site(env))
	})
}
