package plan

import (
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/kerf-go/kerf/link"
)

const (
	thePlan     = "the plan"
	namePattern = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$" // that of a DNS label, which a process may become
)

// filePlan is a plan as its file says it, before any default. Its keys, and those
// of its parts, are the one table that both the parser and Schema go by.
type filePlan struct {
	version   placed[int]
	app       placed[string]
	link      placed[string]
	processes placed[[]named[*fileProcess]]
	methods   placed[[]named[*fileMethod]]
	policies  placed[[]named[*filePolicy]]
	upstreams placed[[]named[*fileUpstream]]
	deadline  placed[time.Duration]
	drain     placed[time.Duration]
	admin     placed[string]
	store     fileStore
	broker    placed[string]
	config    []named[ast.Node]
	insecure  placed[bool]
}

func (f *filePlan) keys() []key { return slices.Concat(f.partKeys(), f.policyKeys(), f.meansKeys()) }

// partKeys are of what the app consists of.
func (f *filePlan) partKeys() []key {
	return []key{
		{"version", "The version of this format: 1.", `write "version: 1"`, whole(&f.version, 1)},
		{"app", "The app's name.", `write "app: NAME"`, text(&f.app, "the app's name")},
		{
			"link", "How processes are reached unless they say otherwise: the scheme of a link, such as http.", "",
			text(&f.link, "the name of a link, such as http"),
		},
		{
			"processes",
			"The processes by name. Left out: one process with every service, its pages on 127.0.0.1:8080.", "",
			mapping[*fileProcess]{
				&f.processes, "process", "a mapping such as {web: {services: [web]}}",
				func() *fileProcess { return &fileProcess{} },
				rules{"pattern": namePattern},
			},
		},
		{"methods", "What holds for single methods, by package.Service/Method.", "", methods(&f.methods)},
	}
}

// policyKeys are of how calls and requests end.
func (f *filePlan) policyKeys() []key {
	return []key{
		{
			"policies", `How calls fail early, for "*", a service, or methods such as pkg.v1.Service/Get*. Of each ` +
				"policy the most specific entry counts, whole.", "",
			mapping[*filePolicy]{
				&f.policies, "policies of", "a mapping such as {accounts: {retry: off}}",
				func() *filePolicy { return &filePolicy{} }, nil,
			},
		},
		{
			"upstreams", "Policies of HTTP servers outside the app, by the names that services give them. What is " +
				"left out is as the service has it.", "",
			mapping[*fileUpstream]{
				&f.upstreams, "upstream", "a mapping such as {payments: {retry: off}}",
				func() *fileUpstream { return &fileUpstream{} }, nil,
			},
		},
		{
			deadlineKey, "How long a caller waits for an answer, unless the method says otherwise. Default: 5s.", "",
			duration(&f.deadline),
		},
		{
			drainKey, "How long calls that run may go on in a process that is to stop, or in all that stop together; " +
				"off: they are cut off at once. Default: 20s.", "",
			orOff(duration(&f.drain), -1),
		},
	}
}

// meansKeys are of what the app runs with.
func (f *filePlan) meansKeys() []key {
	return []key{
		{
			"admin", "host:port of each process's admin listener. Default: 127.0.0.1:0, any free port.", "",
			text(&f.admin, "a host and a port, such as 127.0.0.1:0"),
		},
		{
			"store", "Where the services' stores are: a URL, such as sqlite:data or postgres://user@host/database, " +
				"or a mapping that says more. Default: the app's data folder.", "",
			urlOr[*fileStore]{&f.store.url, &f.store, "a store's URL, such as sqlite:data, or a mapping"},
		},
		{
			"broker", "The message broker of the links that need one: embedded:FOLDER, which the app runs itself, or " +
				"the URL of one that runs, such as nats://host:4222. Default: embedded, in the app's data folder.", "",
			text(&f.broker, "embedded:FOLDER or a broker's URL, such as nats://host:4222"),
		},
		{
			"config", "Configuration by service. Text may hold ${env:NAME}, ${env:NAME:-default} and ${file:path}.", "",
			nodes{&f.config},
		},
		{"insecure", "Allows listeners that other machines can reach. Default: false.", "", flag(&f.insecure)},
	}
}

