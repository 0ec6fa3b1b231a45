// Package linktest is the behavioural suite that every link passes: each case
// runs over a real *grpc.ClientConn and *grpc.Server on loopback, the oracle, and
// over the link, and what callers and handlers saw must be equal.
//
//	func TestExercise(t *testing.T) {
//		linktest.Exercise(t, linktest.Subject{
//			Link: httplink.New(),
//			URL:  "http://127.0.0.1:0",
//		})
//	}
//
// A case is a row with a sentence for its name and one function that runs on both
// sides. It serves handlers, calls them, and notes what it saw. Notes of the two
// sides are compared word for word. Three tables bound that comparison: ignored
// (metadata that transports add), exceptions (where grpc-go falls short, and what
// holds instead) and testdata/cases.txt (how many cases each link runs, so that
// none is declared away). Where a status was made by a transport and not by a
// handler, a case notes its code and not its text.
//
// The suite's own tests run it with links that are broken on purpose, and see
// each of them fail.
package linktest
