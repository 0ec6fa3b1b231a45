package run_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/kit"
)

// command carries out a command of an app, which ends by itself.
func command(t *testing.T, app kerf.App, args ...string) (stdout string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	err = kit.Run(ctx, app, args, &out, &errs)
	if errs.Len() > 0 {
		t.Logf("stderr: %s", &errs)
	}
	return out.String(), err
}

func planFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
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
		t.Errorf("%s:\n--- got\n%s--- want\n%s(go test ./run -update writes it, if it is right)", file, got, want)
	}
}

func TestHelpOfEveryCommand(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"help": nil, "help-run": {"run"}, "help-plan": {"plan"}, "help-status": {"status"}, "help-version": {"version"},
		"help-completion": {"completion"}, "help-dead": {"dead"}, "help-dead-list": {"dead", "list"},
		"help-migrate":   {"migrate"},
		"help-dead-show": {"dead", "show"}, "help-dead-replay": {"dead", "replay"}, "help-dead-drop": {"dead", "drop"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := command(t, pair(nil, nil), append(args, "--help")...)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out, "Examples:") {
				t.Error("the help shows no example")
			}
			golden(t, name, out)
		})
	}
}

func TestCompletionKnowsTheCommands(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			script, err := command(t, pair(nil, nil), "completion", shell)
			if err != nil || !strings.Contains(script, "pair") || len(script) < 500 {
				t.Errorf("%d bytes, %v", len(script), err)
			}
		})
	}
	for args, want := range map[string][]string{
		"":               {"run", "plan", "status", "migrate", "version", "completion"},
		"r":              {"run"},
		"run --":         {"--plan", "--process", "--data", "--web", "--log"},
		"plan --format ": {"table", "mermaid", "json"},
		"run --log ":     {"json", "text"},
	} {
		out, err := command(t, pair(nil, nil), append([]string{"__complete"}, strings.Split(args, " ")...)...)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range want {
			if !strings.Contains(out, word) {
				t.Errorf("%q is not completed by %q but by\n%s", args, word, out)
			}
		}
	}
}

func TestWrongCommandLinesSayWhatIsRight(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"rnu":                               `there is no command "rnu": did you mean "pair run"?`,
		"dance":                             `there is no command "dance"; see "pair --help"`,
		"--plna x":                          `unknown flag: --plna; see "pair --help"`,
		"run --plna x":                      `unknown flag: --plna; see "pair run --help"`,
		"dead lits":                         `there is no command "lits": did you mean "pair dead list"?`,
		"run now":                           `"pair run" takes no arguments, and got "now"; see "pair run --help"`,
		"plan --format yaml":                "--format yaml: write table, mermaid or json",
		"run --log loud":                    "--log loud: write json or text",
		"run --web 8080":                    "8080: missing port in address; write it as 127.0.0.1:8080",
		"run --web 0.0.0.0:0":               "lets other machines in",
		"run --plan /nowhere.yaml":          "/nowhere.yaml",
		"run --process nobody":              `process "nobody" is not in the plan: it has pair`,
		"run --data /dev/null":              "give another with --data FOLDER",
		"status --data /dev/null/x --json":  "/dev/null/x",
		"plan --plan testdata/mistake.yaml": `mistake.yaml:4:22: the app has no service "frnt"; did you mean front?`,
		"plan --plan testdata/answer.yaml": `answer.yaml:4:47: the answer of the fallback is no ` +
			`kerf.linktest.v1.Message, which kerf.linktest.v1.Exercise/Unary gives: unknown field "txet"`,
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(line)
			if args[0] == "run" && !strings.Contains(line, "--data") {
				args = append(args, "--data", t.TempDir())
			}
			_, err := command(t, pair(nil, nil), args...)
			wantError(t, err, want)
		})
	}
}

// onlyFront is a program that only knows of back, which another one has.
func onlyFront() kerf.App {
	app := pair(nil, nil)
	app.Services[1].New = nil
	return app
}

