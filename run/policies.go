package run

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/fleet"
	"github.com/kerf-go/kerf/seam"
)

// policiesPath is where a process's admin listener tells what its policies are about.
const policiesPath = "/policies"

// policyReport is a fleet's report with what the policies of each process are about.
type policyReport struct {
	fleet.Report

	Processes []policyStatus `json:"processes,omitempty"`
}

type policyStatus struct {
	fleet.Status

	Policies []seam.PolicyState `json:"policies,omitempty"`
	Unknown  string             `json:"policies_unknown,omitempty"` // why the process has not told them
}

// withPolicies asks each process that runs. Of one that does not answer soon nothing is known,
// and the report says so.
func withPolicies(ctx context.Context, r fleet.Report) policyReport {
	all := policyReport{Report: r}
	for _, s := range r.Processes {
		status := policyStatus{Status: s}
		if s.Admin != "" {
			var err error
			if status.Policies, err = askPolicies(ctx, s.Admin); err != nil {
				status.Policies, status.Unknown = nil, err.Error()
			}
		}
		all.Processes = append(all.Processes, status)
	}
	return all
}

func askPolicies(ctx context.Context, admin string) (states []seam.PolicyState, err error) {
	const most = 1 << 20 // bytes
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, admin+policiesPath, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", request.URL, response.Status)
	}
	return states, json.NewDecoder(io.LimitReader(response.Body, most)).Decode(&states)
}

// troubles tells below the table which breakers are not closed, which replicas are left out,
// and of which processes that is not known.
func (c *commands) troubles(r policyReport) error {
	for _, s := range r.Processes {
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
