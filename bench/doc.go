// Command bench measures Kerf's links beside others: one echo service, calls of 100
// bytes with a deadline, one after the other and from 64 callers at once.
//
// The machine's speed changes from moment to moment. So all subjects take turns in
// short rounds, in an order that changes, and what counts is the median of the
// ratios within each round. grpc-go is measured twice: the ratio of the one to the
// other shows the noise.
//
//	go run . --date 2026-01-31 --out ../docs/benchmarks.md --check
//
// It is a module of its own, so that the peers stay out of Kerf's go.mod.
package main
