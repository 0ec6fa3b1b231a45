//go:build windows

package fleet

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps Ctrl-C in the console from the process.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// killGroup ends the process at once; Windows knows no way to end what it started.
func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() } // fails only if it has ended
