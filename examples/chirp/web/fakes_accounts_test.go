package web_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/chirptext"
)

type accounts struct{ *fakes }

func (f accounts) session(p *accountsv1.Profile) *accountsv1.Session {
	token := fmt.Sprintf("token-%d-%d", p.GetId(), len(f.sessions))
	f.sessions[token] = p.GetId()
	return &accountsv1.Session{Token: token, ExpiresAt: timestamppb.New(time.Now().Add(time.Hour))}
}

func (f accounts) SignUp(
	_ context.Context, in *accountsv1.SignUpRequest, _ ...grpc.CallOption,
) (*accountsv1.SignUpResponse, error) {
	err := f.called("accounts.SignUp")
	defer f.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case strings.Trim(strings.ToLower(in.GetName()), "abcdefghijklmnopqrstuvwxyz") != "" || in.GetName() == "":
		return nil, status.Error(codes.InvalidArgument, "a name has 3 to 20 letters")
	case len(in.GetPassword()) < 8:
		return nil, status.Error(codes.InvalidArgument, "the password is too short")
	case f.named(in.GetName()) != nil:
		return nil, status.Error(codes.AlreadyExists, "this name is taken")
	}
	p := f.addAccount(strings.ToLower(in.GetName()))
	f.words[p.GetName()] = in.GetPassword()
	return &accountsv1.SignUpResponse{Profile: p, Session: f.session(p)}, nil
}

func (f accounts) LogIn(
	_ context.Context, in *accountsv1.LogInRequest, _ ...grpc.CallOption,
) (*accountsv1.LogInResponse, error) {
	err := f.called("accounts.LogIn")
	defer f.mu.Unlock()
	p := f.named(in.GetName())
	switch {
	case err != nil:
		return nil, err
	case p == nil || f.words[p.GetName()] != in.GetPassword():
		return nil, status.Error(codes.Unauthenticated, "the name or the password is wrong")
	}
	return &accountsv1.LogInResponse{Profile: p, Session: f.session(p)}, nil
}

func (f accounts) LogOut(
	_ context.Context, in *accountsv1.LogOutRequest, _ ...grpc.CallOption,
) (*emptypb.Empty, error) {
	err := f.called("accounts.LogOut")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	delete(f.sessions, in.GetToken())
	return &emptypb.Empty{}, nil
}

func (f accounts) Authenticate(
	_ context.Context, in *accountsv1.AuthenticateRequest, _ ...grpc.CallOption,
) (*accountsv1.AuthenticateResponse, error) {
	err := f.called("accounts.Authenticate")
	defer f.mu.Unlock()
	p := f.profile(f.sessions[in.GetToken()])
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return nil, status.Error(codes.Unauthenticated, "this session has ended: log in again")
	}
	return &accountsv1.AuthenticateResponse{Profile: p}, nil
}

func (f accounts) GetProfile(
	_ context.Context, in *accountsv1.GetProfileRequest, _ ...grpc.CallOption,
) (*accountsv1.GetProfileResponse, error) {
	err := f.called("accounts.GetProfile")
	defer f.mu.Unlock()
	p := f.named(in.GetName())
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return nil, status.Error(codes.NotFound, "there is no such account")
	}
	return &accountsv1.GetProfileResponse{Profile: p}, nil
}

func (f accounts) BatchGetProfiles(
	_ context.Context, in *accountsv1.BatchGetProfilesRequest, _ ...grpc.CallOption,
) (*accountsv1.BatchGetProfilesResponse, error) {
	err := f.called("accounts.BatchGetProfiles")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if ids := slices.Sorted(slices.Values(in.GetIds())); len(slices.Compact(ids)) != len(in.GetIds()) {
		return nil, status.Error(codes.InvalidArgument, "an id is asked for twice")
	}
	answer := &accountsv1.BatchGetProfilesResponse{}
	for _, id := range in.GetIds() {
		if p := f.profile(id); p != nil {
			answer.Profiles = append(answer.Profiles, p)
		}
	}
	return answer, nil
}

func (f accounts) UpdateProfile(
	_ context.Context, in *accountsv1.UpdateProfileRequest, _ ...grpc.CallOption,
) (*accountsv1.UpdateProfileResponse, error) {
	err := f.called("accounts.UpdateProfile")
	defer f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if _, err := chirptext.Check(chirptext.Bio, in.GetBio()); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	p := f.profile(in.GetId())
	p.DisplayName, p.Bio = in.GetDisplayName(), in.GetBio()
	return &accountsv1.UpdateProfileResponse{Profile: p}, nil
}

func (f accounts) Rename(
	_ context.Context, in *accountsv1.RenameRequest, _ ...grpc.CallOption,
) (*accountsv1.RenameResponse, error) {
	err := f.called("accounts.Rename")
	defer f.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case f.named(in.GetName()) != nil:
		return nil, status.Error(codes.AlreadyExists, "this name is taken")
	}
	f.profile(in.GetId()).Name = in.GetName()
	return &accountsv1.RenameResponse{Profile: f.profile(in.GetId())}, nil
}
