package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pb "github.com/kerf-go/kerf/bench/echo/v1"
)

var update = flag.Bool("update", false, "write what came out into the golden file")

func TestEverySubjectAnswers(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "page.md")
	var out bytes.Buffer
	args := []string{"--rounds", "1", "--turn", "5ms", "--date", "2026-01-31", "--out", page}
	err := run(t.Context(), args, &out, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range subjects("") {
		if !strings.Contains(out.String(), s.name) || !strings.Contains(string(text), "| "+s.name+" |") {
			t.Errorf("%s is not in the tables", s.name)
		}
	}
	for _, s := range chains("") {
		if link, _, _ := strings.Cut(s.name, " "); !strings.Contains(string(text), "| "+link+" |") {
			t.Errorf("%s is not in the table of policies", link)
		}
	}
	for _, b := range bars() {
		if !strings.Contains(out.String(), b.String()) {
			t.Errorf("nothing is said of %q", b)
		}
	}
}

func TestAnyMistakeEndsTheRun(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, call := range map[string]say{
		"a call that fails": func(context.Context, *pb.Message) (*pb.Message, error) { return nil, broken },
		"a wrong answer":    func(context.Context, *pb.Message) (*pb.Message, error) { return &pb.Message{}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := newRunner(t.Context(), []subject{{"x", func(context.Context) (say, error) { return call, nil }}})
			if err != nil {
				t.Fatal(err)
			}
			r.rounds, r.length = 1, time.Second
			if _, err := r.measure(t.Context(), many); err == nil || !strings.HasPrefix(err.Error(), "x: ") {
				t.Errorf("got %v, want the subject's failure", err)
			}
		})
	}
}

func TestAMissedBarFails(t *testing.T) {
	t.Parallel()
	m := measurement{1, []string{"a", "b"}, [][]float64{{30}, {10}}}
	due := []bar{{"a", "b", 1, 3, 0}, {"a", "b", 1, 3.1, 0}, {"a", "not measured", 1, 1, 0}, {"a", "b", many, 1, 0}}
	got := judge(due, []measurement{m})
	if len(got) != 2 || !got[0].Holds() || got[1].Holds() {
		t.Errorf("got %+v", got)
	}
	const longer = 1e9/10 - 1e9/30 // ns
	slower := judge([]bar{{"b", "a", 1, 0, longer + 1}, {"b", "a", 1, 0, longer - 1}}, []measurement{m})
	if len(slower) != 2 || !slower[0].Holds() || slower[1].Holds() {
		t.Errorf("got %+v", slower)
	}
}

func TestThePageForReaders(t *testing.T) {
	t.Parallel()
	one := measurement{1, []string{grpcGo, "kerf inproc"}, [][]float64{{10_000, 20_000}, {150_000, 360_000}}}
	lot := measurement{many, []string{grpcGo, "kerf inproc"}, [][]float64{{50_000}, {1_250_000}}}
	chain := measurement{
		1,
		[]string{
			"inproc" + plain, "inproc" + bounded,
			"tcp" + plain, "tcp" + guarded, "tcp" + bounded, "tcp" + balanced, "tcp" + bare,
		},
		[][]float64{
			{150_000, 150_000},
			{140_000, 140_000},
			{20_000, 25_000},
			{19_900, 24_900},
			{19_700, 24_800},
			{19_000, 24_600},
			{19_200, 24_700},
		},
	}
	r := report{
		Machine: machine{"A Processor", 2, "go1.26 linux/amd64"}, Date: "2026-01-31",
		Rounds: 2, Turn: 100 * time.Millisecond, Payload: payload, Tables: []table{tableOf(one), tableOf(lot)},
		Verdicts: judge([]bar{
			{"kerf inproc", grpcGo, 1, 15, 0},
			{"kerf inproc", grpcGo, many, 40, 0},
			{grpcGo, "kerf inproc", 1, 1 / 1.25, 0},
			{"tcp" + balanced, "tcp" + bare, 1, 1 / 1.03, 0},
		}, []measurement{one, lot, chain}),
		Chains: chainRows(chain),
	}
	var got bytes.Buffer
	if err := r.markdown(&got); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "page.golden")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("%s:\n--- got\n%s--- want\n%s(go test . -update writes it, if it is right)", file, &got, want)
	}
}
