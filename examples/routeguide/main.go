// Routeguide is the plain gRPC server and client of the folder before, moved to
// Kerf: they now talk over any link, which the address names.
//
//	go run ./examples/routeguide serve http://127.0.0.1:7070 &
//	go run ./examples/routeguide visit http://127.0.0.1:7070
package main

import "github.com/kerf-go/kerf/examples/routeguide/guide"

func main() { guide.Main(serve, visit) }
