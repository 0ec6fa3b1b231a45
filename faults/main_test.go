//go:build unix

package faults_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/kerf-go/kerf/kit"
)

// processEnv marks a test binary that is a process of the app, and tells how it behaves.
const processEnv = "KERF_FAULTS_PROCESS"

var update = flag.Bool("update", false, "write docs/faults.md anew")

// errNetwork tells why packets cannot be dropped; nil: they can.
var errNetwork error

func TestMain(m *testing.M) {
	if text := os.Getenv(processEnv); text != "" {
		var b behaviour
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		app, _ := newApp(b)
		kit.Main(app)
		os.Exit(0)
	}
	if status, ran := inOwnNetwork(); ran {
		os.Exit(status)
	}
	errNetwork = setUpNetwork()
	flag.Parse()
	const atOnce = "8" // they mostly wait, however few processors there are
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
