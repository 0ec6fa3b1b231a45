package main

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/kerf-go/kerf/examples/routeguide/guide"
	routeguidev1 "github.com/kerf-go/kerf/examples/routeguide/v1"
)

// visit visits the guide at an address.
func visit(ctx context.Context, address string, out io.Writer) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return guide.Visit(ctx, routeguidev1.NewGuideClient(conn), out)
}
