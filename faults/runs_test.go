//go:build unix

package faults_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// runs is the file in which every handler notes what it does, at once, so that it is
// known even of a process that was killed.
type runs string

// What is noted of a request.
const (
	began = "began"
	ended = "ended" // the handler's context, before the handler
)

func (r runs) note(what, id string) error {
	f, err := os.OpenFile(string(r), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, "%s %s %d\n", what, id, os.Getpid())
	return err
}

// pids tells which processes have noted something of a request, one for each time.
func (r runs) pids(t *testing.T, what, id string) []int {
	t.Helper()
	return r.all(t, what)[id]
}

func (r runs) all(t *testing.T, what string) map[string][]int {
	t.Helper()
	text, err := os.ReadFile(string(r))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	all := make(map[string][]int)
	for line := range strings.Lines(string(text)) {
		var did, id string
		var pid int
		if _, err := fmt.Sscanf(line, "%s %s %d\n", &did, &id, &pid); err == nil && did == what {
			all[id] = append(all[id], pid)
		}
	}
	return all
}
