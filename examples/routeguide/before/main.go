// Before is a plain gRPC server and its client: what moves to Kerf in the folder
// above.
//
//	go run ./examples/routeguide/before serve 127.0.0.1:7070 &
//	go run ./examples/routeguide/before visit 127.0.0.1:7070
package main

import "github.com/kerf-go/kerf/examples/routeguide/guide"

func main() { guide.Main(serve, visit) }
