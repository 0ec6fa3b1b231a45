// Package faults tests what callers see when something breaks: for each link and each
// fault, from outside and with real processes, what becomes of calls that may be
// repeated, of those that must not, and of streams. The result is docs/faults.md:
//
//	go test ./faults          # fails if it differs from the table
//	go test ./faults -update  # writes the table
//
// Packets can be dropped only in a network of the test's own, which needs Linux, nftables
// and iproute2. Elsewhere that fault is skipped.
package faults
