package accounts_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/internal/chirptest"
)

func TestSignUpLogsIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answer := b.signUp(t, "Ａda_1815")
	p := answer.GetProfile()
	if p.GetName() != "ada_1815" || p.GetId() <= 0 || p.GetDisplayName() != "" || p.GetJoinedAt().AsTime().IsZero() {
		t.Errorf("got %v", p)
	}
	who, err := b.Authenticate(t.Context(), &accountsv1.AuthenticateRequest{Token: answer.GetSession().GetToken()})
	chirptest.WantCode(t, err, codes.OK)
	if who.GetProfile().GetId() != p.GetId() {
		t.Errorf("the session is %v's", who)
	}
}

func TestBadSignUpsAreRefusedAndNotStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, test := range map[string]struct {
		name, password string
		want           string // in the message
	}{
		"no name":                   {"", password, "3 to 20"},
		"a name of two":             {"ab", password, "3 to 20"},
		"a name of 21":              {strings.Repeat("a", 21), password, "3 to 20"},
		"an enormous name":          {strings.Repeat("a", 1<<20), password, "3 to 20"},
		"a digit first":             {"1ada", password, "begins with a letter"},
		"an underscore first":       {"_ada", password, "begins with a letter"},
		"white space":               {"ada lovelace", password, "a to z"},
		"a line break behind":       {"ada\n", password, "a to z"},
		"markup":                    {"<b>ada</b>", password, "a to z"},
		"Cyrillic look-alikes":      {"аdа", password, "a to z"},
		"broken UTF-8":              {"ada\xff", password, "a to z"},
		"a control character":       {"ada\x00", password, "a to z"},
		"a reserved name":           {"Admin", password, "reserved"},
		"a reserved page":           {"log_in", password, "reserved"},
		"what looks reserved":       {"adm1n", password, "reserved"},
		"a short password":          {"ada", "1234567", "too short"},
		"no password":               {"ada", "", "too short"},
		"a password of 1025":        {"ada", strings.Repeat("xy", 512) + "z", "too long"},
		"an enormous password":      {"ada", strings.Repeat("xy", 1<<20), "too long"},
		"a password that is broken": {"ada", "correct horse\xff", "UTF-8"},
		"the name as password":      {"ada_lovelace", "Ada_Lovelace", "is the name"},
		"a common password":         {"ada", "PassWord1", "first that anybody"},
		"one character repeated":    {"ada", "ééééééééé", "first that anybody"},
	} {
		_, err := b.SignUp(t.Context(), &accountsv1.SignUpRequest{Name: test.name, Password: test.password})
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want InvalidArgument and a message with %q", name, err, test.want)
		}
		if err != nil && test.password != "" && strings.Contains(err.Error(), test.password) {
			t.Errorf("%s: the message tells the password", name)
		}
	}
	if n := b.rows(t, "accounts"); n != 0 || b.hashes.Load() != 0 {
		t.Errorf("%d accounts stored, %d passwords hashed", n, b.hashes.Load())
	}
}

func TestNamesThatLookTakenAreTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.signUp(t, "william_moore")
	before := b.hashes.Load()
	for _, name := range []string{
		"william_moore", "WILLIAM_MOORE", "williammoore", "wi11iam_moore", "vvilliam_moore", "williarn_m00re",
		"w_i_l_l_i_a_m_moore", "ｗｉｌｌｉａｍ_moore",
	} {
		_, err := b.SignUp(t.Context(), &accountsv1.SignUpRequest{Name: name, Password: password})
		if status.Code(err) != codes.AlreadyExists {
			t.Errorf("%s: got %v, want AlreadyExists", name, err)
		}
	}
	if b.hashes.Load() != before {
		t.Error("a password was hashed for a name that is taken")
	}
	b.signUp(t, "william_more")
}

func TestOneNameTakenByManyAtOnceIsOneAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var all sync.WaitGroup
	var won atomic.Int32
	for i := range 16 {
		all.Go(func() {
			name := []string{"lola", "l0la", "lo_la"}[i%3]
			_, err := b.SignUp(t.Context(), &accountsv1.SignUpRequest{Name: name, Password: password})
			if err == nil {
				won.Add(1)
			} else if status.Code(err) != codes.AlreadyExists {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || b.rows(t, "accounts") != 1 || b.rows(t, "sessions") != 1 {
		t.Errorf("%d won; %d accounts, %d sessions", won.Load(), b.rows(t, "accounts"), b.rows(t, "sessions"))
	}
}
