package inproc

// workers is a pool of goroutines that run handlers. Each keeps the stack that
// handlers have grown, which is what makes it cheaper than a goroutine per call.
// The server owns them: they end after stop, once their handler returns.
type workers struct {
	work chan task
	idle chan struct{} // a token for each worker that may wait for work
	done chan struct{}
}

// task is one call to run.
type task interface{ run() }

// maxIdle bounds the workers that wait for work.
const maxIdle = 16

func newWorkers() workers {
	return workers{work: make(chan task), idle: make(chan struct{}, maxIdle), done: make(chan struct{})}
}

func (w workers) start(t task) {
	select {
	case w.work <- t:
	default:
		go w.loop(t)
	}
}

func (w workers) loop(t task) {
	for {
		t.run()
		select {
		case w.idle <- struct{}{}:
		default:
			return
		}
		select {
		case t = <-w.work:
			<-w.idle
		case <-w.done:
			return
		}
	}
}

func (w workers) stop() { close(w.done) }
