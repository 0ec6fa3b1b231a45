// Package rpcerr turns what goes wrong inside Chirp's services into what callers
// are told: the code that lets them react, and no secrets of the house.
//
//	post, err := store.post(ctx, id)
//	if errors.Is(err, sql.ErrNoRows) {
//		return nil, status.Error(codes.NotFound, "there is no such post")
//	}
//	if err != nil {
//		return nil, rpcerr.From(ctx, log, "read post", err)
//	}
package rpcerr

import (
	"context"
	"errors"
	"log/slog"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/store"
)

// From gives the status for err, which came up while doing something for the call
// of ctx. A status stays what it is, and a store that is busy, full or away has one.
// The end of the call's own context becomes Canceled or DeadlineExceeded. Anything else
// is a fault of ours: Internal, logged whole and told to nobody. nil stays nil.
func From(ctx context.Context, log *slog.Logger, doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, store.ErrBusy) {
		return status.Error(codes.Unavailable, "too much is being written at the moment; try again shortly")
	}
	var told interface{ GRPCStatus() *status.Status }
	if errors.As(err, &told) {
		return told.GRPCStatus().Err()
	}
	// A driver reports an ended context in words of its own, hence the first case.
	switch {
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	}
	log.ErrorContext(ctx, "could not "+doing, slog.Any("error", err))
	return status.Error(codes.Internal, "something went wrong here; it is not your fault")
}
