package plan_test

import "github.com/kerf-go/kerf/plan"

// chirp is a model in the shape of the social network of the examples, with
// fewer methods and more links.
func chirp() plan.Model {
	service := func(name, serves string, calls []string, methods ...plan.Method) plan.Service {
		for i := range methods {
			methods[i].Name = serves + "/" + methods[i].Name
		}
		return plan.Service{Name: name, Serves: []string{serves}, Methods: methods, Calls: calls}
	}
	notify := service("notify", "chirp.notify.v1.Notify", []string{"follows"},
		plan.Method{Name: "Deliver", AnswersEmpty: true}, plan.Method{Name: "Subscribe", ServerStream: true})
	notify.Single = true
	return plan.Model{
		App: "chirp",
		Services: []plan.Service{
			service("accounts", "chirp.accounts.v1.Accounts", nil,
				plan.Method{Name: "SignUp"}, plan.Method{Name: "LogIn"},
				plan.Method{Name: "LogOut", AnswersEmpty: true}),
			service("follows", "chirp.follows.v1.Follows", nil,
				plan.Method{Name: "Follow", AnswersEmpty: true},
				plan.Method{Name: "AllFollowing", Idempotent: true, ReadOnly: true}),
			notify,
			service("messages", "chirp.messages.v1.Messages", []string{"follows", "notify"},
				plan.Method{Name: "CreatePost"}, plan.Method{Name: "ListHome"}),
			{Name: "web", Calls: []string{"accounts", "follows", "messages", "notify"}, Web: true},
		},
		Links: []plan.Link{
			{Scheme: "inproc", Streams: true, InProcess: true},
			{Scheme: "http", Streams: true},
			{Scheme: "udp", MaxMessage: 1200},
			{Scheme: "nats", Streams: true, Durable: true, Broker: true},
		},
		Brokers: []string{"nats"},
		Stores:  []string{"sqlite", "postgres"},
	}
}
