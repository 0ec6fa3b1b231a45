package main

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"runtime"
)

// machine is what a reader must know of where the numbers come from.
type machine struct {
	cpu   string
	cores int
	goes  string // the version of Go, with system and architecture
}

func thisMachine() machine {
	return machine{
		cpu: cmp.Or(cpuModel(), "an unnamed processor"), cores: runtime.NumCPU(),
		goes: fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH),
	}
}

// cpuModel reads Linux's word for the processor; elsewhere there is none.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	if match := regexp.MustCompile(`(?m)^model name\s*: *(.+)$`).FindSubmatch(text); match != nil {
		return string(match[1])
	}
	return ""
}

func (m machine) String() string { return fmt.Sprintf("%s, %d cores, %s", m.cpu, m.cores, m.goes) }
