package policy

import (
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// withoutFinish leaves out OnFinish, which is to be told once of a call and not of each of
// its attempts.
func withoutFinish(opts []grpc.CallOption) []grpc.CallOption {
	if !slices.ContainsFunc(opts, isOnFinish) {
		return opts
	}
	return slices.DeleteFunc(slices.Clone(opts), isOnFinish)
}

func isOnFinish(o grpc.CallOption) bool {
	_, ok := o.(grpc.OnFinishCallOption)
	return ok
}

// finish tells OnFinish how the call ended.
func finish(opts []grpc.CallOption, err error) {
	for _, o := range opts {
		if f, ok := o.(grpc.OnFinishCallOption); ok {
			f.OnFinish(err)
		}
	}
}

// forget empties what an attempt has told, lest it is taken for the next one's.
func forget(opts []grpc.CallOption) {
	for _, o := range opts {
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = nil
		case grpc.TrailerCallOption:
			*o.TrailerAddr = nil
		case grpc.PeerCallOption:
			*o.PeerAddr = peer.Peer{}
		}
	}
}

// told is what an attempt tells besides its reply.
type told struct {
	header, trailer metadata.MD
	peer            peer.Peer
}

// instead gives the options of an attempt that tells t and not the caller.
func (t *told) instead(opts []grpc.CallOption) []grpc.CallOption {
	own := make([]grpc.CallOption, 0, len(opts))
	for _, o := range opts {
		switch o.(type) {
		case grpc.HeaderCallOption:
			o = grpc.Header(&t.header)
		case grpc.TrailerCallOption:
			o = grpc.Trailer(&t.trailer)
		case grpc.PeerCallOption:
			o = grpc.Peer(&t.peer)
		}
		own = append(own, o)
	}
	return own
}

// tell gives it to the caller.
func (t *told) tell(opts []grpc.CallOption) {
	for _, o := range opts {
		switch o := o.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = t.header
		case grpc.TrailerCallOption:
			*o.TrailerAddr = t.trailer
		case grpc.PeerCallOption:
			*o.PeerAddr = t.peer
		}
	}
}
