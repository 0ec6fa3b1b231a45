//go:build unix

package fleet

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps Ctrl-C on the terminal, which goes to the foreground process
// group, from the process.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends the process's group at once. The group outlives the process
// while anything it started is left; when nothing is, there is nobody to kill.
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
