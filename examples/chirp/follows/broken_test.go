package follows_test

import (
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/examples/chirp/follows"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	"github.com/kerf-go/kerf/examples/chirp/internal/chirptest"
)

func TestBrokenStoreIsAFaultOfOursAndStaysInTheHouse(t *testing.T) {
	t.Parallel()
	db := chirptest.Store(t, t.TempDir(), follows.Migrations())
	f, err := follows.New(db, follows.Options{Logger: slog.New(slog.DiscardHandler)})
	chirptest.WantCode(t, err, codes.OK)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"Follow": func() error {
			_, err := f.Follow(ctx, &followsv1.FollowRequest{FollowerId: 1, FolloweeId: 2})
			return err
		},
		"Unfollow": func() error {
			_, err := f.Unfollow(ctx, &followsv1.UnfollowRequest{FollowerId: 1, FolloweeId: 2})
			return err
		},
		"ListFollowers": func() error {
			_, err := f.ListFollowers(ctx, &followsv1.ListFollowersRequest{AccountId: 1})
			return err
		},
		"AllFollowing": func() error {
			_, err := f.AllFollowing(ctx, &followsv1.AllFollowingRequest{AccountId: 1})
			return err
		},
		"CountFollows": func() error {
			_, err := f.CountFollows(ctx, &followsv1.CountFollowsRequest{AccountIds: []int64{1}})
			return err
		},
		"FilterFollowers": func() error {
			_, err := f.FilterFollowers(ctx, &followsv1.FilterFollowersRequest{AccountId: 1, CandidateIds: []int64{2}})
			return err
		},
	} {
		err := call()
		if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "sql") {
			t.Errorf("%s: got %v, want a neutral Internal", name, err)
		}
	}
}
