package compare

import (
	"context"
	"time"
)

// Workload is what people do with an app, and what it is done to.
type Workload struct {
	// Plans are the files to compare, in this order, when the command line names none.
	Plans []string
	// Folders are where the plans may be: in the first that has the first of them. None
	// is the working directory.
	Folders []string
	// Programs are compared beside the plans.
	Programs []Program
	// Begin fills an empty site. What it draws comes from the seed alone.
	Begin func(ctx context.Context, url string, seed uint64) (Crowd, error)
}

// Crowd is people on one site. What each of them does is decided by the seed and by
// how often he was asked; not by the time, nor by the others.
type Crowd interface {
	// Size is how many they are.
	Size() int
	// Act makes the next request of one of them, who is asked by one goroutine at a
	// time. An answer that shows a failure is an error.
	Act(ctx context.Context, person int) error
	// PostToScreen measures once how long something takes from its author to
	// somebody else's screen.
	PostToScreen(ctx context.Context) (time.Duration, error)
	Close() error
}

// Program is something that serves the same pages in another way.
type Program struct {
	Name string
	// Command gives program and arguments, and may use the folder dir to build it.
	// "--data FOLDER --web ADDRESS" is added; the program prints "site URL" on a line of
	// its own once it serves, and ends when it is interrupted.
	Command func(ctx context.Context, dir string) ([]string, error)
}
