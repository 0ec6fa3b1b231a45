package story

import (
	"strings"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

// stored is all that the services hold, as far as they tell: accounts, posts and
// who follows whom.
func (c *cast) stored() string {
	c.t.Helper()
	const enough = 9 // accounts; the story has fewer
	ctx := c.t.Context()
	ids := make([]int64, enough)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	var all strings.Builder
	tell := func(m proto.Message, err error) {
		c.t.Helper()
		if err != nil {
			c.t.Fatalf("find out what is stored: %v", err)
		}
		_, _ = all.WriteString(prototext.MarshalOptions{Multiline: true}.Format(m))
	}
	profiles, err := c.site.Accounts.BatchGetProfiles(ctx, &accountsv1.BatchGetProfilesRequest{Ids: ids})
	tell(profiles, err)
	posts, err := c.site.Messages.ListPublic(ctx, &messagesv1.ListPublicRequest{PageSize: 100})
	tell(posts, err)
	for _, id := range ids {
		following, err := c.site.Follows.AllFollowing(ctx, &followsv1.AllFollowingRequest{AccountId: id})
		tell(following, err)
	}
	return strings.Join(strings.Fields(all.String()), " ") // prototext varies its white space on purpose
}
