// Package balance spreads calls over the replicas of a process.
//
//	b := balance.New(dial, balance.Options{})
//	defer b.Close()
//	b.Update(urls) // and again whenever they change
//
//	call, err := b.Pick(ctx)
//	if err != nil {
//		return err
//	}
//	err = call.Invoke(ctx, method, request, reply)
//
// In the way of a call it is the last thing before the link: run/remote.go picks here.
// A retry or a hedge picks again, and with the option Elsewhere, which all attempts of the
// call share, leaves the endpoints at which it has been.
//
// # Picking
//
// Of two endpoints the one with fewer calls that run is taken: the power of two
// choices (Mitzenmacher, 2001). One of the two is next in turn, the other any other; so
// equally busy endpoints take turns. With one endpoint nothing is chosen or timed.
//
// # Who takes no calls
//
//	passed over  it could not be reached (Unavailable, and not by its own answer): for a
//	             second, or until a call that began later, or a health check, is answered
//	ejected      five failures in a row: for 5 s at first, 5 s more each time, 60 s at most
//	unhealthy    it says that it does not serve, cannot be reached by the health check, or
//	             is silent: until it answers one
//
// A call has failed in these cases. Whatever else a callee answers shows that it works.
//
//	Unavailable       always
//	Internal          unless the call never left: a request that cannot be encoded is the
//	                  caller's fault. A handler that panics is sick, and a sick one is fast:
//	                  it would draw calls
//	Unknown           unless the callee answered so: a handler's plain error is an answer
//	DeadlineExceeded  if the endpoint had 100 ms or more: a shorter time says nothing of it
//
// A caller that gives up (Canceled), and a call that was refused or went wrong before it
// left, say nothing. A stream is judged by its end.
//
// Of the endpoints half at most (Options.MostEjected), rounded down, are ejected at the same time, and only
// while another's last call went well: if all fail, the trouble is elsewhere. If nobody is
// left, those that were passed over or unhealthy are used, who may be back, and else all.
//
// Health checks are calls of grpc.health.v1.Health/Check on the endpoint's own conn, for the
// server as a whole. What is answered with another error (Unimplemented, PermissionDenied)
// is healthy: it was reached. They start with the second endpoint.
//
// # Silence
//
// A machine that has lost its power, a network that drops packets, or a process that is
// stopped refuses nothing: calls would wait there for their deadlines. So an endpoint is
// asked every second, twice if need be, and is silent if for a second it has answered neither
// that nor any call. The calls that run there and are Repeatable are then given up, if
// another endpoint takes calls; so they are 2.1 s late at most, well before the default
// deadline of 5 s. Other calls wait, and so do streams, whose links notice dead peers.
//
// One that is overloaded answers some call within a second, or the health check, which waits
// in no queue and takes no place of an admission; so do slow ones, whatever each call takes.
// One that says it does not serve, or cannot be reached, may be draining: its calls go on. A
// caller that was itself stopped finds the second question answered.
//
// # Slow start
//
// An endpoint that is added to others, or comes back, is taken when it is chosen with a
// probability that grows from 10 % to 100 % within 5 s; else the other of the two is. One
// that was passed over and has answered since needs none. Nor does one that comes within
// 5 s of the first: all of them are new.
//
// # Brokers
//
// The servers of one subject share its calls. As long as that is all that is known of them
// there is one URL, and nothing to do here; each of them tells one of its own.
package balance
