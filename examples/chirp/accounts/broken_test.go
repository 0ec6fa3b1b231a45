package accounts_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
)

func TestBrokenStoreIsAFaultOfOursAndStaysInTheHouse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.db.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"SignUp": func() error {
			_, err := b.SignUp(ctx, &accountsv1.SignUpRequest{Name: "ada", Password: password})
			return err
		},
		"LogIn":  func() error { _, err := b.logIn(ctx, "ada", password); return err },
		"LogOut": func() error { _, err := b.LogOut(ctx, &accountsv1.LogOutRequest{Token: "x"}); return err },
		"Authenticate": func() error {
			_, err := b.Authenticate(ctx, &accountsv1.AuthenticateRequest{Token: "x"})
			return err
		},
		"GetProfile": func() error {
			_, err := b.GetProfile(ctx, &accountsv1.GetProfileRequest{Name: "ada"})
			return err
		},
		"BatchGetProfiles": func() error {
			_, err := b.BatchGetProfiles(ctx, &accountsv1.BatchGetProfilesRequest{Ids: []int64{1}})
			return err
		},
		"UpdateProfile": func() error {
			_, err := b.UpdateProfile(ctx, &accountsv1.UpdateProfileRequest{Id: 1})
			return err
		},
		"Rename": func() error { _, err := b.Rename(ctx, &accountsv1.RenameRequest{Id: 1, Name: "eve"}); return err },
	} {
		err := call()
		if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "sql") {
			t.Errorf("%s: got %v, want a neutral Internal", name, err)
		}
	}
}
