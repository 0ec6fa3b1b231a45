// Chirp is a social network for messages of up to 141 characters: Kerf's example.
//
//	go run ./examples/chirp                                            # one process
//	go run ./examples/chirp run --plan examples/chirp/plans/http.yaml  # five, over HTTP
//	go run ./examples/chirp run --plan examples/chirp/plans/grpc.yaml  # over gRPC
//	go run ./examples/chirp run --plan examples/chirp/plans/queue.yaml # through a message queue
//	go run ./examples/chirp run --plan examples/chirp/plans/sockets.yaml  # over TCP and UDP
//	go run ./examples/chirp run --plan examples/chirp/plans/mixed.yaml  # each service over another link
//	go run ./examples/chirp run --plan examples/chirp/plans/polyglot.yaml  # and one service in Python
//	go run ./examples/chirp compare                                    # all plans, measured beside each other
package main

import (
	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/examples/chirp/accounts"
	"github.com/kerf-go/kerf/examples/chirp/follows"
	"github.com/kerf-go/kerf/examples/chirp/messages"
	"github.com/kerf-go/kerf/examples/chirp/notify"
	"github.com/kerf-go/kerf/examples/chirp/trends"
	"github.com/kerf-go/kerf/examples/chirp/web"
	"github.com/kerf-go/kerf/kit"
)

func app() kerf.App {
	return kerf.App{Name: "chirp", Services: []kerf.Service{
		accounts.Service(), follows.Service(), messages.Service(), notify.Service(), trends.Service(),
		web.Service(),
	}}
}

func main() { kit.Main(app(), kit.Compare(workload())) }
