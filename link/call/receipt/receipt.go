// Package receipt tells what has become of a request that a durable queue has accepted.
// Its answer to the caller carries a receipt in the header:
//
//	var header metadata.MD
//	_, err := client.Deliver(ctx, request, link.WithWait(link.Accepted), grpc.Header(&header))
//	text := receipt.Of(header)
//
// with which somebody may ask later on, by a call of the same method that does not run:
//
//	_, err := client.Deliver(ctx, nothing, link.WithWait(link.Accepted), receipt.Ask(text), grpc.Header(&header))
//	progress, err := receipt.Read(header)
//
// A receipt is hard to guess, unless the caller has named the request by an idempotency-key.
package receipt

import (
	"errors"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Progress is what has become of a request.
type Progress struct {
	State State
	Error *status.Status // of one that is Dead
}

// State is how far a request is.
type State string

const (
	// Pending requests wait, or run.
	Pending State = "PENDING"
	// Done means that the handler has run.
	Done State = "DONE"
	// Dead means that the request has failed for good, and is among the dead letters.
	Dead State = "DEAD"
)

// Ask makes a call a question, which is answered in the header: see Read. It needs
// link.WithWait(link.Accepted), so that no link takes it for a call. The call fails with NotFound if
// nothing is known of such a request, or nothing any more.
func Ask(receipt string) grpc.CallOption { return CallOption{Receipt: receipt} }

// CallOption is the call option of Ask, for links to recognise.
type CallOption struct {
	grpc.EmptyCallOption
	Receipt string
}

// The keys of headers by which a durable queue answers. No handler's metadata begin so.
const (
	receiptKey = "kerf-receipt"
	stateKey   = "kerf-state"
	errorKey   = "kerf-error-bin"
)

// Header carries a receipt.
func Header(receipt string) metadata.MD { return metadata.MD{receiptKey: {receipt}} }

// Of is the receipt in a header; empty: there is none, and the handler has answered.
func Of(header metadata.MD) string {
	if values := header.Get(receiptKey); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Answerer is a call.Dialer with a queue that tells what has become of what it has accepted.
// A question has one Send, of an empty message, and its answer is the header.
type Answerer interface{ Answers() bool }

// Answer carries a progress.
func Answer(p Progress) metadata.MD {
	md := metadata.MD{stateKey: {string(p.State)}}
	if b, err := proto.Marshal(p.Error.Proto()); err == nil && p.Error != nil {
		md[errorKey] = []string{string(b)}
	}
	return md
}

// Read is the progress in a header.
func Read(header metadata.MD) (Progress, error) {
	states := header.Get(stateKey)
	if len(states) == 0 {
		return Progress{}, errors.New("the header tells of no progress")
	}
	p := Progress{State: State(states[0])}
	if values := header.Get(errorKey); len(values) > 0 {
		var s spb.Status
		if err := proto.Unmarshal([]byte(values[0]), &s); err != nil {
			return Progress{}, err
		}
		p.Error = status.FromProto(&s)
	}
	return p, nil
}
