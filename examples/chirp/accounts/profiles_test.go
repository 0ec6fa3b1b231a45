package accounts_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/internal/chirptest"
)

func TestProfileIsFoundByAnySpelling(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := b.signUp(t, "ada").GetProfile()
	for _, name := range []string{"ada", "ADA", "ａｄａ"} {
		if got := b.wantProfile(t, name); !proto.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"eve", "", "no name", "a_da", strings.Repeat("x", 1<<20)} {
		_, err := b.GetProfile(t.Context(), &accountsv1.GetProfileRequest{Name: name})
		if status.Code(err) != codes.NotFound {
			t.Errorf("%.20q: got %v, want NotFound", name, err)
		}
	}
}

func TestBatchLeavesUnknownIDsOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, eve := b.signUp(t, "ada").GetProfile(), b.signUp(t, "eve").GetProfile()
	for name, ids := range map[string][]int64{
		"both": {eve.GetId(), 999, ada.GetId(), ada.GetId(), -1}, "nobody": {999}, "none": nil,
	} {
		answer, err := b.BatchGetProfiles(t.Context(), &accountsv1.BatchGetProfilesRequest{Ids: ids})
		chirptest.WantCode(t, err, codes.OK)
		want := 0
		if name == "both" {
			want = 2
		}
		if len(answer.GetProfiles()) != want {
			t.Errorf("%s: got %v", name, answer)
		}
	}
	_, err := b.BatchGetProfiles(t.Context(), &accountsv1.BatchGetProfilesRequest{Ids: make([]int64, 501)})
	chirptest.WantCode(t, err, codes.InvalidArgument)
}

func TestUpdateProfile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.signUp(t, "ada").GetProfile().GetId()
	answer, err := b.UpdateProfile(t.Context(), &accountsv1.UpdateProfileRequest{
		Id: id, DisplayName: " Ada <Lovelace> ", Bio: "counts & poe\u0301try",
	})
	chirptest.WantCode(t, err, codes.OK)
	p := answer.GetProfile()
	if p.GetDisplayName() != "Ada <Lovelace>" || p.GetBio() != "counts & poétry" || p.GetName() != "ada" {
		t.Errorf("got %v", p)
	}
	for name, bad := range map[string]*accountsv1.UpdateProfileRequest{
		"51 characters of name": {DisplayName: strings.Repeat("é", 51)},
		"161 characters of bio": {Bio: strings.Repeat("é", 161)},
		"a control character":   {DisplayName: "a\x00b"},
		"broken UTF-8":          {Bio: "\xff"},
		"a turned direction":    {DisplayName: "\u202eada"},
	} {
		bad.Id = id
		_, err := b.UpdateProfile(t.Context(), bad)
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v, want InvalidArgument", name, err)
		}
	}
	if got := b.wantProfile(t, "ada"); !proto.Equal(got, p) {
		t.Errorf("refused changes left %v", got)
	}
	_, err = b.UpdateProfile(t.Context(), &accountsv1.UpdateProfileRequest{Id: id + 1})
	chirptest.WantCode(t, err, codes.NotFound)
}

func TestRenameKeepsTheAccountAndItsOldName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	signed := b.signUp(t, "ada")
	id := signed.GetProfile().GetId()
	rename := func(id int64, name string) (*accountsv1.RenameResponse, error) {
		return b.Rename(t.Context(), &accountsv1.RenameRequest{Id: id, Name: name})
	}
	answer, err := rename(id, "Countess")
	chirptest.WantCode(t, err, codes.OK)
	if p := answer.GetProfile(); p.GetId() != id || p.GetName() != "countess" {
		t.Errorf("got %v", p)
	}
	_, err = b.Authenticate(t.Context(), &accountsv1.AuthenticateRequest{Token: signed.GetSession().GetToken()})
	chirptest.WantCode(t, err, codes.OK)
	_, err = b.GetProfile(t.Context(), &accountsv1.GetProfileRequest{Name: "ada"})
	chirptest.WantCode(t, err, codes.NotFound)
	_, err = b.logIn(t.Context(), "ada", password)
	chirptest.WantCode(t, err, codes.Unauthenticated)
	// Nobody can pose as who the account was.
	_, err = b.SignUp(t.Context(), &accountsv1.SignUpRequest{Name: "a_da", Password: password})
	chirptest.WantCode(t, err, codes.AlreadyExists)
	eve := b.signUp(t, "eve").GetProfile().GetId()
	_, err = rename(eve, "ada")
	chirptest.WantCode(t, err, codes.AlreadyExists)
	// It may return, in a spelling that looks alike as well.
	for _, name := range []string{"ada", "a_da", "countess", "countess"} {
		_, err = rename(id, name)
		chirptest.WantCode(t, err, codes.OK)
	}
}

func TestBadRenamesChangeNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.signUp(t, "ada").GetProfile().GetId()
	b.signUp(t, "eve")
	for name, want := range map[string]codes.Code{
		"eve": codes.AlreadyExists, "admin": codes.InvalidArgument,
		"x": codes.InvalidArgument, "<b>": codes.InvalidArgument,
	} {
		_, err := b.Rename(t.Context(), &accountsv1.RenameRequest{Id: id, Name: name})
		chirptest.WantCode(t, err, want)
	}
	_, err := b.Rename(t.Context(), &accountsv1.RenameRequest{Id: 99, Name: "free_name"})
	chirptest.WantCode(t, err, codes.NotFound)
	b.signUp(t, "free_name")
	b.wantProfile(t, "ada")
}

func TestNobodyHoardsNamesByRenaming(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.signUp(t, "name_0").GetProfile().GetId()
	rename := func(n int) error {
		_, err := b.Rename(t.Context(), &accountsv1.RenameRequest{Id: id, Name: fmt.Sprintf("name_%c", 'a'+n)})
		return err
	}
	for n := range 9 {
		if n == 8 {
			n = 25
		}
		chirptest.WantCode(t, rename(n), codes.OK)
	}
	chirptest.WantCode(t, rename(20), codes.FailedPrecondition)
	b.wantProfile(t, "name_z")
	chirptest.WantCode(t, rename(0), codes.OK)
}
