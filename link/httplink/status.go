package httplink

import (
	"context"
	"errors"
	"net"
	"strconv"

	"connectrpc.com/connect"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call"
)

// codeHeader carries a code that the Connect protocol has no word for.
const codeHeader = "Kerf-Code"

// toConnect is the error that carries a status; nil for OK.
func toConnect(s *status.Status) *connect.Error {
	if s.Code() == codes.OK {
		return nil
	}
	err := connect.NewError(connect.Code(s.Code()), errors.New(s.Message()))
	if s.Code() > codes.Unauthenticated { // a code that nobody defined
		err.Meta().Set(codeHeader, strconv.Itoa(int(s.Code())))
	}
	for _, detail := range s.Proto().GetDetails() {
		if d, detailErr := connect.NewErrorDetail(detail); detailErr == nil {
			err.AddDetail(d)
		}
	}
	return err
}

// fromConnect is the status that an error of connect-go carries, with its
// outcome. connected tells whether the request had a connection to go by.
func fromConnect(ctx context.Context, err error, connected bool) error {
	var wire *connect.Error
	if errors.As(err, &wire) && connect.IsWireError(err) {
		s := &spb.Status{Code: int32(wire.Code()), Message: wire.Message()}
		code, err := strconv.ParseInt(wire.Meta().Get(codeHeader), 10, 32)
		if err == nil && code > int64(codes.Unauthenticated) { // never OK: the call has failed
			s.Code = int32(code)
		}
		for _, d := range wire.Details() {
			s.Details = append(s.Details, &anypb.Any{TypeUrl: "type.googleapis.com/" + d.Type(), Value: d.Bytes()})
		}
		return link.Mark(status.FromProto(s), link.Answered)
	}
	outcome := link.MayHaveRun
	if dial, ok := errors.AsType[*net.OpError](err); !connected || ok && dial.Op == "dial" {
		// net/http dials again only after a request that the peer has not looked at.
		outcome = link.NeverSent
	}
	if ctx.Err() != nil {
		return call.Ended(ctx, outcome)
	}
	switch code := connect.CodeOf(err); code { //nolint:exhaustive // the others say that the connection failed
	case connect.CodeResourceExhausted, connect.CodeUnimplemented,
		connect.CodeUnauthenticated, connect.CodePermissionDenied:
		return link.Mark(status.New(codes.Code(code), err.Error()), outcome)
	}
	return call.Unavailable(outcome, "%v", err)
}
