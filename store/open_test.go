package store_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/kerf-go/kerf/store"
)

func TestURLsThatNoDriverTakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ url, want string }{
		"a scheme without driver":      {"postgres://host/db", `no driver for scheme "postgres": there is sqlite`},
		"no scheme":                    {"data", `no driver for scheme ""`},
		"no folder":                    {"sqlite:", "write sqlite:FOLDER"},
		"an option":                    {"sqlite:data?mode=ro", "has no options"},
		"a percent sign as it is":      {"sqlite:50%", "write %25"},
		"a URL that nobody can parse":  {"sqlite://[", "SCHEME:REST"},
		"a colon in front":             {":x", "SCHEME:REST"},
		"a control character":          {"sqlite:a\x00b", "SCHEME:REST"},
		"a port that is no number":     {"postgres://user:pass/word@host", "SCHEME:REST"},
		"a password for another store": {"postgres://user:password@host/db", "user:xxxxx@host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := store.Open(t.Context(), c.url, "things", drivers(), store.Options{})
			if err == nil {
				t.Fatalf("%s was opened", c.url)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %q, which does not say %q", err, c.want)
			}
			if strings.Contains(err.Error(), "pass") || strings.Contains(err.Error(), "word@") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestAnyFolderWillDo(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"with spaces", "what?", "100%", "%41", "a#b", "größe·データ", "semi;colon&and=", "'quoted'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), name)
			raw := (&url.URL{Scheme: "sqlite", OmitHost: true, Path: filepath.ToSlash(dir)}).String()
			db, err := store.Open(t.Context(), raw, "things", drivers(), store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.Migrate(t.Context(), things()); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(filepath.Join(dir, "things.db"))
			if err != nil {
				t.Fatalf("the file is elsewhere: %v", err)
			}
			if folder, _ := os.Stat(dir); folder.Mode().Perm() != 0o700 || info.Size() == 0 {
				t.Errorf("the folder is %v, and the file has %d bytes", folder.Mode(), info.Size())
			}
			var mode string
			if err := db.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
				t.Errorf("the options got lost: journal mode %q, %v", mode, err)
			}
		})
	}
}

func TestARelativeFolderMayBeEscapedToo(t *testing.T) {
	t.Chdir(t.TempDir()) // so not parallel
	db, err := store.Open(t.Context(), "sqlite:my%20data", "things", drivers(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := os.Stat(filepath.Join("my data", "things.db")); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), "sqlite:"+file, "things", drivers(), store.Options{})
	if err == nil || !strings.Contains(err.Error(), "store of things") || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v, want an error that names service and folder", err)
	}
}

func TestEachServiceHasItsOwnFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := open(t, dir, store.Options{})
	b, err := store.Open(t.Context(), "sqlite:"+dir, "others", drivers(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.ExecContext(t.Context(), "SELECT name FROM things"); err == nil {
		t.Error("one service sees the tables of another")
	}
	_ = a
}

func TestStatementsMakeSpansWhenThereIsATracer(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	db := open(t, t.TempDir(), store.Options{Tracer: tracer})
	before := len(spans.Ended())
	ctx, parent := tracer.Tracer("test").Start(t.Context(), "parent")
	if err := db.InTx(ctx, func(tx *sql.Tx) error { return add(ctx, tx, "seen") }); err != nil {
		t.Fatal(err)
	}
	parent.End()
	var found []string
	for _, s := range spans.Ended()[before:] {
		if s.Parent().SpanID() == parent.SpanContext().SpanID() {
			found = append(found, s.Name())
			system := false
			for _, a := range s.Attributes() {
				system = system || a.Key == "db.namespace" && a.Value.AsString() == "things"
			}
			if !system {
				t.Errorf("span %s does not name the store: %v", s.Name(), s.Attributes())
			}
		}
	}
	if !slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, "exec") }) {
		t.Errorf("below the caller's span are %v, without the statement", found)
	}
}

// crowd is a store of many writers, on top of SQLite.
type crowd struct{ store.Driver }

func (crowd) SingleWriter() bool { return false }

func TestManyWritersNeedNoTurn(t *testing.T) {
	t.Parallel()
	many := []store.Driver{crowd{drivers()[0]}}
	db, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), "things", many, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.InTx(ctx, func(*sql.Tx) error { return nil }); errors.Is(err, store.ErrBusy) {
		t.Error(err)
	}
	if d := (crowd{drivers()[0]}).Dialect(); d != goose.DialectSQLite3 {
		t.Error(d)
	}
}
