package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// pipeDelay bounds how long the output of a process that has ended is waited for:
// what it started may have inherited the pipe.
const pipeDelay = time.Second

// child is one life of a process.
type child struct {
	cmd    *exec.Cmd
	box    *outbox
	exited chan struct{} // closed when the process has ended and its output was read
}

// launch starts the process of m. Whoever has a child waits for exited.
func launch(ctx context.Context, m *member) (*child, error) {
	// The life is ended in order by m, not by the context.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), m.Command[0], m.Command[1:]...) //nolint:gosec // the plan's
	cmd.Dir = m.Dir
	cmd.Env = append(append(os.Environ(), m.Env...), m.environ()...)
	cmd.WaitDelay = pipeDelay
	ownGroup(cmd)
	stdout, stderr := &lines{emit: m.heard}, &lines{emit: m.log}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("pipe to process %s: %w", m.label, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	c := &child{cmd: cmd, box: newOutbox(stdin), exited: make(chan struct{})}
	m.dir.join(c.box)
	go func() {
		defer close(c.exited)
		_ = cmd.Wait() // its outcome is in ProcessState
		killGroup(cmd) // what it started and left behind
		m.dir.leave(c.box)
		c.box.close()
		stdout.flush()
		stderr.flush()
	}()
	return c, nil
}

// kill ends the process and what it started, at once.
func (c *child) kill() { killGroup(c.cmd) }

// environ is what the fleet tells a process by its environment.
func (m *member) environ() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	listen := m.dir.of(m)
	if len(listen) == 0 {
		listen = m.Listen
	}
	return []string{
		envFleet + "=" + protocolVersion,
		envStopTimeout + "=" + m.o.StopTimeout.String(),
		envListen + "=" + strings.Join(listen, " "),
		envWeb + "=" + m.web,
		envAdmin + "=" + m.admin,
	}
}

// heard takes one line of the process's stdout: an event or a line of its log.
func (m *member) heard(line []byte, part bool) {
	text, isEvent := bytes.CutPrefix(line, []byte(eventPrefix))
	var e event
	if !isEvent || json.Unmarshal(text, &e) != nil {
		m.log(line, part)
		return
	}
	if e.Listening != "" {
		m.dir.announce(m, e.Listening)
	}
	m.take(e)
}

// log takes one line of the process's log.
func (m *member) log(line []byte, part bool) {
	m.mu.Lock()
	m.tail.add(line)
	m.mu.Unlock()
	m.out.line(m.label, m.hue, line, part)
}
