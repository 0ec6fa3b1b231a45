package main

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	pb "github.com/kerf-go/kerf/bench/echo/v1"
)

// startBroker runs a NATS server in this process until ctx ends, and gives its URL.
func startBroker(ctx context.Context) (string, error) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		return "", err
	}
	go s.Start()
	context.AfterFunc(ctx, s.Shutdown)
	if !s.ReadyForConnections(10 * time.Second) {
		return "", errors.New("the NATS server is not ready after 10 s")
	}
	return s.ClientURL(), nil
}

// natsAt is request and reply by nats.go alone, with the same messages: what a link
// could at best be. Each request has its goroutine, as each call of a link has.
func natsAt(broker string) start {
	return func(ctx context.Context) (say, error) {
		callee, err := nats.Connect(broker)
		if err != nil {
			return nil, err
		}
		if _, err := callee.Subscribe("raw", func(m *nats.Msg) { go answer(m) }); err != nil {
			return nil, err
		}
		if err := callee.Flush(); err != nil {
			return nil, err
		}
		caller, err := nats.Connect(broker)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() {
			caller.Close()
			callee.Close()
		})
		return func(ctx context.Context, m *pb.Message) (*pb.Message, error) { return ask(ctx, caller, m) }, nil
	}
}

// answer leaves a request without an answer that it cannot decode: the caller's
// deadline tells.
func answer(m *nats.Msg) {
	request := new(pb.Message)
	if proto.Unmarshal(m.Data, request) != nil {
		return
	}
	reply, err := echo{}.Say(context.Background(), request)
	if err != nil {
		return
	}
	if b, err := proto.Marshal(reply); err == nil {
		_ = m.Respond(b)
	}
}

func ask(ctx context.Context, conn *nats.Conn, m *pb.Message) (*pb.Message, error) {
	b, err := proto.Marshal(m)
	if err != nil {
		return nil, err
	}
	answered, err := conn.RequestWithContext(ctx, "raw", b)
	if err != nil {
		return nil, err
	}
	reply := new(pb.Message)
	return reply, proto.Unmarshal(answered.Data, reply)
}
