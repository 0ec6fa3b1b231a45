package frame

import (
	"encoding/binary"
	"strings"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/kerf-go/kerf/link/call"
)

// AppendEnd writes the frame that ends a call.
func AppendEnd(b []byte, id uint64, end call.End) []byte {
	before := b
	b, at := begin(b, End, 0, id)
	b = appendStatus(b, end.Status)
	b = appendMetadata(b, end.Trailer)
	if len(b)-at-headerLen > maxPayload {
		return AppendEnd(before, id, call.End{Status: status.Newf(codes.Internal,
			"the call's status and trailer have more than %d bytes", maxPayload)})
	}
	return finish(b, at)
}

func appendStatus(b []byte, s *status.Status) []byte {
	if s == nil {
		return append(b, make([]byte, 12)...) //nolint:mnd // code, empty message, no details
	}
	p := s.Proto()
	b = binary.BigEndian.AppendUint32(b, uint32(p.GetCode()))
	b = appendText(b, p.GetMessage())
	b = binary.BigEndian.AppendUint32(b, uint32(len(p.GetDetails())))
	for _, d := range p.GetDetails() {
		b = appendText(b, d.GetTypeUrl())
		b = appendText(b, string(d.GetValue()))
	}
	return b
}

// parseEnd reads a frame of kind End.
func parseEnd(f Frame) (call.End, error) {
	r := fields{left: f.Payload}
	code, message := int32(r.uint32()), strings.ToValidUTF8(r.text(), "\uFFFD")
	n := r.count(8) //nolint:mnd // bytes of two lengths
	details := make([]*anypb.Any, 0, n)
	for range n {
		details = append(details, &anypb.Any{TypeUrl: r.text(), Value: append([]byte(nil), r.bytes()...)})
	}
	end := call.End{Trailer: r.metadata()}
	if code != int32(codes.OK) {
		end.Status = status.FromProto(&spb.Status{Code: code, Message: message, Details: details})
	}
	return end, r.err(End)
}

// flagRefused marks the end of a call that no handler has seen.
const flagRefused = 1 << 0

// AppendRefusal writes the frame that ends a call which will not run.
func AppendRefusal(b []byte, id uint64, s *status.Status) []byte {
	b, at := begin(b, End, flagRefused, id)
	return finish(appendMetadata(appendStatus(b, s), nil), at)
}
