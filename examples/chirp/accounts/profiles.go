package accounts

import (
	"context"
	"database/sql"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/chirptext"
	"github.com/kerf-go/kerf/examples/chirp/rpcerr"
)

// maxBatch is how many profiles may be asked for at once.
const maxBatch = 500

// maxNames is how many names one account may ever have had, so that nobody
// hoards them by renaming.
const maxNames = 10

var errNoAccount = status.Error(codes.NotFound, "there is no such account")

// GetProfile finds one account by its name of today; names it had before find nothing.
func (a *Accounts) GetProfile(
	ctx context.Context, req *accountsv1.GetProfileRequest,
) (*accountsv1.GetProfileResponse, error) {
	name, err := normaliseName(req.GetName())
	if err != nil {
		return nil, errNoAccount
	}
	p, err := a.store.byName(ctx, name)
	if err != nil {
		return nil, a.profileError(ctx, "read profile", err)
	}
	return &accountsv1.GetProfileResponse{Profile: p}, nil
}

// BatchGetProfiles finds many by id.
func (a *Accounts) BatchGetProfiles(
	ctx context.Context, req *accountsv1.BatchGetProfilesRequest,
) (*accountsv1.BatchGetProfilesResponse, error) {
	if n := len(req.GetIds()); n > maxBatch {
		return nil, status.Errorf(codes.InvalidArgument, "%d ids: ask for at most %d at once", n, maxBatch)
	}
	profiles, err := a.store.byIDs(ctx, req.GetIds())
	if err != nil {
		return nil, rpcerr.From(ctx, a.log, "read profiles", err)
	}
	return &accountsv1.BatchGetProfilesResponse{Profiles: profiles}, nil
}

// UpdateProfile replaces display name and bio.
func (a *Accounts) UpdateProfile(
	ctx context.Context, req *accountsv1.UpdateProfileRequest,
) (*accountsv1.UpdateProfileResponse, error) {
	displayName, err := chirptext.Check(chirptext.DisplayName, req.GetDisplayName())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	bio, err := chirptext.Check(chirptext.Bio, req.GetBio())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	p, err := a.store.update(ctx, req.GetId(), displayName, bio)
	if err != nil {
		return nil, a.profileError(ctx, "store profile", err)
	}
	return &accountsv1.UpdateProfileResponse{Profile: p}, nil
}

// Rename gives an account another name. Its old ones stay its own, so that nobody
// can pose as who it was, and it may return to them. FailedPrecondition when it
// would be the eleventh.
func (a *Accounts) Rename(ctx context.Context, req *accountsv1.RenameRequest) (*accountsv1.RenameResponse, error) {
	name, err := newName(req.GetName())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	p, err := a.store.rename(ctx, req.GetId(), name)
	switch {
	case errors.Is(err, errTaken):
		return nil, statusTaken.Err()
	case errors.Is(err, errTooManyNames):
		return nil, status.Errorf(codes.FailedPrecondition,
			"this account has had %d names already: return to one of them", maxNames)
	case err != nil:
		return nil, a.profileError(ctx, "rename account", err)
	}
	return &accountsv1.RenameResponse{Profile: p}, nil
}

func (a *Accounts) profileError(ctx context.Context, doing string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return errNoAccount
	}
	return rpcerr.From(ctx, a.log, doing, err)
}
