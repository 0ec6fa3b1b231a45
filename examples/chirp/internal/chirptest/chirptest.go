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
func Store(t testing.TB, dir string, migrations fs.FS) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+dir, "test", []store.Driver{sqlite.Driver{}}, store.Options{})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	if err := db.Migrate(t.Context(), migrations); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return db
}

// Serve runs a gRPC server in memory until the test ends, and gives a conn to it.
func Serve(t testing.TB, register func(grpc.ServiceRegistrar)) *grpc.ClientConn {
	t.Helper()
	server := grpc.NewServer()
	register(server)
	return connect(t, server)
}

func connect(t testing.TB, server *grpc.Server) *grpc.ClientConn {
	t.Helper()
	pipe := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- server.Serve(pipe) }()
	cc, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() {
		if err := cc.Close(); err != nil {
			t.Errorf("close conn: %v", err)
		}
		server.Stop()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return cc
}

// WantCode fails the test at once if err has another code.
func WantCode(t testing.TB, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Fatalf("got %v (%v), want %v", got, err, want)
	}
}

// Eventually waits until it holds, and fails the test if it does not within ten seconds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("still not: %s", what)
		case <-tick.C:
		}
	}
}
