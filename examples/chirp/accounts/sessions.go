package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
	"github.com/kerf-go/kerf/examples/chirp/rpcerr"
)

// sessionLife is how long a session lasts after the log-in.
const sessionLife = 30 * 24 * time.Hour

var (
	errLogIn   = status.Error(codes.Unauthenticated, "the name or the password is wrong")
	errSession = status.Error(codes.Unauthenticated, "this session has ended: log in again")
)

// session is a secret for its owner and what the store keeps of it.
type session struct {
	token   string
	expires time.Time
}

// newSession has 256 random bits, which nobody guesses.
func newSession(now time.Time) session {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails: it ends the process instead
	return session{token: base64.RawURLEncoding.EncodeToString(secret), expires: now.Add(sessionLife)}
}

func (s session) proto() *accountsv1.Session {
	return &accountsv1.Session{Token: s.token, ExpiresAt: timestamppb.New(s.expires)}
}

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// LogIn does the same work for a name that nobody has as for one that somebody
// has, so that neither answer nor time tells which names there are.
func (a *Accounts) LogIn(ctx context.Context, req *accountsv1.LogInRequest) (*accountsv1.LogInResponse, error) {
	password, err := composePassword(req.GetPassword())
	if err != nil {
		return nil, errLogIn // whatever the name
	}
	known := true
	found, encoded, err := a.credentials(ctx, req.GetName())
	if errors.Is(err, sql.ErrNoRows) {
		known, encoded = false, a.nobody
	} else if err != nil {
		return nil, rpcerr.From(ctx, a.log, "read account", err)
	}
	match, outdated, err := a.hasher.verify(ctx, password, encoded)
	if err != nil {
		return nil, rpcerr.From(ctx, a.log, "verify password", err)
	}
	if !match || !known {
		return nil, errLogIn
	}
	if outdated {
		a.rehash(ctx, found.GetId(), password)
	}
	s := newSession(a.now())
	if err := a.store.addSession(ctx, found.GetId(), s); err != nil {
		return nil, rpcerr.From(ctx, a.log, "store session", err)
	}
	return &accountsv1.LogInResponse{Profile: found, Session: s.proto()}, nil
}

// credentials is sql.ErrNoRows for names that nobody can have, too.
func (a *Accounts) credentials(ctx context.Context, typed string) (*accountsv1.Profile, string, error) {
	name, err := normaliseName(typed)
	if err != nil {
		return nil, "", sql.ErrNoRows
	}
	return a.store.credentials(ctx, name)
}

// rehash replaces a hash made with yesterday's parameters. If it fails, the next
// log-in tries again.
func (a *Accounts) rehash(ctx context.Context, id int64, password string) {
	encoded, err := a.hasher.hash(ctx, password)
	if err == nil {
		err = a.store.setHash(ctx, id, encoded)
	}
	if err != nil {
		a.log.WarnContext(ctx, "could not renew a password hash", slog.Int64("account", id), slog.Any("error", err))
	}
}

// LogOut ends a session.
func (a *Accounts) LogOut(ctx context.Context, req *accountsv1.LogOutRequest) (*emptypb.Empty, error) {
	if err := a.store.removeSession(ctx, req.GetToken()); err != nil {
		return nil, rpcerr.From(ctx, a.log, "remove session", err)
	}
	return &emptypb.Empty{}, nil
}

// Authenticate tells whose session a token is. It hashes no password and so
// never waits for those who log in.
func (a *Accounts) Authenticate(
	ctx context.Context, req *accountsv1.AuthenticateRequest,
) (*accountsv1.AuthenticateResponse, error) {
	p, err := a.store.bySession(ctx, req.GetToken(), a.now())
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errSession
	}
	if err != nil {
		return nil, rpcerr.From(ctx, a.log, "read session", err)
	}
	return &accountsv1.AuthenticateResponse{Profile: p}, nil
}
