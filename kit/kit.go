// Package kit brings the batteries: the links, brokers and stores that come with Kerf,
// listed here and nowhere else, and the entry points that use them.
//
//	func main() { kit.Main(app) }
//
// One link without a plan, as a drop-in for grpc.NewClient and grpc.NewServer:
//
//	server, err := kit.Listen(ctx, "http://127.0.0.1:0", link.ListenOptions{})
//	conn, err := kit.Dial(server.URL(), link.DialOptions{})
package kit

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/kerf-go/kerf"
	"github.com/kerf-go/kerf/broker"
	"github.com/kerf-go/kerf/broker/natsbroker"
	"github.com/kerf-go/kerf/compare"
	"github.com/kerf-go/kerf/demo"
	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/grpclink"
	"github.com/kerf-go/kerf/link/httplink"
	"github.com/kerf-go/kerf/link/inproc"
	"github.com/kerf-go/kerf/link/natslink"
	"github.com/kerf-go/kerf/link/tcplink"
	"github.com/kerf-go/kerf/link/udplink"
	"github.com/kerf-go/kerf/run"
	"github.com/kerf-go/kerf/store"
	"github.com/kerf-go/kerf/store/postgres"
	"github.com/kerf-go/kerf/store/sqlite"
)

// Batteries lists every link, broker and store that comes with Kerf.
func Batteries() run.Batteries {
	return run.Batteries{
		Links: []link.Link{
			inproc.Link{}, httplink.Link{}, grpclink.Link{}, tcplink.Link{}, udplink.Link{}, natslink.Link{},
		},
		Brokers: []broker.Driver{natsbroker.Driver{}},
		Stores:  []store.Driver{sqlite.Driver{}, postgres.Driver{}},
	}
}

// Main carries out the command line of an app and exits: 0 when all went well, 1
// after an error, which it prints. Ctrl-C and SIGTERM drain; a second one kills.
func Main(app kerf.App, more ...Command) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals) // before the drain begins: from here on a second one kills
		cancel()
	}()
	if err := Run(ctx, app, os.Args[1:], os.Stdout, os.Stderr, more...); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", app.Name, err)
		os.Exit(1)
	}
}

// Run carries out one command of an app: see run.Exec. It returns when the
// command is done, or has been stopped by the end of ctx.
func Run(
	ctx context.Context, app kerf.App, args []string, stdout, stderr io.Writer, more ...Command,
) error {
	return run.Exec(ctx, app, Batteries(), args, stdout, stderr, more...)
}

// Dial makes a conn to a URL of any link, without I/O. It behaves as grpc-go
// does: no deadline and no policy of its own.
func Dial(rawURL string, o link.DialOptions) (link.Conn, error) { return Batteries().Dial(rawURL, o) }

// Listen takes the address of a URL of any link. Register services on the
// Server, then call Serve.
func Listen(ctx context.Context, rawURL string, o link.ListenOptions) (link.Server, error) {
	return Batteries().Listen(ctx, rawURL, o)
}

// Command is a command that an app has beside those that every app has.
type Command = run.Command

// Compare is the command "compare", which measures plans beside each other.
func Compare(w compare.Workload) Command { return compare.Command(w) }

// Demo is the command "demo", which carries out lessons on how things fail and recover.
func Demo(lessons ...demo.Lesson) Command { return demo.Command(lessons...) }
