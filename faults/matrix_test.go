//go:build unix

package faults_test

import (
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/kerf-go/kerf/link"
)

var links = []string{inproc, "http", "grpc", nats, "tcp", udp}

const table = "../docs/faults.md"

// TestEveryFaultOnEveryLink fills in the table.
//
//nolint:tparallel // the table is made after the subtests
func TestEveryFaultOnEveryLink(t *testing.T) {
	t.Parallel()
	rows := make(map[string]string)
	var mu sync.Mutex
	t.Run("all", func(t *testing.T) {
		for _, x := range faults() {
			for _, scheme := range links {
				if x.senseless[scheme] != "" {
					continue
				}
				t.Run(x.name+"/"+scheme, func(t *testing.T) {
					t.Parallel()
					x.possible(t)
					row := x.row(scheme, x.cell(t, scheme))
					mu.Lock()
					defer mu.Unlock()
					rows[x.name+scheme] = row
				})
			}
		}
	})
	if t.Failed() {
		return
	}
	compare(t, rows)
}

// possible skips what this machine cannot do, unless nothing may be skipped.
func (x fault) possible(t *testing.T) {
	t.Helper()
	if x.needs == nil {
		return
	}
	switch err := x.needs(); {
	case err == nil:
	case os.Getenv("KERF_TEST_COMPLETE") == "1":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// cell is what was seen of one fault on one link.
type cell struct {
	codes map[kind][]codes.Code
	twice bool // something ran twice that must not
	back  bool
}

func (x fault) cell(t *testing.T, scheme string) cell {
	t.Helper()
	f := newField(t, scheme, x.behaviour, x.proxies)
	made := x.hits(f)
	seen := cell{codes: make(map[kind][]codes.Code), back: f.recovers(x.back)}
	if !seen.back {
		t.Errorf("it did not work again within %v", x.back)
	}
	for _, c := range made {
		if !slices.Contains(seen.codes[c.kind], c.code) {
			seen.codes[c.kind] = append(seen.codes[c.kind], c.code)
			t.Logf("%s: %v, %v after %v: %s", c.kind, c.code, c.ran, c.took.Round(time.Millisecond), c.text)
		}
		if most := x.most(scheme, c.kind); c.took > most {
			t.Errorf("%s took %v, not at most %v: %v %s", c.id, c.took, most, c.code, c.text)
		}
	}
	for _, all := range seen.codes {
		slices.Sort(all)
	}
	seen.twice = ranTwice(f, made)
	return seen
}

// ranTwice looks what has run of the calls that must not be repeated, and whether that is
// what their errors said.
func ranTwice(f *field, made []*call) (twice bool) {
	f.t.Helper()
	began := runs(f.behaviour.Runs).all(f.t, began)
	for _, c := range made {
		n := len(began[c.id])
		switch {
		case c.kind == watch:
		case c.ran == link.NeverSent && n > 0:
			f.t.Errorf("%s was never sent, and ran: %v %s", c.id, c.code, c.text)
		case c.ran == link.Answered && n == 0:
			f.t.Errorf("%s was answered, and did not run: %v %s", c.id, c.code, c.text)
		case c.kind == add && n > 1:
			twice = true
			f.t.Logf("%s ran in processes %v", c.id, began[c.id])
		}
	}
	return twice
}

// compare compares the table, or as much of it as could be done here.
func compare(t *testing.T, rows map[string]string) {
	t.Helper()
	text, complete := document(rows)
	was, err := os.ReadFile(table)
	switch {
	case complete && *update:
		if err := os.WriteFile(table, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	case *update:
		t.Fatal("the table is written only if every fault was tried")
	case err != nil:
		t.Fatal(err)
	case complete && string(was) != text:
		t.Errorf("%s differs: go test ./faults -update writes it anew", table)
	}
	for _, row := range missing(string(was), rows) {
		t.Errorf("%s does not say\n%s", table, row)
	}
}
