package faults_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// networkEnv tells the tests that they have a network of their own.
const networkEnv = "KERF_FAULTS_NETWORK"

// inOwnNetwork runs the tests once more, in a network namespace where packets to some
// ports can be dropped. Without one they run where they are.
func inOwnNetwork() (status int, ran bool) {
	if ownNetwork() {
		return 0, false
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			fmt.Fprintf(os.Stderr, "no network of the tests' own (apt-get install iproute2 nftables): %v\n", err)
			return 0, false
		}
	}
	runtime.LockOSThread() // Pdeathsig means this thread
	self, err := os.Executable()
	if err != nil {
		return 0, false
	}
	tests := exec.Command(self, os.Args[1:]...)
	tests.Env = append(os.Environ(), networkEnv+"=1")
	tests.Stdin, tests.Stdout, tests.Stderr = os.Stdin, os.Stdout, os.Stderr
	tests.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if uid := os.Geteuid(); uid != 0 { // who may do nothing else may still do this
		tests.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		tests.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		tests.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	if err := tests.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "no network of the tests' own: %v\n", err)
		return 0, false
	}
	if err := tests.Wait(); err != nil && tests.ProcessState.ExitCode() < 0 {
		fmt.Fprintf(os.Stderr, "the tests in a network of their own: %v\n", err)
		return 1, true
	}
	return tests.ProcessState.ExitCode(), true
}

func ownNetwork() bool { return os.Getenv(networkEnv) != "" }

// setUpNetwork makes the loopback device of the namespace work, and a set of ports whose
// packets are dropped.
func setUpNetwork() error {
	if !ownNetwork() {
		return errors.New("packets can be dropped only in a network namespace, which could not be made: " +
			"apt-get install iproute2 nftables, and run the tests as root or where user namespaces are allowed")
	}
	if err := do("ip", "link", "set", "lo", "up"); err != nil {
		return err
	}
	for _, line := range []string{
		"add table inet faults",
		"add set inet faults dropped { type inet_service; }",
		"add chain inet faults input { type filter hook input priority 0; }",
		"add rule inet faults input meta l4proto { tcp, udp } th dport @dropped drop",
		"add rule inet faults input meta l4proto { tcp, udp } th sport @dropped drop",
	} {
		if err := do("nft", line); err != nil {
			return err
		}
	}
	return nil
}

func dropPackets(port string) error { return do("nft", "add element inet faults dropped { "+port+" }") }

func passPackets(port string) error {
	return do("nft", "delete element inet faults dropped { "+port+" }")
}

func do(program string, arguments ...string) error {
	out, err := exec.Command(program, arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w %s", program, strings.Join(arguments, " "), err, out)
	}
	return nil
}
