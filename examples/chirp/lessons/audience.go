package lessons

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/kerf-go/kerf/demo"
	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
)

// audience is the followers, and of which posts each was told how often.
type audience struct {
	notify  notifyv1.NotifyClient
	cancel  context.CancelFunc
	reading sync.WaitGroup

	mu   sync.Mutex // guards told
	told [followers]map[int64]int
}

func newAudience(system *demo.Processes) (*audience, error) {
	to, err := system.Dial("notify")
	if err != nil {
		return nil, err
	}
	a := &audience{notify: notifyv1.NewNotifyClient(to), cancel: func() {}}
	for i := range a.told {
		a.told[i] = map[int64]int{}
	}
	return a, nil
}

// listen returns when all of them do. They go on until leave.
func (a *audience) listen(ctx context.Context) error {
	ctx, a.cancel = context.WithCancel(ctx)
	for i := range a.told {
		stream, err := a.notify.Subscribe(ctx, &notifyv1.SubscribeRequest{AccountId: author + 1 + int64(i)})
		if err != nil {
			return err
		}
		if _, err := stream.Header(); err != nil {
			return err
		}
		a.reading.Go(func() {
			for post, err := stream.Recv(); err == nil; post, err = stream.Recv() {
				a.mu.Lock()
				a.told[i][post.GetPostId()]++
				a.mu.Unlock()
			}
		})
	}
	return nil
}

func (a *audience) leave() {
	a.cancel()
	a.reading.Wait()
}

// await waits in bounds until all were told of all.
func (a *audience) await(ctx context.Context, posts []int64) error {
	for deadline := time.Now().Add(3 * time.Second); a.lost(posts) > 0 && time.Now().Before(deadline); {
		if err := demo.Wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// lost is of how many posts somebody was not told.
func (a *audience) lost(posts []int64) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, post := range posts {
		if slices.ContainsFunc(a.told[:], func(told map[int64]int) bool { return told[post] == 0 }) {
			n++
		}
	}
	return n
}

// twice is how often somebody was told of a post again.
func (a *audience) twice() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, told := range a.told {
		for _, times := range told {
			n += times - 1
		}
	}
	return n
}
