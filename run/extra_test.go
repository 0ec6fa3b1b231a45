package run_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/run"
)

func TestAnAppMayHaveMoreCommands(t *testing.T) {
	t.Parallel()
	dance := run.Command{
		Name: "dance", Short: "Dance for a while", Examples: []string{"dance --times 3"},
		New: func(flags *flag.FlagSet) func(context.Context, run.Invocation) error {
			times := flags.Int("times", 1, "how often")
			return func(_ context.Context, in run.Invocation) error {
				_, err := fmt.Fprintf(in.Stdout, "%s danced %d times", in.App.Name, *times)
				return err
			}
		},
	}
	for args, want := range map[string]string{
		"dance --times 3": "pair danced 3 times",
		"dance --help":    "Examples:\n  pair dance --times 3\n",
		"--help":          "dance       Dance for a while",
	} {
		var out bytes.Buffer
		err := run.Exec(t.Context(), pair(nil, nil), kit.Batteries(), strings.Fields(args), &out, io.Discard, dance)
		if err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v\n%s", args, err, &out)
		}
	}
	wrong := []string{"dance", "here"}
	err := run.Exec(t.Context(), pair(nil, nil), kit.Batteries(), wrong, io.Discard, io.Discard, dance)
	if err == nil || !strings.Contains(err.Error(), "takes no arguments") {
		t.Errorf("an argument that is not wanted: %v", err)
	}
}
