package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kerf-go/kerf/fleet"
)

// A single process shows up in the status as a fleet does.
func ExamplePublish() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "status")
	if err != nil {
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	file, started := filepath.Join(folder, "status.json"), time.Now()

	published, err := fleet.Publish(ctx, file, func() fleet.Report {
		return fleet.Report{App: "chirp", Started: started, Processes: []fleet.Status{
			{Process: "monolith", Services: []string{"web", "accounts"}, PID: os.Getpid(), State: fleet.Ready},
		}}
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := fleet.ReadStatus(ctx, file)
	fmt.Println(report.App, report.Processes[0].Process, report.Processes[0].State, err)

	_ = published.Close()
	_, err = fleet.ReadStatus(ctx, file)
	fmt.Println(errors.Is(err, fleet.ErrNotRunning))
	// Output:
	// chirp monolith ready <nil>
	// true
}
