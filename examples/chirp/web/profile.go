package web

import (
	"net/http"
	"strings"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	followsv1 "github.com/kerf-go/kerf/examples/chirp/follows/v1"
	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

// profilePage is the data of a profile, and of the lists that belong to it.
type profilePage struct {
	Person   person
	Mine     bool
	Counts   *followsv1.Counts
	Follow   *followButton
	List     string // "followers", "following", or empty for the posts
	Timeline *timeline
	People   []personRow // nil if it is missing
	Next     string
}

// Listed tells whether the list could be had, if only to say that it is empty.
func (p profilePage) Listed() bool { return p.People != nil }

// personRow is one of a list of people.
type personRow struct {
	Person person
	Follow *followButton
}

// whose finds the account that the address names.
func (v *visit) whose() (*accountsv1.Profile, error) {
	name, ok := strings.CutPrefix(v.r.PathValue("handle"), "@")
	if !ok || name == "" {
		return nil, errNoPage
	}
	answer, err := v.site.clients.Accounts.GetProfile(v.r.Context(), &accountsv1.GetProfileRequest{Name: name})
	if err != nil {
		// A name that nobody could have is nobody's.
		if p := problemOf(err); p.status == http.StatusNotFound || p.status == http.StatusBadRequest {
			return nil, &problem{status: http.StatusNotFound, detail: "There is nobody of that name here.", cause: err}
		}
		return nil, err
	}
	return answer.GetProfile(), nil
}

// canonical sends other spellings of a name to the right one, and tells if it did.
func (v *visit) canonical(p *accountsv1.Profile, rest string) bool {
	if v.r.PathValue("handle") == "@"+p.GetName() {
		return false
	}
	address := "/@" + p.GetName() + rest
	if v.r.URL.RawQuery != "" {
		address += "?" + v.r.URL.RawQuery
	}
	http.Redirect(v.w, v.r, address, http.StatusMovedPermanently)
	return true
}

func (v *visit) profile() error {
	whose, err := v.whose()
	if err != nil {
		return err
	}
	if v.canonical(whose, "") {
		return nil
	}
	data := profilePage{Person: known(whose), Mine: v.me().GetId() == whose.GetId()}
	var answer *messagesv1.ListByAuthorResponse
	together(
		func() {
			answer, err = v.site.clients.Messages.ListByAuthor(v.r.Context(),
				&messagesv1.ListByAuthorRequest{AuthorId: whose.GetId(), Cursor: v.cursor()})
		},
		func() { data.Counts = v.counts(whose.GetId()) },
		func() { data.Follow = v.followButtons([]int64{whose.GetId()})(data.Person) },
	)
	status, err := v.gap(err, "Posts are not available right now.")
	if err != nil {
		return err
	}
	if status == http.StatusOK {
		data.Timeline = &timeline{Next: v.older(answer.GetNextCursor()), Empty: "No posts yet."}
		author := map[int64]person{whose.GetId(): data.Person}
		for _, post := range answer.GetPosts() {
			data.Timeline.Posts = append(data.Timeline.Posts, v.view(post, author))
		}
	}
	v.render(status, "profile", data.Person.Shown+" (@"+data.Person.Name+")", data)
	return nil
}

// people shows who follows somebody, or whom somebody follows.
func (v *visit) people() error {
	list := v.r.PathValue("list")
	if list != "followers" && list != "following" {
		return errNoPage
	}
	whose, err := v.whose()
	if err != nil {
		return err
	}
	if v.canonical(whose, "/"+list) {
		return nil
	}
	data := profilePage{Person: known(whose), Mine: v.me().GetId() == whose.GetId(), List: list}
	ids, next, err := v.listPeople(list, whose.GetId())
	status, err := v.gap(err, "Who follows whom is not available right now.")
	if err != nil {
		return err
	}
	if status == http.StatusOK {
		data.Next = v.older(next)
		v.fill(&data, ids)
	}
	title := "Followers of @" + data.Person.Name
	if list == "following" {
		title = "Followed by @" + data.Person.Name
	}
	v.render(status, "people", title, data)
	return nil
}

func (v *visit) listPeople(list string, id int64) (ids []int64, next string, err error) {
	if list == "followers" {
		answer, err := v.site.clients.Follows.ListFollowers(v.r.Context(),
			&followsv1.ListFollowersRequest{AccountId: id, Cursor: v.cursor()})
		return answer.GetAccountIds(), answer.GetNextCursor(), err
	}
	answer, err := v.site.clients.Follows.ListFollowing(v.r.Context(),
		&followsv1.ListFollowingRequest{AccountId: id, Cursor: v.cursor()})
	return answer.GetAccountIds(), answer.GetNextCursor(), err
}

// fill asks about a list of people and the visitor's own account in one go.
func (v *visit) fill(data *profilePage, ids []int64) {
	var people map[int64]person
	var button func(person) *followButton
	together(
		func() { people = v.peopleByID(ids) },
		func() { button = v.followButtons(ids) },
		func() { data.Counts = v.counts(data.Person.ID) },
	)
	data.People = make([]personRow, 0, len(ids))
	for _, id := range ids {
		one, ok := people[id]
		if !ok {
			one = somebody(id)
		}
		data.People = append(data.People, personRow{Person: one, Follow: button(one)})
	}
}

// changeFollow follows or unfollows whom the address names.
func (v *visit) changeFollow() error {
	change := v.r.PathValue("change")
	if change != "follow" && change != "unfollow" {
		return errNoPage
	}
	me, err := v.someone()
	if err != nil {
		return err
	}
	whose, err := v.whose()
	if err != nil {
		return err
	}
	if change == "follow" {
		_, err = v.site.clients.Follows.Follow(v.r.Context(),
			&followsv1.FollowRequest{FollowerId: me.GetId(), FolloweeId: whose.GetId()})
	} else {
		_, err = v.site.clients.Follows.Unfollow(v.r.Context(),
			&followsv1.UnfollowRequest{FollowerId: me.GetId(), FolloweeId: whose.GetId()})
	}
	if err != nil {
		return err
	}
	return v.goTo(safeNext(v.field("next"), "/@"+whose.GetName()))
}
