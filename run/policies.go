package run

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/seam"
)

// policiesPath is where a process's admin listener tells what its policies are about.
const policiesPath = "/policies"

// notReady is told in place of fleet.Ready, which a process stays for the fleet: its
// readiness comes and goes with what it needs. It is told of a start that waits for that, too.
const notReady fleet.State = "not ready"

// fullReport is a fleet's report with what each process says of itself.
type fullReport struct {
	fleet.Report

	Processes []fullStatus `json:"processes,omitempty"`
}

type fullStatus struct {
	fleet.Status

	NotReady []string           `json:"not_ready,omitempty"` // why; the state says so, too
	Policies []seam.PolicyState `json:"policies,omitempty"`
	Unknown  string             `json:"policies_unknown,omitempty"` // why the process has not told them
}

// askAll asks each process that runs, all at once. Of one that does not answer soon nothing is
// known, and the report says so.
func askAll(ctx context.Context, r fleet.Report) fullReport {
	all := fullReport{Report: r, Processes: make([]fullStatus, len(r.Processes))}
	var asking sync.WaitGroup
	for i, s := range r.Processes {
		status := &all.Processes[i]
		status.Status = s
		if s.Admin == "" {
			continue
		}
		asking.Go(func() {
			var err error
			if status.Policies, err = askPolicies(ctx, s.Admin); err != nil {
				status.Policies, status.Unknown = nil, err.Error()
			}
		})
		if s.State == fleet.Ready || s.State == fleet.Starting {
			asking.Go(func() { status.NotReady = askReady(ctx, s.Admin) })
		}
	}
	asking.Wait()
	for i := range all.Processes {
		if all.Processes[i].NotReady != nil {
			all.Processes[i].State = notReady
		}
	}
	return all
}

func askPolicies(ctx context.Context, admin string) (states []seam.PolicyState, err error) {
	code, body, err := ask(ctx, admin+policiesPath)
	if err != nil {
		return nil, err
	}
	if code != http.StatusOK {
		return nil, fmt.Errorf("%s%s answers %d %s", admin, policiesPath, code, http.StatusText(code))
	}
	return states, json.Unmarshal(body, &states)
}

// askReady gives why a process is not ready, each reason on one line. nil: it is, or has no page that tells.
func askReady(ctx context.Context, admin string) (why []string) {
	code, body, err := ask(ctx, admin+"/readyz")
	switch {
	case err != nil: // it is stopped, say; the error stands beside what is asked of its policies
		return []string{"it does not answer"}
	case code != http.StatusServiceUnavailable:
		return nil
	}
	var told struct {
		Failed []struct {
			Check string `json:"check"`
			Error string `json:"error"`
		} `json:"failed"`
	}
	_ = json.Unmarshal(body, &told) // another program may say it in another way
	for _, f := range told.Failed {
		reason := f.Error
		if f.Check != "" {
			reason = f.Check + ": " + reason
		}
		why = append(why, strings.Join(strings.Fields(reason), " "))
	}
	if why == nil {
		return []string{"it does not say why"}
	}
	return why
}

// ask has time for a check of readiness that takes as long as it may.
func ask(ctx context.Context, url string) (code int, body []byte, err error) {
	const most = 1 << 20 // bytes
	ctx, cancel := context.WithTimeout(ctx, 2*checkTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	body, err = io.ReadAll(io.LimitReader(response.Body, most))
	return response.StatusCode, body, err
}

// troubles tells below the table why processes are not ready, which breakers are not closed,
// which replicas are left out, and of which processes that is not known.
func (c *commands) troubles(r fullReport) error {
	for _, s := range r.Processes {
		for _, why := range s.NotReady {
			if _, err := fmt.Fprintf(c.stdout, "\n%s %d: not ready: %s\n", s.Process, s.Replica, why); err != nil {
				return err
			}
		}
		if s.Unknown != "" {
			if _, err := fmt.Fprintf(c.stdout, "\n%s %d: what its policies are about is not known: %s\n",
				s.Process, s.Replica, s.Unknown); err != nil {
				return err
			}
		}
		for _, state := range s.Policies {
			what := state.State.State
			if what == "" || what == "closed" || what == string(balance.OK) {
				continue
			}
			which := strings.TrimSpace(state.Policy + " " + state.Scope)
			if _, err := fmt.Fprintf(c.stdout, "\n%s %d: from %s to %s, %s is %s\n",
				s.Process, s.Replica, state.Caller, state.Callee, which, what); err != nil {
				return err
			}
		}
	}
	return nil
}
