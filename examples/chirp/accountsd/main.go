// Accountsd is Chirp's accounts as a program of its own, in a module of its own: it
// can be built and released without the rest. A plan runs it by its command:
//
//	go -C examples/chirp/accountsd build
//	go run ./examples/chirp run --plan examples/chirp/plans/accountsd.yaml
//
// Built with -tags later it speaks as a later version may, for tests.
package main

import (
	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/examples/chirp/accounts"
	"github.com/kerf-go/kerf/kit"
)

func app() kerf.App {
	return kerf.App{Name: "chirp", Services: []kerf.Service{accounts.Service()}, UnaryServer: interceptors}
}

func main() { kit.Main(app()) }
