// Chirp is a social network for messages of up to 141 characters: Kerf's example.
//
//	go run ./examples/chirp                                            # one process
//	go run ./examples/chirp run --plan examples/chirp/plans/http.yaml  # five, over HTTP
//	go run ./examples/chirp run --plan examples/chirp/plans/grpc.yaml  # over gRPC
//	go run ./examples/chirp run --plan examples/chirp/plans/queue.yaml # through a message queue
//	go run ./examples/chirp run --plan examples/chirp/plans/sockets.yaml  # over TCP and UDP
//	go run ./examples/chirp run --plan examples/chirp/plans/mixed.yaml  # each service over another link
//	go run ./examples/chirp run --plan examples/chirp/plans/polyglot.yaml  # and one service in Python
//	go run ./examples/chirp run --plan examples/chirp/plans/gateway.yaml  # behind a gateway
//	go run ./examples/chirp compare                                    # all plans, measured beside each other
//	go run ./examples/chirp demo                                       # how things fail and recover
package main

import (
	"slices"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/examples/chirp/accounts"
	"github.com/kerf-go/kerf/examples/chirp/follows"
	"github.com/kerf-go/kerf/examples/chirp/lessons"
	"github.com/kerf-go/kerf/examples/chirp/messages"
	"github.com/kerf-go/kerf/examples/chirp/notify"
	"github.com/kerf-go/kerf/examples/chirp/trends"
	"github.com/kerf-go/kerf/examples/chirp/web"
	"github.com/kerf-go/kerf/gateway"
	"github.com/kerf-go/kerf/kit"
)

func app() kerf.App {
	behind := []kerf.Service{
		accounts.Service(), follows.Service(), messages.Service(), notify.Service(), trends.Service(),
	}
	services := slices.Concat(behind, []kerf.Service{web.Service(), gateway.Service("edge", behind...)})
	return kerf.App{Name: "chirp", Services: services}
}

func main() { kit.Main(app(), commands()...) }

// commands are those that Chirp has beside every app's.
func commands() []kit.Command {
	return []kit.Command{kit.Compare(workload()), kit.Demo(lessons.All()...)}
}
