package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/examples/chirp/accounts"
	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/internal/chirptest"
)

// gated has one worker and room for four, and an account whose hash takes until
// the gate opens. hashing gets one for every hash that begins.
func gated(t *testing.T) (b bundle, token string, gate, hashing chan struct{}) {
	t.Helper()
	b = open(t, t.TempDir(), accounts.Options{HashWorkers: 1, HashQueue: 4})
	b.SetDerive(cheapHash)
	token = b.signUp(t, "ada").GetSession().GetToken()
	gate, hashing = make(chan struct{}), make(chan struct{}, 100)
	b.SetDerive(func(password string, salt []byte) []byte {
		hashing <- struct{}{}
		<-gate
		return cheapHash(password, salt)
	})
	return b, token, gate, hashing
}

func TestStormOfLogInsIsRefusedBeyondTheQueue(t *testing.T) {
	t.Parallel()
	b, token, gate, hashing := gated(t)
	const storm = 50
	answers := make(chan error, storm)
	for range storm {
		go func() {
			_, err := b.logIn(t.Context(), "ada", password)
			answers <- err
		}()
	}
	for range storm - 5 { // with the gate shut: those who are refused wait for nobody
		err := <-answers
		chirptest.WantCode(t, err, codes.ResourceExhausted)
		if !strings.Contains(err.Error(), "too many log-ins are waiting") {
			t.Errorf("got %v", err)
		}
	}
	_, err := b.Authenticate(t.Context(), &accountsv1.AuthenticateRequest{Token: token})
	chirptest.WantCode(t, err, codes.OK)
	b.wantProfile(t, "ada")
	if len(hashing) != 1 {
		t.Errorf("%d passwords are hashed at once", len(hashing))
	}
	close(gate)
	for range 5 {
		chirptest.WantCode(t, <-answers, codes.OK)
	}
	if len(hashing) != 5 {
		t.Errorf("%d passwords were hashed for 5 log-ins", len(hashing))
	}
}

func TestCallerWhoGoesLeavesTheQueueUnhashed(t *testing.T) {
	t.Parallel()
	b, _, gate, hashing := gated(t)
	first := make(chan error, 1)
	go func() { _, err := b.logIn(t.Context(), "ada", password); first <- err }()
	<-hashing
	ctx, leave := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() { _, err := b.logIn(ctx, "ada", password); second <- err }()
	chirptest.Eventually(t, "one waits", func() bool { return b.Waiting() == 1 })
	leave()
	chirptest.WantCode(t, <-second, codes.Canceled)
	if n := b.Waiting(); n != 0 {
		t.Errorf("%d are still waiting", n)
	}
	close(gate)
	chirptest.WantCode(t, <-first, codes.OK)
	if len(hashing) != 0 {
		t.Error("the password of somebody who had gone was hashed")
	}
}

func TestDamagedHashesAreRefused(t *testing.T) {
	t.Parallel()
	const salt, key = "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	if _, _, _, err := accounts.DecodeHash("$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + key); err != nil {
		t.Fatalf("a sound hash: %v", err)
	}
	for _, damaged := range []string{
		"", "$", "argon2id", "$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=0$" + salt + "$" + key,
		"$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=1$*$" + key,
		"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$",
		"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + key + "$",
	} {
		if _, _, _, err := accounts.DecodeHash(damaged); !errors.Is(err, accounts.ErrHash) {
			t.Errorf("%q: got %v", damaged, err)
		}
	}
}

func TestSignUpsShareTheQueue(t *testing.T) {
	t.Parallel()
	b, _, gate, hashing := gated(t)
	answers := make(chan error, 10)
	for i := range 10 {
		go func() {
			name := fmt.Sprint("ada_", i, "x")
			_, err := b.SignUp(t.Context(), &accountsv1.SignUpRequest{Name: name, Password: password})
			answers <- err
		}()
	}
	for range 5 {
		chirptest.WantCode(t, <-answers, codes.ResourceExhausted)
	}
	<-hashing
	close(gate)
	for range 5 {
		if err := <-answers; status.Code(err) != codes.OK {
			t.Error(err)
		}
	}
	if n := b.rows(t, "accounts"); n != 6 {
		t.Errorf("%d accounts", n)
	}
}
