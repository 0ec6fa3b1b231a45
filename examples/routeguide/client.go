package main

import (
	"context"
	"io"

	"github.com/kerf-go/kerf/examples/routeguide/guide"
	routeguidev1 "github.com/kerf-go/kerf/examples/routeguide/v1"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/link"
)

// visit visits the guide at an address.
func visit(ctx context.Context, address string, out io.Writer) error {
	conn, err := kit.Dial(address, link.DialOptions{})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return guide.Visit(ctx, routeguidev1.NewGuideClient(conn), out)
}
