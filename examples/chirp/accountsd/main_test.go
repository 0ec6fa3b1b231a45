package main

import (
	"testing"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/kerftest"
)

func TestMain(m *testing.M) { kerftest.Main(m, app()) }

func TestItIsAccountsAndNothingElse(t *testing.T) {
	t.Parallel()
	kerftest.Run(t, app(), []string{""}, func(t *testing.T, env *kerftest.Env) {
		t.Helper()
		accounts := accountsv1.NewAccountsClient(env.Conn("accounts"))
		ann, err := accounts.SignUp(t.Context(), &accountsv1.SignUpRequest{Name: "ann", Password: "correct horse"})
		if err != nil || ann.GetProfile().GetName() != "ann" {
			t.Errorf("%v, %v", ann, err)
		}
	})
}
