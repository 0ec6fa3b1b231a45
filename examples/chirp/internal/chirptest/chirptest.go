// Package chirptest is what the tests of Chirp's services stand upon: real stores
// in a folder of the test, real gRPC in memory, and a small engine that starts a
// Kerf service alone.
//
//	a, err := accounts.New(chirptest.Store(t, t.TempDir(), accounts.Migrations()), accounts.Options{})
//	cc := chirptest.Serve(t, func(r grpc.ServiceRegistrar) { accountsv1.RegisterAccountsServer(r, a) })
//	client := accountsv1.NewAccountsClient(cc)
package chirptest

import (
	"context"
	"io/fs"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/kerf-go/kerf/store"
	"github.com/kerf-go/kerf/store/sqlite"
)

// Store opens the store in dir, migrated; the test closes it at its end.
func Store(tb testing.TB, dir string, migrations fs.FS) *store.DB {
	tb.Helper()
	db, err := store.Open(tb.Context(), "sqlite:"+dir, "test", []store.Driver{sqlite.Driver{}}, store.Options{})
	if err != nil {
		tb.Fatalf("open store: %v", err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close store: %v", err)
		}
	})
	if err := db.Migrate(tb.Context(), migrations); err != nil {
		tb.Fatalf("migrate: %v", err)
	}
	return db
}

// Serve runs a gRPC server in memory until the test ends, and gives a conn to it.
func Serve(tb testing.TB, register func(grpc.ServiceRegistrar)) *grpc.ClientConn {
	tb.Helper()
	server := grpc.NewServer()
	register(server)
	return connect(tb, server)
}

func connect(tb testing.TB, server *grpc.Server) *grpc.ClientConn {
	tb.Helper()
	pipe := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- server.Serve(pipe) }()
	cc, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
	if err != nil {
		tb.Fatalf("connect: %v", err)
	}
	tb.Cleanup(func() {
		if err := cc.Close(); err != nil {
			tb.Errorf("close conn: %v", err)
		}
		server.Stop()
		if err := <-served; err != nil {
			tb.Errorf("serve: %v", err)
		}
	})
	return cc
}

// WantCode fails the test at once if err has another code.
func WantCode(tb testing.TB, err error, want codes.Code) {
	tb.Helper()
	if got := status.Code(err); got != want {
		tb.Fatalf("got %v (%v), want %v", got, err, want)
	}
}

// Eventually waits until it holds, and fails the test if it does not within ten seconds.
func Eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			tb.Fatalf("still not: %s", what)
		case <-tick.C:
		}
	}
}
