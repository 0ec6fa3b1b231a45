package main

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/kerf-go/kerf/examples/routeguide/survey"
)

func TestThePlainProgram(t *testing.T) {
	t.Parallel()
	survey.Run(t, survey.Program{
		Serve: serve, Visit: visit, Address: survey.Port(t),
		Dial: func(address string) (survey.Conn, error) {
			return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		},
	})
}
