package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"github.com/kerf-go/kerf/store"
	"github.com/kerf-go/kerf/store/sqlite"
)

// childEnv selects what this binary does when a test starts it as a process.
const childEnv = "STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if what := os.Getenv(childEnv); what != "" {
		if err := children()[what](context.Background(), os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func children() map[string]func(ctx context.Context, dir string) error {
	return map[string]func(context.Context, string) error{
		"hold": hold, "write": write, "migrate": migrate,
	}
}

// hold keeps the turn to write until stdin closes.
func hold(ctx context.Context, dir string) error {
	db, err := opened(ctx, dir, store.Options{})
	if err != nil {
		return err
	}
	return db.InTx(ctx, func(*sql.Tx) error {
		fmt.Println("holding") //nolint:forbidigo // to the parent
		_, err := io.ReadAll(os.Stdin)
		return err
	})
}

// write writes rows until it is killed, and tells of each once it is committed.
func write(ctx context.Context, dir string) error {
	db, err := opened(ctx, dir, store.Options{})
	if err != nil {
		return err
	}
	for i := 1; ; i++ {
		err := db.InTx(ctx, func(tx *sql.Tx) error { return add(ctx, tx, strconv.Itoa(i)) })
		if err != nil {
			return err
		}
		fmt.Println(i) //nolint:forbidigo // to the parent
	}
}

// migrate migrates once the parent says so.
func migrate(ctx context.Context, dir string) error {
	db, err := store.Open(ctx, "sqlite:"+dir, "things", drivers(), store.Options{})
	if err != nil {
		return err
	}
	fmt.Println("opened") //nolint:forbidigo // to the parent
	if _, err := io.ReadAll(os.Stdin); err != nil {
		return err
	}
	return db.Migrate(ctx, counted())
}

// child is this binary as another process.
type child struct {
	*exec.Cmd

	in  io.WriteCloser
	out *bufio.Reader
}

func startChild(t *testing.T, what, dir string) *child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], dir)
	cmd.Env = append(os.Environ(), childEnv+"="+what)
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: cmd, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return c
}

// line waits for the next line that the child prints.
func (c *child) line(t *testing.T) string {
	t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the child says no more: %v", err)
	}
	return line[:len(line)-1]
}

func drivers() []store.Driver { return []store.Driver{sqlite.Driver{}} }

// things is a table of names.
func things() fs.FS {
	return sqlFiles("CREATE TABLE things (name TEXT PRIMARY KEY)")
}

// counted adds one to a counter in each migration but the first.
func counted() fs.FS {
	begin := []string{"CREATE TABLE counter (n INTEGER NOT NULL)", "INSERT INTO counter VALUES (0)"}
	return sqlFiles(slices.Concat(begin, slices.Repeat([]string{"UPDATE counter SET n = n + 1"}, 8))...)
}

// sqlFiles makes one migration of each statement.
func sqlFiles(up ...string) fs.FS {
	files := make(fstest.MapFS)
	for i, s := range up {
		files[fmt.Sprintf("%05d_step.sql", i+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + s + ";\n")}
	}
	return files
}

func opened(ctx context.Context, dir string, o store.Options) (*store.DB, error) {
	db, err := store.Open(ctx, "sqlite:"+dir, "things", drivers(), o)
	if err != nil {
		return nil, err
	}
	return db, db.Migrate(ctx, things())
}

// open gives the store of things in dir until the test ends.
func open(t *testing.T, dir string, o store.Options) *store.DB {
	t.Helper()
	db, err := opened(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func add(ctx context.Context, tx *sql.Tx, name string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO things VALUES (?)", name)
	return err
}

// names gives all there are.
func names(t *testing.T, db *store.DB) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT name FROM things ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
