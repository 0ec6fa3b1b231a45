// Chirp wired by hand: the services of examples/chirp in one process, without
// Kerf's engine. It is the baseline that every plan is compared with.
//
//	go run ./examples/chirp/monolith --data /tmp/chirp --web 127.0.0.1:8080
//
// The services know each other by the interfaces of their generated clients. Here
// those are implemented by a plain function call each (clients.go): the message
// goes over as a pointer, nothing is copied, encoded or looked up, and the
// caller's context is the callee's. grpc over bufconn would encode each message
// twice and cross two goroutines; a grpc.ClientConnInterface would look each
// method up by its name and copy each request, because a generated handler makes
// its own. Neither is what a careful programmer would do for one process, and
// both would flatter whatever is compared with this. Two dozen one-line methods
// are the price; the compiler tells when one is missing. The one stream goes
// through a channel (stream.go).
//
// What a plan brings is not here: no spans, no metrics, no admin listener, no
// limit between the services but the caller's context, no barrier around a panic
// of one of them.
package main
