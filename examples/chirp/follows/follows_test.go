package follows_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/examples/chirp/follows"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	"github.com/kerf-go/kerf/examples/chirp/internal/chirptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func setup(t *testing.T, o follows.Options) *follows.Follows {
	t.Helper()
	return open(t, t.TempDir(), o)
}

func open(t *testing.T, dir string, o follows.Options) *follows.Follows {
	t.Helper()
	f, err := follows.New(chirptest.Store(t, dir, follows.Migrations()), o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func follow(t *testing.T, f *follows.Follows, follower, followee int64) {
	t.Helper()
	_, err := f.Follow(t.Context(), &followsv1.FollowRequest{FollowerId: follower, FolloweeId: followee})
	chirptest.WantCode(t, err, codes.OK)
}

func unfollow(t *testing.T, f *follows.Follows, follower, followee int64) {
	t.Helper()
	_, err := f.Unfollow(t.Context(), &followsv1.UnfollowRequest{FollowerId: follower, FolloweeId: followee})
	chirptest.WantCode(t, err, codes.OK)
}

// followedByOne lists everyone whom account 1 follows.
func followedByOne(t *testing.T, f *follows.Follows) []int64 {
	t.Helper()
	answer, err := f.AllFollowing(t.Context(), &followsv1.AllFollowingRequest{AccountId: 1})
	chirptest.WantCode(t, err, codes.OK)
	return answer.GetAccountIds()
}

func wantIDs(t *testing.T, got []int64, want ...int64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestFollowHappensOnceHoweverOftenItIsAsked(t *testing.T) {
	t.Parallel()
	f := setup(t, follows.Options{})
	follow(t, f, 1, 2)
	follow(t, f, 1, 3)
	follow(t, f, 1, 2)
	wantIDs(t, followedByOne(t, f), 3, 2)
	unfollow(t, f, 1, 2)
	unfollow(t, f, 1, 2)
	unfollow(t, f, 1, 99)
	wantIDs(t, followedByOne(t, f), 3)
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	f := setup(t, follows.Options{})
	follow(t, f, 1, 2)
	ctx := t.Context()
	many := make([]int64, 10_001)
	for i := range many {
		many[i] = int64(i + 1)
	}
	add := func(from, to int64) error {
		_, err := f.Follow(ctx, &followsv1.FollowRequest{FollowerId: from, FolloweeId: to})
		return err
	}
	list := func(account int64, size int32, cursor string) error {
		_, err := f.ListFollowers(ctx,
			&followsv1.ListFollowersRequest{AccountId: account, PageSize: size, Cursor: cursor})
		return err
	}
	count := func(ids ...int64) error {
		_, err := f.CountFollows(ctx, &followsv1.CountFollowsRequest{AccountIds: ids})
		return err
	}
	_, unfollowErr := f.Unfollow(ctx, &followsv1.UnfollowRequest{FollowerId: 1})
	_, everyoneErr := f.AllFollowing(ctx, &followsv1.AllFollowingRequest{})
	_, candidatesErr := f.FilterFollowers(ctx, &followsv1.FilterFollowersRequest{AccountId: 1, CandidateIds: many})
	_, filterErr := f.FilterFollowing(ctx, &followsv1.FilterFollowingRequest{CandidateIds: many[:1]})
	for name, err := range map[string]error{
		"following oneself":    add(1, 1),
		"following nobody":     add(1, 0),
		"nobody follows":       add(-1, 1),
		"unfollowing nobody":   unfollowErr,
		"a list of nobody":     list(0, 0, ""),
		"a page too large":     list(1, 101, ""),
		"a page below zero":    list(1, -1, ""),
		"a page of nowhere":    list(1, 0, "xyz"),
		"everyone of nobody":   everyoneErr,
		"too many to count":    count(many[:501]...),
		"counting nobody":      count(1, 0),
		"too many candidates":  candidatesErr,
		"filtering for nobody": filterErr,
	} {
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v, want InvalidArgument", name, err)
		}
	}
	wantIDs(t, followedByOne(t, f), 2)
}

func TestLimitOfFollowings(t *testing.T) {
	t.Parallel()
	f := setup(t, follows.Options{MaxFollowing: 2})
	follow(t, f, 1, 2)
	follow(t, f, 1, 3)
	_, err := f.Follow(t.Context(), &followsv1.FollowRequest{FollowerId: 1, FolloweeId: 4})
	chirptest.WantCode(t, err, codes.FailedPrecondition)
	follow(t, f, 1, 3) // already followed: no further one
	unfollow(t, f, 1, 2)
	follow(t, f, 1, 4)
	wantIDs(t, followedByOne(t, f), 4, 3)
}

func TestPagesNeitherSkipNorRepeatWhileFollowsChange(t *testing.T) {
	t.Parallel()
	f := setup(t, follows.Options{})
	var want []int64
	for id := int64(2); id <= 26; id++ {
		follow(t, f, id, 1)
		want = append(want, id)
	}
	slices.Reverse(want)
	var got []int64
	cursor := ""
	for newcomer := int64(100); ; newcomer++ {
		page, err := f.ListFollowers(t.Context(),
			&followsv1.ListFollowersRequest{AccountId: 1, PageSize: 4, Cursor: cursor})
		chirptest.WantCode(t, err, codes.OK)
		got = append(got, page.GetAccountIds()...)
		follow(t, f, newcomer, 1)
		unfollow(t, f, got[0], 1) // one already seen
		if cursor = page.GetNextCursor(); cursor == "" {
			break
		}
	}
	wantIDs(t, got, want...)
}

func TestCursorOfAnotherListIsRefused(t *testing.T) {
	t.Parallel()
	f := setup(t, follows.Options{})
	for id := int64(2); id <= 4; id++ {
		follow(t, f, id, 1)
	}
	page, err := f.ListFollowers(t.Context(), &followsv1.ListFollowersRequest{AccountId: 1, PageSize: 1})
	chirptest.WantCode(t, err, codes.OK)
	_, err = f.ListFollowing(t.Context(), &followsv1.ListFollowingRequest{AccountId: 1, Cursor: page.GetNextCursor()})
	chirptest.WantCode(t, err, codes.InvalidArgument)
	_, err = f.ListFollowers(t.Context(), &followsv1.ListFollowersRequest{AccountId: 2, Cursor: page.GetNextCursor()})
	chirptest.WantCode(t, err, codes.InvalidArgument)
}

func TestListFollowingIsNewestFirst(t *testing.T) {
	t.Parallel()
	f := setup(t, follows.Options{})
	for _, id := range []int64{7, 3, 9} {
		follow(t, f, 1, id)
	}
	page, err := f.ListFollowing(t.Context(), &followsv1.ListFollowingRequest{AccountId: 1})
	chirptest.WantCode(t, err, codes.OK)
	wantIDs(t, page.GetAccountIds(), 9, 3, 7)
	if page.GetNextCursor() != "" {
		t.Error("the last page has a next one")
	}
}

func TestCountsComeInTheOrderAsked(t *testing.T) {
	t.Parallel()
	f := setup(t, follows.Options{})
	follow(t, f, 1, 2)
	follow(t, f, 3, 2)
	follow(t, f, 2, 1)
	answer, err := f.CountFollows(t.Context(), &followsv1.CountFollowsRequest{AccountIds: []int64{2, 77, 1, 2}})
	chirptest.WantCode(t, err, codes.OK)
	want := [][3]int64{{2, 2, 1}, {77, 0, 0}, {1, 1, 1}, {2, 2, 1}}
	if len(answer.GetCounts()) != len(want) {
		t.Fatalf("got %v", answer)
	}
	for i, c := range answer.GetCounts() {
		if got := [3]int64{c.GetAccountId(), c.GetFollowers(), c.GetFollowing()}; got != want[i] {
			t.Errorf("number %d: got %v, want %v", i, got, want[i])
		}
	}
	empty, err := f.CountFollows(t.Context(), &followsv1.CountFollowsRequest{})
	chirptest.WantCode(t, err, codes.OK)
	if len(empty.GetCounts()) != 0 {
		t.Errorf("counted nobody and got %v", empty)
	}
}

func TestFiltersKeepTheOrderAndDropRepeats(t *testing.T) {
	t.Parallel()
	f := setup(t, follows.Options{})
	for _, id := range []int64{5, 3, 8} {
		follow(t, f, id, 1)
		follow(t, f, 2, id)
	}
	candidates := []int64{8, 4, 3, 8, 1}
	followers, err := f.FilterFollowers(t.Context(),
		&followsv1.FilterFollowersRequest{AccountId: 1, CandidateIds: candidates})
	chirptest.WantCode(t, err, codes.OK)
	wantIDs(t, followers.GetAccountIds(), 8, 3)
	followed, err := f.FilterFollowing(t.Context(),
		&followsv1.FilterFollowingRequest{AccountId: 2, CandidateIds: candidates})
	chirptest.WantCode(t, err, codes.OK)
	wantIDs(t, followed.GetAccountIds(), 8, 3)
}

func TestEverythingIsThereAfterReopening(t *testing.T) { //nolint:tparallel // one life after the other
	t.Parallel()
	dir := t.TempDir()
	t.Run("first life", func(t *testing.T) { follow(t, open(t, dir, follows.Options{}), 1, 2) })
	wantIDs(t, followedByOne(t, open(t, dir, follows.Options{})), 2)
}

func TestConcurrentFollowsAndUnfollowsEndInOneState(t *testing.T) {
	t.Parallel()
	f := setup(t, follows.Options{MaxFollowing: 5})
	var all sync.WaitGroup
	for worker := range int64(8) {
		all.Go(func() {
			for i := range int64(10) {
				followee := 2 + (worker+i)%8
				// Refusals for the limit are part of the game.
				_, _ = f.Follow(t.Context(), &followsv1.FollowRequest{FollowerId: 1, FolloweeId: followee})
				if i%3 == 0 {
					unfollow(t, f, 1, followee)
				}
			}
		})
	}
	all.Wait()
	ids := followedByOne(t, f)
	answer, err := f.CountFollows(t.Context(), &followsv1.CountFollowsRequest{AccountIds: []int64{1}})
	chirptest.WantCode(t, err, codes.OK)
	if n := answer.GetCounts()[0].GetFollowing(); n > 5 || n != int64(len(ids)) {
		t.Errorf("counts %d and lists %v; at most 5 may be followed", n, ids)
	}
}

func TestServiceStartsAloneWithItsConfig(t *testing.T) {
	t.Parallel()
	e := &chirptest.Engine{Plan: "max_following: 1"}
	cc, err := e.Start(t, follows.Service())
	if err != nil {
		t.Fatal(err)
	}
	client := followsv1.NewFollowsClient(cc)
	_, err = client.Follow(t.Context(), &followsv1.FollowRequest{FollowerId: 1, FolloweeId: 2})
	chirptest.WantCode(t, err, codes.OK)
	_, err = client.Follow(t.Context(), &followsv1.FollowRequest{FollowerId: 1, FolloweeId: 3})
	chirptest.WantCode(t, err, codes.FailedPrecondition)
}

func TestServiceRefusesWrongConfig(t *testing.T) {
	t.Parallel()
	for plan, want := range map[string]string{
		"max_following: 5001": "max_following is 5001", "max_followers: 1": "max_followers",
	} {
		_, err := (&chirptest.Engine{Plan: plan}).Start(t, follows.Service())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", plan, err, want)
		}
	}
}
