package link

import "google.golang.org/grpc"

// Wait is when a caller's stub returns. Accepted and Sent are for methods that
// answer google.protobuf.Empty: their callers get an empty answer.
type Wait int

const (
	// Reply waits until the handler has answered: the zero Wait.
	Reply Wait = iota
	// Accepted waits until a durable queue has taken the request. It is then run at
	// least once.
	Accepted
	// Sent waits until the request has left. Nothing is promised.
	Sent
)

// String gives the word that plans use.
func (w Wait) String() string {
	switch w {
	case Accepted:
		return "accepted"
	case Sent:
		return "sent"
	case Reply:
	}
	return "reply"
}

// WithWait asks for a wait other than Reply. A link without a durable queue fails
// an Accepted call at once, with Unimplemented. A link that cannot leave an answer
// out treats Sent as Reply.
func WithWait(w Wait) grpc.CallOption { return WaitCallOption{Wait: w} }

// WaitCallOption is the call option of WithWait, for links to recognise.
type WaitCallOption struct {
	grpc.EmptyCallOption
	Wait Wait
}
