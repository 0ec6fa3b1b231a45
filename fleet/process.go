package fleet

import (
	"errors"
	"fmt"
	"slices"
)

// Process is one operating-system process to run.
type Process struct {
	Name     string   // not empty; unique together with Replica
	Replica  int      // from 0
	Services []string // shown in Status
	Link     string   // the scheme by which it is reached; shown in Status
	Command  []string // program and arguments
	Dir      string   // its working folder; "": the fleet's. A relative program starts there
	Listen   []string // URLs to listen on, if it does not know by itself; port 0: any free one
	Env      []string // KEY=value, added to this process's environment; the last of a key counts
	Single   error    // why no second one can stand beside it, which is what Replace says; nil: one can
}

// labels names each process for people: its Name, and the replica where the
// Name has several.
func labels(processes []Process) ([]string, error) {
	count := make(map[string]int)
	for _, p := range processes {
		count[p.Name]++
	}
	names := make([]string, 0, len(processes))
	for _, p := range processes {
		label := p.Name
		if count[p.Name] > 1 {
			label = fmt.Sprintf("%s.%d", p.Name, p.Replica)
		}
		switch {
		case p.Name == "":
			return nil, errors.New("a process has no name: give it one")
		case len(p.Command) == 0:
			return nil, fmt.Errorf("process %s has no command: give it one", label)
		case slices.Contains(names, label):
			return nil, fmt.Errorf("process %s is there twice: remove one, or number the replicas", label)
		}
		names = append(names, label)
	}
	return names, nil
}

// stages groups the members in the order in which they stop: first those that
// order names, one name after the other, then the rest together.
func stages(members []*member, order []string) ([][]*member, error) {
	var all [][]*member
	for i, name := range order {
		var stage []*member
		for _, m := range members {
			if m.Name == name {
				stage = append(stage, m)
			}
		}
		if len(stage) == 0 {
			return nil, fmt.Errorf("the stop order names %q, which is no process: remove it", name)
		}
		if slices.Contains(order[:i], name) {
			return nil, fmt.Errorf("the stop order names %q twice: remove one", name)
		}
		all = append(all, stage)
	}
	var rest []*member
	for _, m := range members {
		if !slices.Contains(order, m.Name) {
			rest = append(rest, m)
		}
	}
	if len(rest) > 0 {
		all = append(all, rest)
	}
	return all, nil
}
