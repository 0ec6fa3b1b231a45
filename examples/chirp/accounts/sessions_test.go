package accounts_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/examples/chirp/accounts"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/internal/chirptest"
)

func TestLogInWithAnySpellingOfTheName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.signUp(t, "ada").GetProfile().GetId()
	first, err := b.logIn(t.Context(), "ADA", password)
	chirptest.WantCode(t, err, codes.OK)
	second, err := b.logIn(t.Context(), "ａda", password)
	chirptest.WantCode(t, err, codes.OK)
	if first.GetProfile().GetId() != id || first.GetSession().GetToken() == second.GetSession().GetToken() {
		t.Errorf("got %v and %v", first, second)
	}
}

func TestPasswordIsTheSameHoweverItIsTyped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.SignUp(t.Context(), &accountsv1.SignUpRequest{Name: "ada", Password: "cafe\u0301 au lait"})
	chirptest.WantCode(t, err, codes.OK)
	_, err = b.logIn(t.Context(), "ada", "café au lait")
	chirptest.WantCode(t, err, codes.OK)
}

func TestUnknownNameAndWrongPasswordAreOneAnswerAtOnePrice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.signUp(t, "ada")
	_, want := b.logIn(t.Context(), "ada", "wrong password")
	chirptest.WantCode(t, want, codes.Unauthenticated)
	for _, name := range []string{"ada", "nobody_yet", "admin", "no name at all", "", strings.Repeat("x", 1<<20)} {
		for _, pw := range []string{"wrong password", "", strings.Repeat("x", 1024)} {
			before := b.hashes.Load()
			_, err := b.logIn(t.Context(), name, pw)
			if status.Code(err) != codes.Unauthenticated || err.Error() != want.Error() {
				t.Errorf("%.20q with %.20q: got %v, want %v", name, pw, err, want)
			}
			if n := b.hashes.Load() - before; n != 1 {
				t.Errorf("%.20q with %.20q: %d hashes, want 1", name, pw, n)
			}
		}
		before := b.hashes.Load()
		for _, pw := range []string{strings.Repeat("x", 1025), strings.Repeat("x", 1<<20), "broken \xff UTF-8"} {
			if _, err := b.logIn(t.Context(), name, pw); err == nil || err.Error() != want.Error() {
				t.Errorf("%.20q with an illegal password: got %v, want %v", name, err, want)
			}
		}
		if b.hashes.Load() != before {
			t.Errorf("%.20q: an illegal password was hashed", name)
		}
	}
}

func TestTheHashOfNobodyOpensNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.SetDerive(func(string, []byte) []byte { return make([]byte, 32) }) // every password fits
	_, err := b.logIn(t.Context(), "nobody_yet", password)
	chirptest.WantCode(t, err, codes.Unauthenticated)
}

func TestLogOutEndsOneSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.signUp(t, "ada").GetSession().GetToken()
	second, err := b.logIn(t.Context(), "ada", password)
	chirptest.WantCode(t, err, codes.OK)
	for range 2 {
		_, err = b.LogOut(t.Context(), &accountsv1.LogOutRequest{Token: first})
		chirptest.WantCode(t, err, codes.OK)
	}
	_, err = b.Authenticate(t.Context(), &accountsv1.AuthenticateRequest{Token: first})
	chirptest.WantCode(t, err, codes.Unauthenticated)
	_, err = b.Authenticate(t.Context(), &accountsv1.AuthenticateRequest{Token: second.GetSession().GetToken()})
	chirptest.WantCode(t, err, codes.OK)
}

func TestForgedSessionsAreNobodys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.signUp(t, "ada").GetSession().GetToken()
	for name, forged := range map[string]string{
		"empty": "", "cut off": token[1:], "with a space": token + " ", "in capitals": strings.ToUpper(token),
		"SQL": "' OR 1=1 --", "enormous": strings.Repeat("x", 1<<20), "broken": "\xff",
	} {
		_, err := b.Authenticate(t.Context(), &accountsv1.AuthenticateRequest{Token: forged})
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: got %v, want Unauthenticated", name, err)
		}
	}
}

func TestStoreHoldsNoTokenAndNoPassword(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.signUp(t, "ada").GetSession().GetToken()
	var stored []byte
	if err := b.db.QueryRowContext(t.Context(), `SELECT token_hash FROM sessions`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if len(token) < 43 || len(stored) != 32 || strings.Contains(string(stored), token) {
		t.Errorf("token %q is stored as %x", token, stored)
	}
	// What was stolen from the store opens nothing.
	_, err := b.Authenticate(t.Context(), &accountsv1.AuthenticateRequest{Token: string(stored)})
	chirptest.WantCode(t, err, codes.Unauthenticated)
}

func TestSessionsEndAfterThirtyDays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	b.SetClock(func() time.Time { return now })
	s := b.signUp(t, "ada").GetSession()
	if life := s.GetExpiresAt().AsTime().Sub(now).Round(time.Second); life != 30*24*time.Hour {
		t.Errorf("a session lasts %v", life)
	}
	authenticate := func() error {
		_, err := b.Authenticate(t.Context(), &accountsv1.AuthenticateRequest{Token: s.GetToken()})
		return err
	}
	now = now.Add(30*24*time.Hour - time.Second)
	chirptest.WantCode(t, authenticate(), codes.OK)
	now = now.Add(time.Second)
	chirptest.WantCode(t, authenticate(), codes.Unauthenticated)
}

func TestExpiredSessionsAreRemoved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old, later := time.Now().Add(-31*24*time.Hour), time.Now()
	b.SetClock(func() time.Time { return old })
	b.signUp(t, "old_ada")
	b.SetClock(func() time.Time { return later })
	b.signUp(t, "ada")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	chirptest.Eventually(t, "only the new session is left", func() bool { return b.rows(t, "sessions") == 1 })
	cancel()
	if err := <-done; err != nil {
		t.Errorf("housekeeping ended with %v", err)
	}
}

func TestHousekeepingGoesOnEveryHourWithABrokenStore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.db.Close(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		rounds := 0
		b.SetClock(func() time.Time { rounds++; return time.Now() })
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Minute)
		defer cancel()
		if err := b.Run(ctx); err != nil || rounds != 3 {
			t.Errorf("%d rounds in two and a half hours, %v", rounds, err)
		}
	})
}

func TestOldHashIsRenewedAtLogIn(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir(), accounts.Options{})
	undo := b.WithOldParams()
	b.signUp(t, "ada")
	old, err := b.StoredHash(t.Context(), "ada")
	if err != nil || !strings.HasPrefix(old, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatalf("stored %q, %v", old, err)
	}
	undo()
	_, err = b.logIn(t.Context(), "ada", "wrong password")
	chirptest.WantCode(t, err, codes.Unauthenticated)
	if same, _ := b.StoredHash(t.Context(), "ada"); same != old {
		t.Error("a wrong password changed the hash")
	}
	for range 2 {
		_, err = b.logIn(t.Context(), "ada", password)
		chirptest.WantCode(t, err, codes.OK)
		renewed, _ := b.StoredHash(t.Context(), "ada")
		if !strings.HasPrefix(renewed, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("stored %q", renewed)
		}
	}
}

func TestDamagedHashIsAFaultOfOurs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.signUp(t, "ada").GetProfile().GetId()
	if err := b.SetHash(t.Context(), id, "nonsense"); err != nil {
		t.Fatal(err)
	}
	_, err := b.logIn(t.Context(), "ada", password)
	chirptest.WantCode(t, err, codes.Internal)
	if strings.Contains(err.Error(), "hash") {
		t.Errorf("the caller is told %v", err)
	}
}
