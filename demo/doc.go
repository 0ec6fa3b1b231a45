// Package demo is lessons that one can watch: each runs a plan, breaks something, measures
// what becomes of its calls, and tells whether what it claims has held.
//
//	func main() { kit.Main(app, kit.Demo(demo.Lesson{Name: "breaker", Plan: plan, Run: breaker}...)) }
//
//	func breaker(ctx context.Context, s *demo.Stage) error {
//		system, err := s.Inside(ctx, s.Plan(), s.App())
//		...
//		load := demo.Begin(ctx, 100, call)
//		broken.Store(true) // from outside: an interceptor, a signal, a kill
//		...
//		s.Columns("healthy", "broken")
//		s.Figure("calls answered", "%", ...)
//		s.Claimf(share > 0.99, "%.0f %% of the calls are answered", 100*share)
//		return err
//	}
//
//	$ app demo breaker
//
// A lesson has one plan file. A line of it that ends with "# without: LINE" is that LINE in
// the plan without what the lesson is about, which --without runs: then the claim must not
// hold, or the lesson shows nothing. With "# without PART: LINE" a line is part of several
// that can be taken away alone, by --without=PART.
package demo