type fileProcess struct {
	services placed[[]placed[string]]
	link     placed[string]
	listen   placed[string]
	reach    placed[string]
	web      placed[string]
	command  placed[[]placed[string]]
	replicas placed[int]
	methods  placed[[]named[*fileMethod]]
}

func (f *fileProcess) keys() []key {
	return []key{
		{
			"services", "The services that run in this process.", `write "services: [NAME]"`,
			texts{&f.services, "a list of services, such as [web]", "a name", true},
		},
		{"link", "Short for listen: LINK://127.0.0.1:0.", "", text(&f.link, "the name of a link, such as http")},
		{
			"listen", "The URL to listen on, such as http://127.0.0.1:9001. Port 0: any free one.", "",
			text(&f.listen, "a URL, such as http://127.0.0.1:9001"),
		},
		{
			"reach", "The URL that others call, where it differs from listen, such as http://accounts:9001.", "",
			text(&f.reach, "a URL, such as http://accounts:9001"),
		},
		{
			"web", "host:port of the web pages. Left out: the process serves none.", "",
			text(&f.web, "a host and a port, such as 127.0.0.1:8080"),
		},
		{
			"command", "The program that runs this process, and its arguments, if not the app's own. Its working " +
				"folder is the plan's.", "",
			texts{&f.command, "a list of a program and its arguments, such as [python3, x.py]", "an argument", false},
		},
		{"replicas", "How many of this process run. Default: 1.", "", whole(&f.replicas, 1000)},
		{
			"methods", "What holds for single methods of this process's services, by package.Service/Method.", "",
			methods(&f.methods),
		},
	}
}

// fileStore is the store of all services, or of one.
type fileStore struct {
	url         placed[string]
	migrate     placed[bool]
	foreign     placed[bool]
	connections placed[int]
	wait        placed[time.Duration]
	services    placed[[]named[*fileStore]]

	ofOne bool // it is that of a service, which has no services
}

func (f *fileStore) keys() []key {
	keys := []key{ //nolint:prealloc // one more is rare
		{
			"url", "Where it is, such as sqlite:data or postgres://user@host/database.", "",
			text(&f.url, "a store's URL, such as sqlite:data"),
		},
		{
			"migrate", "Whether processes migrate their stores when they start. Without, they are not ready until " +
				"the app's command migrate has done it. Default: true.", "",
			flag(&f.migrate),
		},
		{
			"foreign", "The tables are someone else's: no migrations are run, and nothing is written into it but " +
				"what the service writes. Default: false.", "",
			flag(&f.foreign),
		},
		{
			"connections", "The most connections of one service in one process. Default: 8.", "",
			whole(&f.connections, 1000),
		},
		{
			waitKey, "How long a caller waits for one of them. Default: 1s.", "", duration(&f.wait),
		},
	}
	if f.ofOne {
		return keys
	}
	return append(keys, key{"services", "What is otherwise for single services.", "", mapping[*fileStore]{
		&f.services, "store of service", "a mapping such as {accounts: {url: sqlite:other}}",
		func() *fileStore { return &fileStore{ofOne: true} }, nil,
	}})
}

type fileMethod struct {
	deadline placed[time.Duration]
	share    placed[bool]
	link     placed[string]
	wait     placed[link.Wait]
}

func (f *fileMethod) keys() []key {
	return []key{
		{deadlineKey, "How long a caller waits for the answer.", "", duration(&f.deadline)},
		{
			"share", "Within a process, messages pass without a copy: nobody may change them. Default: false.", "",
			flag(&f.share),
		},
		{
			"link", "The link that carries this method between processes.", "",
			text(&f.link, "the name of a link, such as http"),
		},
		{
			waitKey, "When the caller goes on: reply (the handler has answered; the default), accepted (a durable " +
				"queue has the request), sent (it has left). The last two are for answers of " + emptyAnswer + ".", "",
			choice(&f.wait, link.Reply, link.Accepted, link.Sent),
		},
	}
}

func methods(into *placed[[]named[*fileMethod]]) slot {
	return mapping[*fileMethod]{
		into, "method", `a mapping such as {pkg.v1.Service/Method: {deadline: 2s}}`,
		func() *fileMethod { return &fileMethod{} },
		rules{"pattern": "^[^/]+/[^/]+$"},
	}
}
