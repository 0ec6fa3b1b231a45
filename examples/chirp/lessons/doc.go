// Package lessons is what Chirp teaches of failure:
//
//	go run ./examples/chirp demo
//
// Each lesson is a file, with its plan in plans/. What breaks is broken from outside:
// Chirp's services have no switch for it.
package lessons