func TestAProgramNeedNotHaveEveryService(t *testing.T) {
	t.Parallel()
	file := planFile(t, "version: 1\napp: pair\nlink: http\nprocesses:\n  front: {services: [front]}\n"+
		"  back: {services: [back], command: [./back]}\n  more: {services: [more], command: [./more]}\n")
	out, err := command(t, onlyFront(), "plan", "--plan", file)
	if err != nil || !strings.Contains(out, "./back") || !strings.Contains(out, "./more") {
		t.Errorf("%v\n%s", err, out)
	}
	for line, want := range map[string]string{
		"run --process back":   "service back is not in this program",
		"run --process more":   `the app has no service "more"`,
		"run --process nobody": `process "nobody" is not in the plan`,
	} {
		args := append(strings.Fields(line), "--data", t.TempDir(), "--plan", file)
		_, err := command(t, onlyFront(), args...)
		wantError(t, err, want)
	}
}

func TestACommandWhoseProgramIsMissingIsToldWithItsPlace(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, text := range map[string]string{"code/main.go": "package main", "notes": "", "there": ""} {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(folder, "there"), 0o700); err != nil {
		t.Fatal(err)
	}
	const path = "correct the path, which starts at the plan's folder"
	for program, want := range map[string]string{
		"./gone":        "is not there; " + path,
		"code/back":     "is not there; " + path + ", or build the program: go -C " + folder + "/code build",
		"/nowhere/back": "is not there; correct the path",
		"./notes":       "cannot be run; " + folder + "/notes must be a program that you may execute",
		"there": "is not on the PATH; install it, or correct the name; " +
			"one in the plan's folder is written ./there",
		"./there":                 "",
		"go":                      "",
		folder + "/code/../there": "",
	} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(folder, strings.ReplaceAll(program, "/", "-")+".yaml")
			text := strings.Replace(apart, "[back]", "[back], command: ["+program+", x]", 1)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			shown, err := command(t, pair(nil, nil), "plan", "--plan", file)
			if err != nil || strings.Contains(shown, "warning: ") != (want != "") {
				t.Errorf("plan shows, %v:\n%s", err, shown)
			}
			if want == "" {
				return
			}
			want = fmt.Sprintf("%s:4:88: the program of process back, %s, %s", file, program, want)
			if !strings.Contains(shown, "warning: "+want+"\n") {
				t.Errorf("plan shows\n%s\nwithout\n%s", shown, want)
			}
			_, err = command(t, pair(nil, nil), "run", "--plan", file, "--data", t.TempDir())
			if err == nil || err.Error() != want {
				t.Errorf("run says\n%v\nand not\n%s", err, want)
			}
		})
	}
}

func TestAPlanIsShownInThreeFormats(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"table": "front", "mermaid": "flowchart", "json": `"processes"`,
	} {
		out, err := command(t, pair(nil, nil), "plan", "--plan", planFile(t, apart), "--format", format)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v\n%s", format, err, out)
		}
		if format == "json" && !json.Valid([]byte(out)) {
			t.Errorf("this is no JSON:\n%s", out)
		}
	}
	usual, err := command(t, pair(nil, nil), "plan")
	if err != nil || !strings.Contains(usual, "127.0.0.1:8080") {
		t.Errorf("without a plan: %v\n%s", err, usual)
	}
}

func TestVersionNamesTheApp(t *testing.T) {
	t.Parallel()
	out, err := command(t, pair(nil, nil), "version")
	name, version, _ := strings.Cut(strings.TrimSpace(out), " ")
	if err != nil || name != "pair" || version == "" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestStatusOfWhatDoesNotRun(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"status"}, {"status", "--json"}} {
		_, err := command(t, pair(nil, nil), append(args, "--data", t.TempDir())...)
		wantError(t, err, "pair is not running with its data in", `start it with "pair run"`)
	}
}
