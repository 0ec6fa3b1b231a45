package link

import (
	"context"
	"net/url"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// DeadLetterer is a link with a durable queue: what fails there for good can be
// looked at, and tried again.
type DeadLetterer interface {
	// DeadLetters opens those of all subjects below the URL's.
	DeadLetters(ctx context.Context, u *url.URL) (DeadLetters, error)
}

// DeadLetters are accepted requests that failed for good. Errors are plain; they
// say what to do.
type DeadLetters interface {
	List(ctx context.Context) ([]DeadLetter, error)
	// Replay puts a letter back into the queue it came from, as a new request.
	Replay(ctx context.Context, id string) error
	Drop(ctx context.Context, id string) error
	Close()
}

// DeadLetter is one of them.
type DeadLetter struct {
	ID       string // among all of them
	Request  string // the request's own
	Method   string // "/package.Service/Method"
	Codec    string // content subtype of Message
	Header   metadata.MD
	Message  []byte // encoded
	Status   *status.Status
	Attempts int
	Accepted time.Time
	Died     time.Time
}
