// Package compare measures the plans of an app beside each other: the same people do
// the same on each, over HTTP, and a table tells how much each bears, how soon it
// answers and what it uses.
//
//	func main() { kit.Main(app, kit.Compare(compare.Workload{Plans: []string{"apart.yaml"}, Begin: begin})) }
//
//	$ app compare
//
// Each plan runs as real processes with empty stores. It is filled; then everybody
// asks for the next thing as soon as the last is there (what it bears); then all
// send at random times, half as much in all (how soon it answers, from the moment a
// request was due; what it uses); then somebody posts and somebody else waits for it.
// The load comes from this machine too, and has its share of the processor.
package compare
