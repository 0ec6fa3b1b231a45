package rpcerr_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/examples/chirp/rpcerr"
	"github.com/kerf-go/kerf/store"
)

func TestFrom(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	live := context.Background()
	secret := errors.New("table accounts in /var/data is broken")
	wrapped := func(err error) error { return fmt.Errorf("x: %w", err) }
	for name, test := range map[string]struct {
		ctx    context.Context
		err    error
		want   codes.Code
		logged bool
	}{
		"no error":                       {live, nil, codes.OK, false},
		"a status stays":                 {live, status.Error(codes.NotFound, "no"), codes.NotFound, false},
		"a wrapped status stays":         {live, wrapped(status.Error(codes.Aborted, "no")), codes.Aborted, false},
		"a caller who has gone":          {gone, secret, codes.Canceled, false},
		"a deadline inside":              {live, wrapped(context.DeadlineExceeded), codes.DeadlineExceeded, false},
		"a busy store":                   {live, wrapped(store.ErrBusy), codes.Unavailable, false},
		"a store that is away":           {live, fmt.Errorf("%w: %w", store.ErrAway, secret), codes.Unavailable, false},
		"a store without a connection":   {live, wrapped(store.ErrNoConn), codes.ResourceExhausted, false},
		"a fault of ours is only logged": {live, secret, codes.Internal, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			err := rpcerr.From(test.ctx, slog.New(slog.NewTextHandler(&log, nil)), "read post", test.err)
			if status.Code(err) != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "/var/data") {
				t.Errorf("the caller was told %v", err)
			}
			if logged := strings.Contains(log.String(), secret.Error()); logged != test.logged {
				t.Errorf("logged %q", log.String())
			}
		})
	}
}
