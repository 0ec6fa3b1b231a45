// Command gateway measures Kerf's gateway beside others that do the same: a bare
// httputil.ReverseProxy, Caddy and nginx. It is a module of its own, as heavy as Caddy.
//
//	make bench/gateway
//
// Each subject is a process of its own on one core; the upstream and the clients are on
// another: 64 connections that are kept alive, a small JSON answer. Throughput is
// measured by a closed loop in short turns, the subjects by turns in rotated order, and
// told as the median of the ratios of each round. Latency is measured by an open loop at
// half of the slowest one's capacity, from the time at which a request was due.
package main
