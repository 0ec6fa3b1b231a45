package main

import (
	"context"
	"fmt"

	pb "github.com/kerf-go/kerf/bench/echo/v1"
)

// subject is one way to carry the echo call.
type subject struct {
	name  string
	start start
}

// start sets up both ends, which last until ctx ends.
type start func(ctx context.Context) (say, error)

// say makes one call.
type say func(ctx context.Context, m *pb.Message) (*pb.Message, error)

// echo is the handler, the same for all.
type echo struct {
	pb.UnimplementedEchoServer
}

func (echo) Say(_ context.Context, m *pb.Message) (*pb.Message, error) { return m, nil }

// Names that the bars below use.
const (
	grpcGo    = "grpc-go"
	connectGo = "connect-go"
	rawNATS   = "nats.go, raw"
)

// oracle is what every ratio of the tables is to.
const oracle = grpcGo

// subjects are all that is measured; those with broker need a NATS server there.
func subjects(broker string) []subject {
	return []subject{
		{grpcGo, startGRPC},
		{"grpc-go again", startGRPC},
		{"kerf inproc", link("inproc://")},
		{"kerf http", link("http://127.0.0.1:0")},
		{"kerf grpc", link("grpc://127.0.0.1:0")},
		{"kerf tcp", link("tcp://127.0.0.1:0")},
		{"kerf nats", link(broker + "/bench")},
		{"kerf udp", link("udp://127.0.0.1:0")},
		{"inprocgrpc", startInprocGRPC},
		{"drpc", startDRPC},
		{connectGo, startConnect},
		{rawNATS, natsAt(broker)},
	}
}

// bar is what a subject must reach: at least so many times the throughput of a peer.
type bar struct {
	subject, peer string
	callers       int
	atLeast       float64
	mostAdded     float64 // ns of a call more than the peer's; 0: the ratio counts
}

// bars are those that are due.
func bars() []bar {
	links := []string{"http", "grpc", "tcp", "nats", "udp"}
	due := append(make([]bar, 0, 9+2*len(links)), []bar{ //nolint:mnd // those that follow
		{"kerf inproc", grpcGo, 1, 15, 0},
		{"kerf tcp", grpcGo, many, 2, 0},
		{"kerf grpc", grpcGo, 1, 1 / 1.15, 0},
		{"kerf grpc", grpcGo, many, 1 / 1.15, 0},
		{"kerf nats", rawNATS, 1, 1 / 1.25, 0},
		{"kerf nats", rawNATS, many, 1 / 1.25, 0},
		{"kerf http", connectGo, 1, 1 / 1.15, 0},
		{"kerf http", connectGo, many, 1 / 1.15, 0},
		{"inproc" + bounded, "inproc" + plain, 1, 0, 400},
	}...)
	for _, link := range links {
		due = append(due,
			bar{link + guarded, link + plain, 1, 1 / 1.03, 0},
			bar{link + balanced, link + bare, 1, 1 / 1.03, 0})
	}
	return due
}

func (b bar) String() string {
	if b.mostAdded > 0 {
		return fmt.Sprintf("%s at most %g ns more than %s", b.subject, b.mostAdded, b.peer)
	}
	how := "from one caller"
	if b.callers > 1 {
		how = fmt.Sprintf("from %d callers", b.callers)
	}
	if b.atLeast < 1 {
		return fmt.Sprintf("%s within %.3g times %s, %s", b.subject, 1/b.atLeast, b.peer, how)
	}
	return fmt.Sprintf("%s %.3g times as fast as %s, %s", b.subject, b.atLeast, b.peer, how)
}
