package accounts

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/rpcerr"
)

var statusTaken = status.New(codes.AlreadyExists, "this name, or one that looks like it, is taken: choose another")

// SignUp opens an account. The name is looked up before the password is hashed,
// since that is dear, and again when the account is stored.
func (a *Accounts) SignUp(ctx context.Context, req *accountsv1.SignUpRequest) (*accountsv1.SignUpResponse, error) {
	name, err := newName(req.GetName())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	password, err := newPassword(req.GetPassword(), name)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if err := a.store.checkFree(ctx, name); err != nil {
		return nil, a.nameError(ctx, "look up name", err)
	}
	encoded, err := a.hasher.hash(ctx, password)
	if err != nil {
		return nil, rpcerr.From(ctx, a.log, "hash password", err)
	}
	now := a.now()
	s := newSession(now)
	p, err := a.store.addAccount(ctx, name, encoded, now, s)
	if err != nil {
		return nil, a.nameError(ctx, "store account", err)
	}
	return &accountsv1.SignUpResponse{Profile: p, Session: s.proto()}, nil
}

func (a *Accounts) nameError(ctx context.Context, doing string, err error) error {
	if errors.Is(err, errTaken) {
		return statusTaken.Err()
	}
	return rpcerr.From(ctx, a.log, doing, err)
}
