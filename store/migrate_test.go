package store_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kerf-go/kerf/store"
)

func TestMigratingTwiceIsMigratingOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, dir, store.Options{})
	if err := db.Migrate(t.Context(), things()); err != nil {
		t.Error(err)
	}
	if err := db.InTx(t.Context(), func(tx *sql.Tx) error { return add(t.Context(), tx, "kept") }); err != nil {
		t.Fatal(err)
	}
	if got := names(t, open(t, dir, store.Options{})); len(got) != 1 {
		t.Errorf("a second start finds %v", got)
	}
}

func TestNewerDataIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bare := openBare(t, dir)
	if err := bare.Migrate(t.Context(), sqlFiles("CREATE TABLE things (name TEXT PRIMARY KEY)",
		"INSERT INTO things VALUES ('new')", "INSERT INTO things VALUES ('newer')")); err != nil {
		t.Fatal(err)
	}
	old := openBare(t, dir)
	err := old.Migrate(t.Context(), things())
	if err == nil || !strings.Contains(err.Error(), "version 3 and this binary knows only 1") {
		t.Errorf("got %v, want a refusal that tells both versions", err)
	}
	if got := names(t, old); len(got) != 2 {
		t.Errorf("the newer data is now %v", got)
	}
}

func TestABrokenMigrationIsUndoneAndNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := openBare(t, dir)
	broken := sqlFiles("CREATE TABLE things (name TEXT PRIMARY KEY)",
		"INSERT INTO things VALUES ('half'); NO SUCH STATEMENT")
	err := db.Migrate(t.Context(), broken)
	if err == nil || !strings.Contains(err.Error(), "00002_step.sql") {
		t.Errorf("got %v, want an error that names the file", err)
	}
	if got := names(t, db); len(got) != 0 {
		t.Errorf("the broken migration left %v", got)
	}
	if err := db.Migrate(t.Context(), sqlFiles("CREATE TABLE things (name TEXT PRIMARY KEY)",
		"INSERT INTO things VALUES ('whole')")); err != nil {
		t.Errorf("once it is mended: %v", err)
	}
	if got := names(t, db); len(got) != 1 {
		t.Errorf("the mended migration left %v", got)
	}
}

func TestNoMigrationsAreRefused(t *testing.T) {
	t.Parallel()
	if err := openBare(t, t.TempDir()).Migrate(t.Context(), nil); err == nil {
		t.Error("migrations that are nil were accepted")
	}
	if err := openBare(t, t.TempDir()).Migrate(t.Context(), sqlFiles()); err == nil {
		t.Error("a folder without migrations was accepted")
	}
}

func TestProcessesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := openBare(t, dir).Migrate(t.Context(), sqlFiles("CREATE TABLE counter (n INTEGER NOT NULL)")); err != nil {
		t.Fatal(err) // goose waits a second when two make its own table at once
	}
	const processes = 4
	all := make([]*child, 0, processes)
	for range processes {
		c := startChild(t, "migrate", dir)
		c.line(t)
		all = append(all, c)
	}
	for _, c := range all {
		if err := c.in.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range all {
		if err := c.Wait(); err != nil {
			t.Errorf("one of the processes: %v", err)
		}
	}
	wantCounter(t, openBare(t, dir))
}

func TestWhoFindsTheStoreBusyMigratesLater(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder := startChild(t, "hold", dir)
	if got := holder.line(t); got != "holding" {
		t.Fatalf("the child says %q", got)
	}
	o := store.Options{MaxWait: 50 * time.Millisecond}
	db, err := store.Open(t.Context(), "sqlite:"+dir, "things", drivers(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	more := sqlFiles("SELECT 1", "CREATE TABLE more (n INTEGER NOT NULL)")
	if err := db.Migrate(t.Context(), more); !errors.Is(err, store.ErrBusy) || !store.NotYet(err) {
		t.Errorf("got %v, want ErrBusy, which is worth another try", err)
	}
	if err := errors.Join(holder.in.Close(), holder.Wait(), db.Migrate(t.Context(), more)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO more VALUES (1)"); err != nil {
		t.Error(err)
	}
}

// interrupted runs other once, before it gives the file that is called name.
type interrupted struct {
	fs.FS
	name  string
	other func()
}

func (i interrupted) Open(name string) (fs.File, error) {
	if name == i.name {
		i.other()
	}
	return i.FS.Open(name)
}

func TestWhatAnotherProcessMigratesInTheMeantimeIsNotDoneTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before := sqlFiles("CREATE TABLE counter (n INTEGER NOT NULL)", "INSERT INTO counter VALUES (0)")
	if err := openBare(t, dir).Migrate(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	first, other := openBare(t, dir), openBare(t, dir)
	err := first.Migrate(t.Context(), interrupted{counted(), "00003_step.sql", sync.OnceFunc(func() {
		if err := other.Migrate(t.Context(), counted()); err != nil {
			t.Error(err)
		}
	})})
	if err != nil {
		t.Error(err)
	}
	wantCounter(t, first)
}

func wantCounter(t *testing.T, db *store.DB) {
	t.Helper()
	var rows, n int
	query := db.QueryRowContext(t.Context(), "SELECT count(*), max(n) FROM counter")
	if err := query.Scan(&rows, &n); err != nil {
		t.Fatal(err)
	}
	if rows != 1 || n != 8 {
		t.Errorf("the counter has %d rows and stands at %d, want 1 and 8: a migration ran twice", rows, n)
	}
}

// openBare opens the store of things without any migration.
func openBare(t *testing.T, dir string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+dir, "things", drivers(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
