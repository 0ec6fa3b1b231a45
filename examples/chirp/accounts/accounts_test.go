package accounts_test

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/examples/chirp/accounts"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/internal/chirptest"
	"github.com/kerf-go/kerf/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "correct horse"

type bundle struct {
	*accounts.Accounts

	db     *store.DB
	hashes *atomic.Int32 // how many passwords were hashed
}

// setup has a hash that costs nothing; what is about the real one uses open.
func setup(tb testing.TB) bundle {
	tb.Helper()
	b := open(tb, tb.TempDir(), accounts.Options{})
	b.hashes = &atomic.Int32{}
	b.SetDerive(func(password string, salt []byte) []byte {
		b.hashes.Add(1)
		return cheapHash(password, salt)
	})
	return b
}

func cheapHash(password string, salt []byte) []byte {
	sum := sha256.Sum256(append(salt, password...))
	return sum[:]
}

func open(tb testing.TB, dir string, o accounts.Options) bundle {
	tb.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	db := chirptest.Store(tb, dir, accounts.Migrations())
	a, err := accounts.New(db, o)
	if err != nil {
		tb.Fatal(err)
	}
	return bundle{Accounts: a, db: db}
}

func (b bundle) signUp(tb testing.TB, name string) *accountsv1.SignUpResponse {
	tb.Helper()
	answer, err := b.SignUp(tb.Context(), &accountsv1.SignUpRequest{Name: name, Password: password})
	chirptest.WantCode(tb, err, codes.OK)
	return answer
}

func (b bundle) logIn(ctx context.Context, name, password string) (*accountsv1.LogInResponse, error) {
	return b.LogIn(ctx, &accountsv1.LogInRequest{Name: name, Password: password})
}

func (b bundle) wantProfile(tb testing.TB, name string) *accountsv1.Profile {
	tb.Helper()
	answer, err := b.GetProfile(tb.Context(), &accountsv1.GetProfileRequest{Name: name})
	chirptest.WantCode(tb, err, codes.OK)
	return answer.GetProfile()
}

func (b bundle) rows(tb testing.TB, table string) (n int) {
	tb.Helper()
	if err := b.db.QueryRowContext(tb.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		tb.Fatal(err)
	}
	return n
}

func TestServiceStartsAloneWithItsConfig(t *testing.T) {
	t.Parallel()
	e := &chirptest.Engine{Plan: "hash_workers: 1\nhash_queue: 2"}
	cc, err := e.Start(t, accounts.Service())
	if err != nil {
		t.Fatal(err)
	}
	client := accountsv1.NewAccountsClient(cc)
	signed, err := client.SignUp(t.Context(), &accountsv1.SignUpRequest{Name: "ada", Password: password})
	chirptest.WantCode(t, err, codes.OK)
	who, err := client.Authenticate(t.Context(), &accountsv1.AuthenticateRequest{Token: signed.GetSession().GetToken()})
	chirptest.WantCode(t, err, codes.OK)
	if who.GetProfile().GetName() != "ada" {
		t.Errorf("the session is %v's", who)
	}
}

func TestServiceRefusesWrongConfig(t *testing.T) {
	t.Parallel()
	for plan, want := range map[string]string{
		"hash_workers: -1": "hash_workers is -1", "hash_queue: -1": "hash_queue is -1", "workers: 1": "workers",
	} {
		_, err := (&chirptest.Engine{Plan: plan}).Start(t, accounts.Service())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", plan, err, want)
		}
	}
}

func TestEverythingIsThereAfterReopening(t *testing.T) { //nolint:tparallel // one life after the other
	t.Parallel()
	dir := t.TempDir()
	var token string
	t.Run("first life", func(t *testing.T) {
		token = open(t, dir, accounts.Options{}).signUp(t, "ada").GetSession().GetToken()
	})
	b := open(t, dir, accounts.Options{})
	_, err := b.Authenticate(t.Context(), &accountsv1.AuthenticateRequest{Token: token})
	chirptest.WantCode(t, err, codes.OK)
	_, err = b.logIn(t.Context(), "ada", password)
	chirptest.WantCode(t, err, codes.OK)
	_, err = b.logIn(t.Context(), "ada", password+"!")
	chirptest.WantCode(t, err, codes.Unauthenticated)
}
