package main

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
)

var (
	_ accountsv1.AccountsClient = accountsClient{}
	_ followsv1.FollowsClient   = followsClient{}
	_ messagesv1.MessagesClient = messagesClient{}
	_ notifyv1.NotifyClient     = notifyClient{}
)

type accountsClient struct{ server accountsv1.AccountsServer }

func (c accountsClient) SignUp(
	ctx context.Context, in *accountsv1.SignUpRequest, _ ...grpc.CallOption,
) (*accountsv1.SignUpResponse, error) {
	return c.server.SignUp(ctx, in)
}

func (c accountsClient) LogIn(
	ctx context.Context, in *accountsv1.LogInRequest, _ ...grpc.CallOption,
) (*accountsv1.LogInResponse, error) {
	return c.server.LogIn(ctx, in)
}

func (c accountsClient) LogOut(
	ctx context.Context, in *accountsv1.LogOutRequest, _ ...grpc.CallOption,
) (*emptypb.Empty, error) {
	return c.server.LogOut(ctx, in)
}

func (c accountsClient) Authenticate(
	ctx context.Context, in *accountsv1.AuthenticateRequest, _ ...grpc.CallOption,
) (*accountsv1.AuthenticateResponse, error) {
	return c.server.Authenticate(ctx, in)
}

func (c accountsClient) GetProfile(
	ctx context.Context, in *accountsv1.GetProfileRequest, _ ...grpc.CallOption,
) (*accountsv1.GetProfileResponse, error) {
	return c.server.GetProfile(ctx, in)
}

func (c accountsClient) BatchGetProfiles(
	ctx context.Context, in *accountsv1.BatchGetProfilesRequest, _ ...grpc.CallOption,
) (*accountsv1.BatchGetProfilesResponse, error) {
	return c.server.BatchGetProfiles(ctx, in)
}

func (c accountsClient) UpdateProfile(
	ctx context.Context, in *accountsv1.UpdateProfileRequest, _ ...grpc.CallOption,
) (*accountsv1.UpdateProfileResponse, error) {
	return c.server.UpdateProfile(ctx, in)
}

func (c accountsClient) Rename(
	ctx context.Context, in *accountsv1.RenameRequest, _ ...grpc.CallOption,
) (*accountsv1.RenameResponse, error) {
	return c.server.Rename(ctx, in)
}

type followsClient struct{ server followsv1.FollowsServer }

func (c followsClient) Follow(
	ctx context.Context, in *followsv1.FollowRequest, _ ...grpc.CallOption,
) (*emptypb.Empty, error) {
	return c.server.Follow(ctx, in)
}

func (c followsClient) Unfollow(
	ctx context.Context, in *followsv1.UnfollowRequest, _ ...grpc.CallOption,
) (*emptypb.Empty, error) {
	return c.server.Unfollow(ctx, in)
}

func (c followsClient) ListFollowers(
	ctx context.Context, in *followsv1.ListFollowersRequest, _ ...grpc.CallOption,
) (*followsv1.ListFollowersResponse, error) {
	return c.server.ListFollowers(ctx, in)
}

func (c followsClient) ListFollowing(
	ctx context.Context, in *followsv1.ListFollowingRequest, _ ...grpc.CallOption,
) (*followsv1.ListFollowingResponse, error) {
	return c.server.ListFollowing(ctx, in)
}

func (c followsClient) AllFollowing(
	ctx context.Context, in *followsv1.AllFollowingRequest, _ ...grpc.CallOption,
) (*followsv1.AllFollowingResponse, error) {
	return c.server.AllFollowing(ctx, in)
}

func (c followsClient) CountFollows(
	ctx context.Context, in *followsv1.CountFollowsRequest, _ ...grpc.CallOption,
) (*followsv1.CountFollowsResponse, error) {
	return c.server.CountFollows(ctx, in)
}

func (c followsClient) FilterFollowers(
	ctx context.Context, in *followsv1.FilterFollowersRequest, _ ...grpc.CallOption,
) (*followsv1.FilterFollowersResponse, error) {
	return c.server.FilterFollowers(ctx, in)
}

func (c followsClient) FilterFollowing(
	ctx context.Context, in *followsv1.FilterFollowingRequest, _ ...grpc.CallOption,
) (*followsv1.FilterFollowingResponse, error) {
	return c.server.FilterFollowing(ctx, in)
}

type messagesClient struct{ server messagesv1.MessagesServer }

func (c messagesClient) CreatePost(
	ctx context.Context, in *messagesv1.CreatePostRequest, _ ...grpc.CallOption,
) (*messagesv1.CreatePostResponse, error) {
	return c.server.CreatePost(ctx, in)
}

func (c messagesClient) GetPost(
	ctx context.Context, in *messagesv1.GetPostRequest, _ ...grpc.CallOption,
) (*messagesv1.GetPostResponse, error) {
	return c.server.GetPost(ctx, in)
}

func (c messagesClient) ListByAuthor(
	ctx context.Context, in *messagesv1.ListByAuthorRequest, _ ...grpc.CallOption,
) (*messagesv1.ListByAuthorResponse, error) {
	return c.server.ListByAuthor(ctx, in)
}

func (c messagesClient) ListHome(
	ctx context.Context, in *messagesv1.ListHomeRequest, _ ...grpc.CallOption,
) (*messagesv1.ListHomeResponse, error) {
	return c.server.ListHome(ctx, in)
}

func (c messagesClient) ListPublic(
	ctx context.Context, in *messagesv1.ListPublicRequest, _ ...grpc.CallOption,
) (*messagesv1.ListPublicResponse, error) {
	return c.server.ListPublic(ctx, in)
}

func (c messagesClient) Search(
	ctx context.Context, in *messagesv1.SearchRequest, _ ...grpc.CallOption,
) (*messagesv1.SearchResponse, error) {
	return c.server.Search(ctx, in)
}

type notifyClient struct{ server notifyv1.NotifyServer }

func (c notifyClient) Deliver(
	ctx context.Context, in *notifyv1.DeliverRequest, _ ...grpc.CallOption,
) (*emptypb.Empty, error) {
	return c.server.Deliver(ctx, in)
}

func (c notifyClient) Subscribe(
	ctx context.Context, in *notifyv1.SubscribeRequest, _ ...grpc.CallOption,
) (grpc.ServerStreamingClient[notifyv1.SubscribeResponse], error) {
	return serve(ctx, func(s grpc.ServerStreamingServer[notifyv1.SubscribeResponse]) error {
		return c.server.Subscribe(in, s)
	}), nil
}
