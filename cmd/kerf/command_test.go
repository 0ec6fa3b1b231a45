package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write what came out into the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// command carries out a command, which ends by itself.
func command(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = execute(t.Context(), args, &out, &errs)
	if errs.Len() > 0 {
		t.Logf("stderr: %s", &errs)
	}
	return out.String(), err
}

func TestHelpOfEveryCommand(t *testing.T) {
	t.Parallel()
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		path := strings.Fields(c.CommandPath())[1:]
		t.Run(c.CommandPath(), func(t *testing.T) {
			t.Parallel()
			out, err := command(t, append(path, "--help")...)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out, "Examples:") {
				t.Error("the help shows no example")
			}
			golden(t, strings.Join(append([]string{"help"}, path...), "-"), out)
		})
		for _, below := range c.Commands() {
			if c.Name() != "completion" { // the texts below it are cobra's
				check(below)
			}
		}
	}
	check(tree(io.Discard, io.Discard))
}

// golden compares what came out with a file of testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n--- got\n%s--- want\n%s(go test ./cmd/kerf -update writes it, if it is right)", file, got, want)
	}
}

func TestCompletionKnowsTheCommands(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"completion bash":                {"kerf", "complete -o default"},
		"completion fish":                {"kerf", "complete -c kerf"},
		"__complete ":                    {"gateway", "completion"},
		"__complete gateway ":            {"check"},
		"__complete gateway --":          {"--config"},
		"__complete gateway --config ":   {"yaml\nyml\n:8"}, // files that end so
		"__complete gateway check ":      {"yaml\nyml\n:8"},
		"__complete gateway check a.yml": {"yaml\nyml\n:8"},
	} {
		out, err := command(t, strings.Split(line, " ")...)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range want {
			if !strings.Contains(out, word) {
				t.Errorf("%q gives no %q but\n%s", line, word, out)
			}
		}
	}
}

func TestWrongCommandLinesSayWhatIsRight(t *testing.T) {
	t.Parallel()
	wrong := write(t, "routes: [{match: {path: /**}, proxy: nowhere}]\n")
	for line, want := range map[string]string{
		"gatway":                            `there is no command "gatway": did you mean "kerf gateway"?`,
		"dance":                             `there is no command "dance"; see "kerf --help"`,
		"--config x":                        `unknown flag: --config; see "kerf --help"`,
		"gateway chek":                      `there is no command "chek": did you mean "kerf gateway check"?`,
		"gateway --confg x":                 `unknown flag: --confg; see "kerf gateway --help"`,
		"gateway --config":                  `flag needs an argument: --config; see "kerf gateway --help"`,
		"gateway check":                     `takes one FILE, and got 0; see "kerf gateway check --help"`,
		"gateway check a b":                 `takes one FILE, and got 2`,
		"gateway check /nowhere.yaml":       "open /nowhere.yaml: ",
		"gateway --config /nowhere.yaml":    "; write one, or name another with --config FILE",
		"gateway check " + wrong:            wrong + `:1:38: there is no upstream "nowhere"; add it to upstreams`,
		"gateway --config " + wrong:         wrong + `:1:38: there is no upstream "nowhere"; add it to upstreams`,
		"gateway --config " + listless(t):   "write listen: [{address: 127.0.0.1:8080}]",
		"gateway check --config x " + wrong: `unknown flag: --config; see "kerf gateway check --help"`,
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			out, err := command(t, strings.Fields(line)...)
			if err == nil || !strings.Contains(err.Error(), want) || out != "" {
				t.Errorf("%v\nand not %s; output %q", err, want, out)
			}
		})
	}
}

func TestMistakesThatPeopleMakeSayWhatToDo(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		"":                                    ":1:1: there are no routes; write one, such as routes:",
		"# nothing yet\n":                     ":1:1: there are no routes; write one, such as routes:",
		"route: []\n":                         `:1:1: the configuration has no key "route"; did you mean routes?`,
		"routes: [{anser: {}}]\n":             `:1:11: routes[0] has no key "anser"; did you mean answer?`,
		"routes: [{match: {path: /}}]\n":      ":1:10: the route does not say what answers; give it one of proxy,",
		"routes: [{answer: {}, call: []}]":    ":1:10: the route has call and answer; only one can answer",
		"listen: ['127.0.0.1:80']\n":          ":1:10: listen[0] is text; it must be a mapping with keys such as",
		"listen: [{address: localhost}]\n":    `:1:20: "localhost" is no address to listen on; write one such as`,
		"routes:\n  - match: {path: /{x}}":    ":2:20: this is not YAML: ',' or '}' must be specified; check",
		"routes:\n  - match: {}\n   call: []": ":3:4: this is not YAML: ",
		"a: &b 1\n":                           ":1:4: a configuration has no anchors",
	} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			file := write(t, config)
			out, err := command(t, "gateway", "check", file)
			if err == nil || !strings.Contains(err.Error(), file+want) || out != "" {
				t.Errorf("%v\nand not %s; output %q", err, want, out)
			}
		})
	}
	t.Run("an address that is taken", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		file := write(t, fmt.Sprintf("log: off\nlisten: [{address: %q}]\nroutes: [{answer: {}}]\n", l.Addr()))
		_, err = command(t, "gateway", "--config", file)
		if err == nil || !strings.HasPrefix(err.Error(), file+":2:20: listen on 127.0.0.1:") {
			t.Errorf("%v", err)
		}
	})
}

func listless(t *testing.T) string {
	t.Helper()
	return write(t, "log: off\nroutes: [{answer: {body: hello}}]\n")
}

func write(t *testing.T, config string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	file := listless(t)
	if out, err := command(t, "gateway", "check", file); err != nil || out != file+" is right\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestAGatewayRunsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	file := write(t, "listen: [{address: 127.0.0.1:0}]\nlog: off\nroutes: [{answer: {body: hello}}]\n")
	ctx, stop := context.WithCancel(t.Context())
	said := &listening{stop: stop}
	if err := execute(ctx, []string{"gateway", "--config", file}, t.Output(), said); err != nil {
		t.Error(err)
	}
	if !strings.Contains(said.String(), "http://127.0.0.1:") {
		t.Errorf("it does not say where it listens: %s", said)
	}
}

// listening stops who says that he listens.
type listening struct {
	bytes.Buffer
	stop func()
}

func (l *listening) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("the gateway listens")) {
		defer l.stop()
	}
	return l.Buffer.Write(p)
}
