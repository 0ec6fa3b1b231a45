//go:build later

package main

import (
	"google.golang.org/grpc"

	"github.com/kerf-go/kerf/examples/chirp/internal/later"
)

var interceptors = []grpc.UnaryServerInterceptor{later.Server}
