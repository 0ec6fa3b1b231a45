// Package natslink carries calls over a NATS broker.
//
//	server, err := natslink.Link{}.Listen(ctx, u, link.ListenOptions{}) // u: nats://127.0.0.1:4222/chirp.accounts
//	conn, err := natslink.Link{}.Dial(u, link.DialOptions{})
//
// Servers of one subject share its calls; all frames of one call go to the same of
// them. The URL that a server tells names it (nats://127.0.0.1:4222/chirp.accounts?at=NAME),
// and calls to it go to no other, so that who knows the replicas chooses. A unary call
// that fits into a message is one message there and one back.
// tls+nats:// is the same inside TLS.
//
// A conn without a broker, or a subject without a server, is Unavailable at once:
// nothing is kept for later. Both ends notice within some seconds that the other is
// gone.
//
// A call that waits only until it is accepted (link.WithWait) goes into a JetStream
// stream, and runs at least once: as long as it fails with a code that may pass
// (Unavailable, ResourceExhausted, Aborted, DeadlineExceeded, Internal, Unknown) it is
// tried again, ten times in all, after half a second, one, two and so on to a minute.
// What is refused with a word on when to come again waits at the server, and counts as
// no attempt for ten minutes.
// What fails for good, or whose server goes away in the tenth attempt too, becomes a
// dead letter (Link.DeadLetters). A request that comes twice within two minutes, under
// one "idempotency-key" or because the broker sends it again, runs once, whichever
// server has it. One that is larger than the broker's messages goes in pieces. A queue
// holds 256 MiB, and each request for a week: then it is dropped. Dead letters may be
// as many and stay for 30 days. A stream that exists keeps its own limits.
//
// Package frame has the frames, and docs/links/nats.md the wire format.
package natslink
