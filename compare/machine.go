package compare

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"runtime"
)

// Machine tells what numbers were measured with: processor, cores, Go.
func Machine() string {
	return fmt.Sprintf("%s, %d cores, %s %s/%s", cmp.Or(cpuModel(), "an unnamed processor"),
		runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
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
