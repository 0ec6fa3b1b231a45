package sqlite_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/store"
	"github.com/kerf-go/kerf/store/sqlite"
)

var drivers = []store.Driver{sqlite.Driver{}}

// A killed process cannot show whether commits reach the disk, since the system
// keeps what was written: so the settings that make them do are looked at.
func TestCommitsAreOnDiskWhenTheyReturn(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), "things", drivers, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		var got string
		if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
}

func TestTheFolderIsTheOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	db, err := store.Open(t.Context(), "sqlite:"+dir, "things", drivers, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && mode != fs.ModePerm { // Windows knows no modes
		t.Errorf("its mode is %o", mode)
	}
}

func TestAFileThatIsNoStoreIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "things.db")
	text := strings.Repeat("this is no database\n", 100)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), "sqlite:"+dir, "things", drivers, store.Options{})
	if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "another folder") {
		t.Errorf("the error does not say what to do: %v", err)
	}
	if kept, err := os.ReadFile(file); err != nil || string(kept) != text {
		t.Errorf("the file was changed: %v", err)
	}
}
