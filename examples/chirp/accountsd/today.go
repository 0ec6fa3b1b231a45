//go:build !later

package main

import "google.golang.org/grpc"

var interceptors []grpc.UnaryServerInterceptor
